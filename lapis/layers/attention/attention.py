"""Attention of one head, without projections: by dot product, or by a learned sum."""

from typing import Any, Unpack

import lapis.ops as ops
import lapis.random as random
from lapis.core.serialization import builtin
from lapis.layers.attention.masks import merge_masks
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions
from lapis.layers.regularization.dropout import check_rate
from lapis.state import SeedGenerator


@builtin("keras.layers")
class Attention(Layer):
    """Weighs the values by the softmax of `query · key`, from [Luong et al., 2015](https://arxiv.org/abs/1508.04025).

    Called with a list `[query, value]` or `[query, value, key]` of shapes `(batch, time, dim)` and
    `(batch, source time, dim)`, it gives `(batch, time, dim of the values)`.

    Args:
        use_scale: whether to multiply the scores, or with `"concat"` the sums, by a trained number.
        score_mode: `"dot"`, or `"concat"` for a trained number times `sum(tanh(query + key))`.
        dropout: fraction of the weights dropped in training.
        seed: an integer for the dropout.

    Call arguments:
        inputs: the list.
        mask: a list `[query mask, value mask]` of booleans `(batch, time)` or `None`. Masked values are not seen,
            outputs of masked queries are zero.
        return_attention_scores: return the weights `(batch, time, source time)` as well.
        training: whether weights are dropped.
        use_causal_mask: hide what is later than the query.

    A `ValueError` for another `score_mode`, and where inputs or masks are no lists of two or three.

    >>> import numpy as np
    >>> Attention()([np.ones((2, 3, 4)), np.ones((2, 5, 4))]).shape
    (2, 3, 4)
    """

    scale: Any
    concat_score_weight: Any

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ValueError(f"{type(self).__name__} got score_mode={score_mode!r}; expected 'dot' or 'concat'.")
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = check_rate(type(self).__name__, "dropout", dropout)
        self.seed = seed
        if dropout > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True

    def build(self, input_shape: list) -> None:
        self._check_list(input_shape, "inputs")
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        self.concat_score_weight = None
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def _check_list(self, given: Any, name: str) -> None:
        if not isinstance(given, list) or len(given) not in (2, 3):
            raise ValueError(
                f"The layer {self.path!r} takes lists, [query, value] or [query, value, key]; got {name}={given!r}."
            )

    def call(
        self,
        inputs: list,
        mask: list | None = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        self._check_list(inputs, "inputs")
        if mask is not None:
            self._check_list(mask, "mask")
        query, value, key = inputs if len(inputs) == 3 else (*inputs, inputs[1])
        query_mask, value_mask = (None, None) if mask is None else mask[:2]
        scores = self._calculate_scores(query, key)
        seen = merge_masks(None, value_mask, None, None, scores.shape[-2:], use_causal_mask, None)
        if seen is not None:
            scores = ops.where(seen, scores, scores - (65504.0 if scores.dtype == "float16" else 1e9))
        weights = ops.softmax(scores, axis=-1)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        output = ops.matmul(weights, value)
        if query_mask is not None:
            output = ops.where(ops.expand_dims(query_mask, -1), output, 0)
        return (output, weights) if return_attention_scores else output

    def _calculate_scores(self, query: Any, key: Any) -> Any:
        """The scores `(batch, time, source time)`; a subclass may replace it."""
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
            return scores if self.scale is None else scores * self.scale
        sums = ops.expand_dims(query, -2) + ops.expand_dims(key, -3)
        return self.concat_score_weight * ops.sum(ops.tanh(sums if self.scale is None else self.scale * sums), axis=-1)

    def compute_mask(self, inputs: list, mask: Any = None) -> Any:
        return None if mask is None else mask[0]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "use_scale": self.use_scale,
            "score_mode": self.score_mode,
            "dropout": self.dropout,
            "seed": self.seed,
        }


@builtin("keras.layers")
class AdditiveAttention(Attention):
    """Weighs the values by the softmax of `sum(scale * tanh(query + key))`, from
    [Bahdanau et al., 2014](https://arxiv.org/abs/1409.0473).

    `use_scale` says whether there is a trained `scale` of the size of the last axis. All else is as in `Attention`.

    >>> import numpy as np
    >>> AdditiveAttention()([np.ones((2, 3, 4)), np.ones((2, 5, 4))]).shape
    (2, 3, 4)
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: list) -> None:
        self._check_list(input_shape, "inputs")
        self.scale = self.add_weight((input_shape[0][-1],), "glorot_uniform", name="scale") if self.use_scale else None

    def _calculate_scores(self, query: Any, key: Any) -> Any:
        shown = ops.tanh(ops.expand_dims(query, -2) + ops.expand_dims(key, -3))
        return ops.sum(shown if self.scale is None else self.scale * shown, axis=-1)

    def get_config(self) -> dict:
        config = super().get_config()
        del config["score_mode"]
        return config
