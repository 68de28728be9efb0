"""Scaled dot-product attention."""

from typing import Any

import jax
import jax.numpy as jnp

from lapis.core.dtypes import result_type
from lapis.graph import op
from lapis.ops.arrays import Tensor


@op
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    """`softmax(scale * query key^T + bias) value`, head by head (https://arxiv.org/abs/1706.03762).

    Args:
        query: `(batch, time, heads, depth)`.
        key, value: `(batch, source time, heads, depth)`; fewer heads than `query` are shared among its heads.
        bias: added to the logits, broadcast to `(batch, heads, time, source time)`.
        mask: boolean in the same shape; false hides a place.
        scale: `1 / sqrt(depth)` by default.
        is_causal: hide every place later than the query's own.
        flash_attention: `True` asks for the fused kernel of the GPU, and fails where there is none.
        attn_logits_soft_cap: must be `None` outside TPUs.

    >>> x = jnp.ones((1, 2, 1, 4))
    >>> dot_product_attention(x, x, x).shape
    (1, 2, 1, 4)
    """
    if attn_logits_soft_cap is not None:
        raise ValueError("attn_logits_soft_cap is only known to the kernels of TPUs; leave it None.")
    query, key, value = jnp.asarray(query), jnp.asarray(key), jnp.asarray(value)
    if not query.ndim == key.ndim == value.ndim == 4:
        raise ValueError(
            "dot_product_attention takes query, key and value of shape (batch, time, heads, depth), and got "
            f"{query.shape}, {key.shape} and {value.shape}."
        )
    dtype = result_type(query.dtype, key.dtype, value.dtype)
    return jax.nn.dot_product_attention(
        query.astype(dtype),
        key.astype(dtype),
        value.astype(dtype),
        bias=None if bias is None else jnp.asarray(bias, dtype),
        mask=None if mask is None else jnp.asarray(mask, bool),
        scale=scale,
        is_causal=is_causal,
        implementation="cudnn" if flash_attention else None,
    )
