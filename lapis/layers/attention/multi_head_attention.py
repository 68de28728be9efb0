"""Attention by several heads."""

import math
from collections.abc import Sequence
from string import ascii_lowercase
from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.attention.heads import HeadedAttention, check_count
from lapis.layers.core.einsum_dense import EinsumDense
from lapis.layers.options import BaseOptions


@builtin("keras.layers")
class MultiHeadAttention(HeadedAttention):
    """Attention by several heads, from [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762).

    Queries `(batch, time, features)` and values `(batch, source time, features)` give `(batch, time, features)`. Each
    head projects query, key and value, weighs the values by `softmax(query · key / sqrt(key_dim))`, and all heads
    together are projected to the output.

    Args:
        num_heads: how many heads.
        key_dim: the size of a head's query and key.
        value_dim: the size of a head's value; `key_dim` by default.
        dropout: fraction of the weights dropped in training.
        use_bias: whether the projections have biases.
        output_shape: sizes of the output's last axes; the query's last by default.
        attention_axes: the axes that are attended over; all but the batch and the features by default.
        sliding_window: how near a source must be to be seen, in steps, itself included; all are seen by default.
        flash_attention: `True` asks for the GPU's fused kernel, `False` refuses it; `None` follows
            `config.is_flash_attention_enabled()`.
        kernel_initializer, bias_initializer: the first values.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on what each projection gives.
        kernel_constraint, bias_constraint: what weights are put through after each update.
        use_gate: whether heads are multiplied by `sigmoid` of a projection of the query, from
            [Qiu et al., 2025](https://arxiv.org/abs/2505.06708).
        seed: an integer for the dropout.

    Call arguments:
        query: `(batch, time, features)`.
        value: `(batch, source time, features)`.
        key: like `value`, which it is by default.
        query_mask, value_mask, key_mask: booleans `(batch, time)` or `(batch, source time)`; those that the tensors
            carry by default.
        attention_mask: booleans `(batch, time, source time)`; false hides a source from a query.
        return_attention_scores: return the weights `(batch, heads, time, source time)` as well.
        training: whether weights are dropped.
        use_causal_mask: hide what is later than the query.

    A `ValueError` for sizes that are no positive integers, dropout with flash attention, and where value and key
    disagree.

    >>> import numpy as np
    >>> x = np.ones((2, 5, 8), "float32")
    >>> output, scores = MultiHeadAttention(num_heads=2, key_dim=4)(x, x, return_attention_scores=True)
    >>> output.shape, scores.shape
    ((2, 5, 8), (2, 2, 5, 5))
    """

    num_heads: int = 0  # these sizes are the constructor's
    key_dim: int = 0
    value_dim: int = 0
    _equations: tuple[str, str]

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Unpack[BaseOptions],
    ) -> None:
        super().__init__(
            dropout=dropout,
            use_bias=use_bias,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            penalty=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            use_gate=use_gate,
            seed=seed,
            **kwargs,
        )
        self.num_heads = check_count(self, "num_heads", num_heads)
        self.key_dim = check_count(self, "key_dim", key_dim)
        self.value_dim = key_dim if value_dim is None else check_count(self, "value_dim", value_dim)
        self._output_sizes = _as_tuple(self, "output_shape", output_shape)
        self.attention_axes = _as_tuple(self, "attention_axes", attention_axes)

    @property
    def query_dense(self) -> EinsumDense:
        """The projection of the query."""
        return self._query_dense

    @property
    def key_dense(self) -> EinsumDense:
        """The projection of the key."""
        return self._key_dense

    @property
    def value_dense(self) -> EinsumDense:
        """The projection of the value."""
        return self._value_dense

    @property
    def output_dense(self) -> EinsumDense:
        """The projection of what the heads see."""
        return self._output_dense

    def build(self, query_shape: tuple, value_shape: tuple, key_shape: tuple | None = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        self._check_lengths(value_shape, key_shape)
        self._query_dense = self._to_heads("query", query_shape, self.key_dim)
        self._key_dense = self._to_heads("key", key_shape, self.key_dim)
        if self.use_gate:
            self._gate_dense = self._to_heads("gate", query_shape, self.value_dim, "sigmoid")
        self._value_dense = self._to_heads("value", value_shape, self.value_dim)
        rank = len(value_shape) + 1
        axes = tuple(range(1, rank - 2)) if self.attention_axes is None else self.attention_axes
        if any(not -rank < axis < rank - 1 for axis in axes):
            raise ValueError(f"{self.path!r} has attention_axes={axes}; a value of shape {value_shape} has none such.")
        axes = tuple(axis if axis >= 0 else rank - 1 + axis for axis in axes)
        self._attended_axes = len(axes)
        self._equations = _attention_equations(rank, axes)
        scores_rank = rank - 1 + len(axes)
        self._build_attention(tuple(range(scores_rank - len(axes), scores_rank)))
        sizes = self._output_sizes or (query_shape[-1],)
        equation, bias_axes = _projection_equation(len(query_shape) - 1, 2, len(sizes))
        free = (None,) * (len(query_shape) - 2)
        self._output_dense = self._projection("attention_output", equation, (*free, *sizes), bias_axes)
        self._output_dense.build((*query_shape[:-1], self.num_heads, self.value_dim))

    def _to_heads(self, name: str, shape: tuple, size: int, activation: Any = None) -> EinsumDense:
        equation, bias_axes = _projection_equation(len(shape) - 1, 1, 2)
        free = (None,) * (len(shape) - 2)
        dense = self._projection(name, equation, (*free, self.num_heads, size), bias_axes, activation)
        dense.build(shape)
        return dense

    @property
    def _scale(self) -> float:
        return 1 / math.sqrt(self.key_dim)

    def _scores(self, query: Any, key: Any) -> Any:
        return ops.einsum(self._equations[0], key, query)

    def _combine(self, scores: Any, value: Any) -> Any:
        return ops.einsum(self._equations[1], scores, value)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "output_shape": self._output_sizes,
            "attention_axes": self.attention_axes,
        }


def _as_tuple(layer: Any, name: str, value: Any) -> tuple[int, ...] | None:
    sizes = (value,) if isinstance(value, int) else value
    if sizes is None:
        return None
    if not isinstance(sizes, (list, tuple)) or not all(isinstance(size, int) for size in sizes):
        raise ValueError(f"{type(layer).__name__} got {name}={value!r}; expected an integer or a tuple of them.")
    return tuple(sizes)


def _projection_equation(free: int, bound: int, outputs: int) -> tuple[str, str]:
    """The equation that keeps the `free` first axes and maps the `bound` last to `outputs` new ones; and the new."""
    kept, summed = ascii_lowercase[:free], ascii_lowercase[free : free + bound]
    new = ascii_lowercase[free + bound : free + bound + outputs]
    return f"{kept}{summed},{summed}{new}->{kept}{new}", new


def _attention_equations(rank: int, axes: tuple[int, ...]) -> tuple[str, str]:
    """The equations `key, query -> scores` and `scores, value -> output` for heads of `(batch, ..., heads, depth)`."""
    query = ascii_lowercase[:rank]
    fresh = iter(ascii_lowercase[rank:])
    source = "".join(next(fresh) if i in axes else letter for i, letter in enumerate(query))
    batch = "".join(letter for i, letter in enumerate(query[:-1]) if i not in axes)
    scores = batch + "".join(query[i] for i in axes) + "".join(source[i] for i in axes)
    return f"{source},{query}->{scores}", f"{scores},{source}->{query}"
