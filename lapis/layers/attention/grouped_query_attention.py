"""Attention whose heads share keys and values in groups."""

import math
from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.attention.heads import HeadedAttention, check_count
from lapis.layers.options import BaseOptions


@builtin("keras.layers", "GroupQueryAttention")
class GroupedQueryAttention(HeadedAttention):
    """Attention by several heads that share keys and values, from
    [Ainslie et al., 2023](https://arxiv.org/abs/2305.13245).

    Queries `(batch, time, features)` and values `(batch, source time, features)` give `(batch, time, features)`. Each
    of the `num_key_value_heads` keys and values serves as many heads of the query, one after the other.

    Args:
        head_dim: the size of a head.
        num_query_heads: how many heads the query has.
        num_key_value_heads: how many the key and the value have; it divides `num_query_heads`.
        dropout, use_bias, sliding_window, flash_attention, kernel_initializer, bias_initializer, kernel_regularizer,
            bias_regularizer, kernel_constraint, bias_constraint, use_gate, seed: as in `MultiHeadAttention`.
        activity_regularizer: a penalty on what each projection gives, and on what the layer returns.

    The call arguments are those of `MultiHeadAttention`. A `ValueError` for sizes that are no positive integers or do
    not divide, dropout with flash attention, and where value and key disagree.

    >>> import numpy as np
    >>> x = np.ones((2, 5, 8), "float32")
    >>> GroupedQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2)(x, x).shape
    (2, 5, 8)
    """

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
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
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.head_dim = check_count(self, "head_dim", head_dim)
        self.num_query_heads = check_count(self, "num_query_heads", num_query_heads)
        self.num_key_value_heads = check_count(self, "num_key_value_heads", num_key_value_heads)
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                f"GroupedQueryAttention got num_query_heads={num_query_heads} and "
                f"num_key_value_heads={num_key_value_heads}; expected the second to divide the first."
            )
        self.num_repeats = num_query_heads // num_key_value_heads

    def build(self, query_shape: tuple, value_shape: tuple, key_shape: tuple | None = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        self._check_lengths(value_shape, key_shape)
        queries = (None, self.num_query_heads, self.head_dim)
        sources = (None, self.num_key_value_heads, self.head_dim)
        self._query_dense = self._projection("query", "bqm,muh->bquh", queries, "uh")
        self._query_dense.build(query_shape)
        self._key_dense = self._projection("key", "bkm,mvh->bkvh", sources, "vh")
        self._key_dense.build(key_shape)
        if self.use_gate:
            self._gate_dense = self._projection("gate", "bqm,muh->bquh", queries, "uh", "sigmoid")
            self._gate_dense.build(query_shape)
        self._value_dense = self._projection("value", "bkm,mvh->bkvh", sources, "vh")
        self._value_dense.build(value_shape)
        self._build_attention((-1,))
        self._output_dense = self._projection("attention_output", "bquh,uhm->bqm", (None, query_shape[-1]), "m")
        self._output_dense.build((*query_shape[:-1], self.num_query_heads, self.head_dim))

    @property
    def _scale(self) -> float:
        return 1 / math.sqrt(self.head_dim)

    def _scores(self, query: Any, key: Any) -> Any:
        grouped = ops.reshape(query, (*query.shape[:2], self.num_key_value_heads, self.num_repeats, self.head_dim))
        scores = ops.einsum("bqvgh,bkvh->bvgqk", grouped, key)
        return ops.reshape(scores, (scores.shape[0], self.num_query_heads, *scores.shape[3:]))

    def _combine(self, scores: Any, value: Any) -> Any:
        groups = (scores.shape[0], self.num_key_value_heads, self.num_repeats, *scores.shape[2:])
        output = ops.einsum("bvgqk,bkvh->bqvgh", ops.reshape(scores, groups), value)
        return ops.reshape(output, (*output.shape[:2], self.num_query_heads, self.head_dim))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "head_dim": self.head_dim,
            "num_query_heads": self.num_query_heads,
            "num_key_value_heads": self.num_key_value_heads,
        }


GroupQueryAttention = GroupedQueryAttention  # Keras's public name
