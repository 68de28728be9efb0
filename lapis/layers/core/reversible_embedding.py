"""The embedding that also leads back, from vectors to a score for each whole number."""

from typing import Any

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.graph import set_mask
from lapis.layers.core.embedding import Embedding


@builtin("keras.layers")
class ReversibleEmbedding(Embedding):
    """An `Embedding` that, called with `reverse=True`, multiplies vectors by its table transposed.

    Input `(batch, …)` of numbers, output `(batch, …, output_dim)`; in reverse, input `(batch, …, output_dim)` and
    output `(batch, …, input_dim)`, the logits of a language model
    ([Press and Wolf, 2016](https://arxiv.org/abs/1608.05859)).

    Args:
        input_dim: how many different numbers, at least 1.
        output_dim: length of a vector, at least 1.
        tie_weights: whether the way back takes the same table; otherwise it has one of its own.
        embeddings_initializer: the tables' first values.
        embeddings_regularizer: penalty on the table.
        embeddings_constraint: what the table is put through after each update.
        mask_zero: whether 0 is padding that later layers skip.
        reverse_dtype: the type that the way back computes in; by default the one that vectors and table meet in.
        logit_soft_cap: a bound `c` that the way back keeps by `c * tanh(logits / c)`; none by default.

    >>> import numpy as np
    >>> layer = ReversibleEmbedding(10, 4)
    >>> vectors = layer(np.array([[1, 2, 3]]))
    >>> vectors.shape, layer(vectors, reverse=True).shape
    ((1, 3, 4), (1, 3, 10))
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ) -> None:
        self.tie_weights = tie_weights  # `weights` among the arguments lets the constructor build
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
            mask_zero=mask_zero,
            **kwargs,
        )
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: tuple | None = None) -> None:
        if self.built:
            return
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                name="reverse_embeddings",
                shape=(self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,
            )

    @property
    def variable_serialization_spec(self) -> dict[str | None, list[str]]:
        """The names of the saved weights, in order, by quantization mode: there is only `None`."""
        own = [] if self.tie_weights else ["reverse_embeddings"]
        return {mode: names + own for mode, names in super().variable_serialization_spec.items()}

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if not reverse:
            return self._masked(super().call(inputs), inputs)
        table = ops.transpose(self.embeddings) if self.tie_weights else self.reverse_embeddings
        if self.reverse_dtype is not None:
            inputs, table = ops.cast(inputs, self.reverse_dtype), ops.cast(table, self.reverse_dtype)
        logits = ops.matmul(inputs, table)
        if self.logit_soft_cap is None:
            return logits
        return ops.tanh(logits / self.logit_soft_cap) * self.logit_soft_cap

    def _masked(self, outputs: Any, inputs: Any) -> Any:
        if self.mask_zero:
            set_mask(outputs, ops.not_equal(inputs, 0))
        return outputs

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """`None`: the call itself puts the mask on the vectors, and none on logits."""
        return None

    def compute_output_spec(self, inputs: Any, reverse: bool = False) -> Any:
        outputs = super().compute_output_spec(inputs, reverse=reverse)
        return outputs if reverse else self._masked(outputs, inputs)

    def compute_output_shape(self, input_shape: Any, reverse: bool = False) -> tuple:
        return (*input_shape[:-1], self.input_dim) if reverse else (*input_shape, self.output_dim)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "tie_weights": self.tie_weights,
            "reverse_dtype": self.reverse_dtype,
            "logit_soft_cap": self.logit_soft_cap,
        }
