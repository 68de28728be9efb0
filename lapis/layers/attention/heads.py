"""What the attention layers with several heads share: projections, masks, softmax and dropout."""

from typing import Any

import lapis.constraints as constraints
import lapis.initializers as initializers
import lapis.ops as ops
import lapis.regularizers as regularizers
from lapis.core.config import is_flash_attention_enabled
from lapis.layers.activation.softmax import Softmax
from lapis.layers.attention.masks import merge_masks
from lapis.layers.batch_axis import is_batch_axis
from lapis.layers.core.einsum_dense import EinsumDense
from lapis.layers.layer import Layer
from lapis.layers.regularization.dropout import Dropout


class HeadedAttention(Layer):
    """Projects query, key and value to heads, lets the heads attend, and projects what comes out.

    A subclass makes the projections in `build` and gives `_scores` and `_combine`, the two products of attention.
    """

    dropout: float = 0.0  # these two and a subclass's sizes are the constructor's
    use_bias: bool = True
    _query_dense: EinsumDense
    _key_dense: EinsumDense
    _value_dense: EinsumDense
    _output_dense: EinsumDense
    _softmax: Softmax
    _dropout_layer: Dropout
    _gate_dense: EinsumDense | None = None
    attention_axes: tuple[int, ...] | None = None

    def __init__(
        self,
        dropout: float,
        use_bias: bool,
        sliding_window: int | None,
        flash_attention: bool | None,
        kernel_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        bias_regularizer: Any,
        penalty: Any,
        kernel_constraint: Any,
        bias_constraint: Any,
        use_gate: bool,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.dropout = dropout
        self.use_bias = use_bias
        self.use_gate = use_gate
        self.sliding_window = None if sliding_window is None else check_count(self, "sliding_window", sliding_window)
        self.flash_attention = is_flash_attention_enabled() if flash_attention is None else flash_attention
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self._penalty = regularizers.get(penalty)  # on what each projection gives
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.seed = seed
        if self.flash_attention and dropout > 0:
            raise ValueError(
                f"{type(self).__name__} got flash_attention=True and dropout={dropout}; the fused kernel has no "
                "dropout. Set one of them to none."
            )

    def _projection(
        self, name: str, equation: str, output_shape: tuple, bias_axes: str, activation: Any = None
    ) -> EinsumDense:
        return EinsumDense(
            equation,
            output_shape=output_shape,
            activation=activation,
            bias_axes=bias_axes if self.use_bias else None,
            kernel_initializer=_another(self.kernel_initializer),
            bias_initializer=_another(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            activity_regularizer=self._penalty,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            dtype=self.dtype_policy,
            name=name,
        )

    def _build_attention(self, axes: tuple[int, ...]) -> None:
        """Make the softmax over the axes of the scores, and the dropout behind it."""
        self._softmax = Softmax(axis=axes, dtype=self.dtype_policy)
        self._dropout_layer = Dropout(self.dropout, dtype=self.dtype_policy, seed=self.seed)

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        self._check_lengths(value.shape, key.shape)
        if self.flash_attention and return_attention_scores:
            raise ValueError(
                f"The layer {self.path!r} has flash_attention=True, and the fused kernel gives no scores; call it "
                "with return_attention_scores=False or make it with flash_attention=False."
            )
        lengths = query.shape[1], value.shape[1]
        masks = query_mask, value_mask, key_mask, attention_mask
        causal_only = use_causal_mask and self.sliding_window is None and all(mask is None for mask in masks)
        mask = None if causal_only else merge_masks(*masks, lengths, use_causal_mask, self.sliding_window)
        heads = _apply(self._query_dense, query), _apply(self._key_dense, key), _apply(self._value_dense, value)
        extra = {"use_causal_mask": True} if causal_only else {}
        output, scores = self._compute_attention(*heads, mask, training, return_attention_scores, **extra)
        if self._gate_dense is not None:
            output = output * _apply(self._gate_dense, query)
        output = _apply(self._output_dense, output)
        return (output, scores) if return_attention_scores else output

    def _check_lengths(self, value: tuple, key: tuple) -> None:
        pairs = zip(value[1:-1], key[1:-1])
        if len(value) != len(key) or any(v != k for v, k in pairs if isinstance(v, int) and isinstance(k, int)):
            raise ValueError(
                f"The layer {self.path!r} got a value of shape {tuple(value)} and a key of shape {tuple(key)}; "
                "expected them to agree in all axes but the last."
            )

    def _compute_attention(
        self,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> tuple[Any, Any]:
        """What the heads see, `(batch, time, heads, depth)`, and their scores or `None`; a subclass may replace it."""
        drops = bool(training) and self.dropout > 0
        if len(query.shape) == 4 and not drops and not return_attention_scores:
            output = ops.dot_product_attention(
                query,
                key,
                value,
                mask=self._for_heads(attention_mask, 4),
                scale=self._scale,
                is_causal=use_causal_mask,
                flash_attention=self.flash_attention,
            )
            return output, None
        if use_causal_mask:
            lengths = query.shape[1], value.shape[1]
            attention_mask = merge_masks(None, None, None, attention_mask, lengths, True, None)
        scores = self._scores(query * self._scale, key)
        scores = self._masked_softmax(scores, attention_mask)
        return self._combine(self._dropout_layer(scores, training=training) if drops else scores, value), scores

    @property
    def _scale(self) -> float:
        raise NotImplementedError

    def _scores(self, query: Any, key: Any) -> Any:
        """The products of all queries with all keys, `(batch, heads, time, source time)`."""
        raise NotImplementedError

    def _combine(self, scores: Any, value: Any) -> Any:
        """The values weighted by the scores, `(batch, time, heads, depth)`."""
        raise NotImplementedError

    def _masked_softmax(self, scores: Any, mask: Any = None) -> Any:
        return self._softmax(scores, mask=self._for_heads(mask, len(scores.shape)))

    def _for_heads(self, mask: Any, rank: int) -> Any:
        """The mask `(batch, time, source time)` with axes of size 1 for the heads and what else the scores have."""
        if mask is None:
            return None
        mask = ops.cast(mask, "bool")
        for _ in range(rank - len(mask.shape)):
            mask = ops.expand_dims(mask, -2 * self._attended_axes - 1)
        return mask

    _attended_axes = 1

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        """Whether the batch may be attended over, or a mask lacks it; it speaks for the layers inside too."""
        return min(ranks) < 3 or is_batch_axis(self.attention_axes or (), ranks)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "use_gate": self.use_gate,
            "sliding_window": self.sliding_window,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self._penalty),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "seed": self.seed,
        }


def check_count(layer: Layer, name: str, value: Any) -> int:
    """`value`; a `ValueError` unless it is a positive integer."""
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{type(layer).__name__} got {name}={value!r}; expected a positive integer.")
    return value


def _another(initializer: Any) -> Any:
    """An initializer of the same config that draws numbers of its own."""
    if not isinstance(initializer, initializers.Initializer):
        return initializer
    return type(initializer).from_config(initializer.get_config())


def _apply(layer: Layer, x: Any) -> Any:
    """The layer inside on a tensor whose mask the attention layer has dealt with."""
    return layer._call_on_arrays((x,), {})
