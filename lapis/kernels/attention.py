"""Scaled dot-product attention as a primitive of JAX, native in float32 on the CPU.

Its derivative is linear in the tangents of queries, keys and values, and the transpose of that is the gradient, which
is native too: it computes the weights once more, so that nothing of the size of the scores is kept. Forward mode, vmap
and higher derivatives run the formula of this file.
"""

from typing import Any

import jax
import jax.numpy as jnp

from lapis.graph import inferring
from lapis.kernels import library
from lapis.kernels.primitive import define_with_gradient

_FORWARD, _GRADIENT = "lapis_attention_v1", "lapis_attention_gradient_v1"


def serves(query: Any, key: Any, value: Any, mask: Any, scale: Any) -> bool:
    """Whether `attend`, in float32, serves for arrays of these shapes and types, rather than `formula`.

    So it does for half precision, brought to float32 and back.
    """
    arrays = (query, key, value)
    if any(x.dtype not in library.COMPUTED_IN_FLOAT32 for x in arrays) or inferring():
        return False
    if not all(isinstance(size, int) and size for x in arrays for size in x.shape):
        return False
    if mask is not None and not all(isinstance(size, int) for size in mask.shape):
        return False
    return isinstance(scale, int | float) and scale > 0 and library.serves_here(_FORWARD, _GRADIENT)


def attend(query: Any, key: Any, value: Any, mask: Any, scale: float, is_causal: bool) -> Any:
    """`formula` without a bias, for what `serves` says yes to."""
    if mask is None:
        mask = jnp.zeros((0,), bool)
    else:
        mask = mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
        mask = jnp.broadcast_to(mask, (*mask.shape[:3], key.shape[1]))
    return _forward.bind(query, key, value, mask, scale=float(scale), causal=bool(is_causal))[0]


def formula(query: Any, key: Any, value: Any, bias: Any, mask: Any, scale: Any, is_causal: bool) -> Any:
    """`softmax(scale * query key^T + bias) value`, `(batch, time, heads, depth)`, in operations of JAX.

    Heads of the query that share a key stand one below the other in one product.
    """
    batch, time, heads, depth = query.shape
    groups, rows = key.shape[2], heads // key.shape[2] * time
    query, key, value = (jnp.swapaxes(x, 1, 2) for x in (query, key, value))
    wide = jnp.promote_types(query.dtype, jnp.float32)
    rest = {"preferred_element_type": wide}
    logits = scale * jnp.einsum("bgtd,bgsd->bgts", query.reshape(batch, groups, rows, depth), key, **rest)
    logits = logits.reshape(batch, heads, time, key.shape[2])
    if bias is not None:
        logits = logits + bias
    if is_causal:
        past = jnp.tril(jnp.ones(logits.shape[-2:], bool))
        mask = past if mask is None else mask & past
    if mask is not None:
        logits = jnp.where(mask, logits, -0.7 * jnp.finfo(jnp.float32).max)
    output = _weigh(logits.reshape(batch, groups, rows, key.shape[2]), value)
    return jnp.swapaxes(output.reshape(batch, heads, time, value.shape[3]), 1, 2)


@jax.custom_jvp
def _weigh(logits: Any, value: Any) -> Any:
    """`softmax(logits) @ value`. The smaller array is divided, the values' mean; that saves half of the time."""
    weights = jnp.exp(logits - logits.max(-1, keepdims=True))
    output = weights.astype(value.dtype) @ value
    return (output / weights.sum(-1, keepdims=True)).astype(value.dtype)


@_weigh.defjvp
def _weigh_jvp(primals: Any, tangents: Any) -> Any:
    # Where there is a derivative, the softmax itself is at hand for it.
    return jax.jvp(lambda logits, value: jax.nn.softmax(logits).astype(value.dtype) @ value, primals, tangents)


def _reference(query: Any, key: Any, value: Any, mask: Any, scale: float, causal: bool) -> list:
    return [formula(query, key, value, None, mask if mask.size else None, scale, causal)]


def _shapes(query: Any, key: Any, value: Any, mask: Any, scale: float, causal: bool) -> list:
    return [(*query.shape[:3], value.shape[3])]


_forward, _gradient = define_with_gradient("attention", _shapes, _reference, (_FORWARD, _GRADIENT), 3)
