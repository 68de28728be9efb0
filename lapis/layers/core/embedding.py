"""The layer that turns whole numbers into vectors."""

import warnings
from typing import Any, Unpack

import lapis.constraints as constraints
import lapis.initializers as initializers
import lapis.ops as ops
import lapis.regularizers as regularizers
from lapis.core.serialization import builtin
from lapis.core.watching import watching
from lapis.layers.core.quantizable import Quantizable
from lapis.layers.options import EmbeddingOptions


@builtin("keras.layers")
class Embedding(Quantizable):
    """A row of a trained table for each whole number.

    Input `(batch, …)` of numbers from 0 to `input_dim - 1`, output `(batch, …, output_dim)`.

    Args:
        input_dim: how many different numbers, at least 1.
        output_dim: length of a vector, at least 1.
        embeddings_initializer: the table's first values.
        embeddings_regularizer: penalty on the table.
        embeddings_constraint: what the table is put through after each update.
        mask_zero: whether 0 is padding that later layers skip.
        weights: the table's first values as an array `(input_dim, output_dim)`.
        lora_rank, lora_alpha: freeze the table and train a low-rank change of it (see `enable_lora`).
        quantization_config: only `None`.

    A `ValueError` unless `input_dim` and `output_dim` are positive integers.

    >>> import numpy as np
    >>> Embedding(10, 4)(np.array([[1, 2, 3]])).shape
    (1, 3, 4)
    """

    _adapted_weight = "embeddings"

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: None = None,
        **kwargs: Unpack[EmbeddingOptions],
    ) -> None:
        for name, value in (("input_dim", input_dim), ("output_dim", output_dim)):
            if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
                raise ValueError(f"Embedding got {name}={value!r}; expected a positive integer.")
        if kwargs.pop("input_length", None) is not None:
            warnings.warn("Embedding takes no input_length any more; leave it out.", stacklevel=2)
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        # Large whole numbers do not survive a cast to 16 bits.
        self.autocast = False
        self._set_lora(lora_rank, lora_alpha)
        self._refuse_quantization(quantization_config)
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list) and len(weights) == 1 else [weights])

    def build(self, input_shape: tuple | None = None) -> None:
        if self.built:
            return
        self._embeddings = self.add_weight(
            name="embeddings",
            shape=(self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )
        if self.lora_rank:
            self._start_lora()

    @property
    def embeddings(self) -> Any:
        """The table `(input_dim, output_dim)`, with the low-rank change where there is one."""
        return self._adapted()

    def call(self, inputs: Any) -> Any:
        if inputs.dtype not in ("int32", "int64"):
            inputs = ops.cast(inputs, "int32")
        if watching.watch is not None:
            watching.watch.ids("Embedding", inputs, 0, self.input_dim)
        return ops.cast(ops.take(self.embeddings, inputs, axis=0), self.compute_dtype)

    def quantized_build(self, embeddings_shape: Any, mode: str, config: Any = None) -> None:
        """Not available: layers are not quantized."""
        super().quantized_build(embeddings_shape, mode, config)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def get_config(self) -> dict:
        config = {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": initializers.serialize(self.embeddings_initializer),
            "embeddings_regularizer": regularizers.serialize(self.embeddings_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "embeddings_constraint": constraints.serialize(self.embeddings_constraint),
            "mask_zero": self.mask_zero,
            "quantization_config": None,
        }
        return {**config, **self._lora_config()}
