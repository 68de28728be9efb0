"""Scaled dot-product attention."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from lapis.core.dtypes import result_type
from lapis.graph import op
from lapis.kernels import attention
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
        flash_attention: whether to take the fused kernel of NVIDIA's GPUs, which computes in 16 bits: `True` fails
            where it cannot be taken, `None` takes it where it can.
        attn_logits_soft_cap: must be `None` outside TPUs.

    The softmax is computed in float32 at least. A query that may see nothing gets the mean of all values.

    >>> x = jnp.ones((1, 2, 1, 4))
    >>> dot_product_attention(x, x, x).shape
    (1, 2, 1, 4)
    """
    if attn_logits_soft_cap is not None:
        raise ValueError("attn_logits_soft_cap is only known to the kernels of TPUs; leave it None.")
    query, key, value = jnp.asarray(query), jnp.asarray(key), jnp.asarray(value)
    _check_shapes(query.shape, key.shape, value.shape)
    dtype = result_type(query.dtype, key.dtype, value.dtype)
    query, key, value = query.astype(dtype), key.astype(dtype), value.astype(dtype)
    bias = None if bias is None else jnp.asarray(bias, dtype)
    mask = None if mask is None else jnp.asarray(mask, bool)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    refusal = "flash_attention is False" if flash_attention is False else _refusal(query, key, value, bias)
    if flash_attention and refusal:
        raise RuntimeError(f"flash_attention=True, but the fused kernel cannot be taken: {refusal}.")
    if refusal is None:
        return jax.nn.dot_product_attention(
            query, key, value, bias, mask, scale=scale, is_causal=is_causal, implementation="cudnn"
        )
    if bias is None and attention.serves(query, key, value, mask, scale):
        query, key, value = (x.astype(jnp.float32) for x in (query, key, value))
        return attention.attend(query, key, value, mask, scale, is_causal).astype(dtype)
    return attention.formula(query, key, value, bias, mask, scale, is_causal)


def _check_shapes(query: tuple, key: tuple, value: tuple) -> None:
    shapes = f"query, key and value of shapes {query}, {key} and {value}"
    if not len(query) == len(key) == len(value) == 4:
        raise ValueError(f"dot_product_attention got {shapes}; expected (batch, time, heads, depth) for each.")
    if key[2] != value[2] or query[2] % key[2]:
        raise ValueError(
            f"dot_product_attention got {shapes}; expected as many heads in key and value, and a multiple in query."
        )


def _refusal(query: Any, key: Any, value: Any, bias: Any) -> str | None:
    """Why cuDNN's fused attention cannot be taken, `None` if it can: its conditions as far as they can be known."""
    device = jax.devices()[0]
    if jax.default_backend() != "gpu" or float(getattr(device, "compute_capability", 0) or 0) < 8:
        return f"it needs an NVIDIA GPU of compute capability 8 or more, and this is {device.device_kind!r}"
    if query.dtype not in ("float16", "bfloat16"):
        return f"it computes in float16 and bfloat16, not in {query.dtype}"
    sizes = (*query.shape, *key.shape)
    if not all(isinstance(size, int) and size for size in sizes):
        return "some sizes are unknown or zero"
    if query.shape[3] % 8 or query.shape[3] > 128 or query.shape[3] != value.shape[3]:
        return f"the depth must be a multiple of 8 up to 128 for all; got {query.shape[3]} and {value.shape[3]}"
    times = (query.shape[1], key.shape[1])
    if bias is not None and (bias.shape[2:] != times or times[0] % 2 or times[1] % 2):
        return f"a bias must be of full size and both times even; got a bias {bias.shape} and times {times}"
    return None
