"""Scaled dot-product attention as a primitive of JAX, native in float32 on the CPU.

Its derivative is linear in the tangents of queries, keys and values, and the transpose of that is the gradient, which
is native too: it computes the weights once more, so that nothing of the size of the scores is kept. Forward mode, vmap
and higher derivatives run the formula of this file.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.interpreters import ad

from lapis.graph import inferring
from lapis.kernels import library
from lapis.kernels.primitive import define, define_transposes, reference_jvp

_FORWARD, _GRADIENT = "lapis_attention_v1", "lapis_attention_gradient_v1"


def serves(query: Any, key: Any, value: Any, mask: Any, scale: Any) -> bool:
    """Whether `attend` serves for arrays of these shapes and types, rather than `formula`."""
    arrays = (query, key, value)
    if any(x.dtype != jnp.float32 for x in arrays) or inferring():
        return False
    if not all(isinstance(size, int) and size for x in arrays for size in x.shape):
        return False
    if mask is not None and not all(isinstance(size, int) for size in mask.shape):
        return False
    # XLA cannot split a foreign function among several devices.
    return (
        isinstance(scale, int | float)
        and scale > 0
        and jax.default_backend() == "cpu"
        and jax.device_count() == 1
        and library.handler(_FORWARD)
        and library.handler(_GRADIENT)
    )


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


def _reference_tangent(
    dq: Any, dk: Any, dv: Any, query: Any, key: Any, value: Any, mask: Any, scale: float, causal: bool
) -> list:
    output = functools.partial(_reference, mask=mask, scale=scale, causal=causal)
    return jax.jvp(output, (query, key, value), (dq, dk, dv))[1]


def _reference_gradient(dy: Any, query: Any, key: Any, value: Any, mask: Any, scale: float, causal: bool) -> list:
    output = functools.partial(_reference, mask=mask, scale=scale, causal=causal)
    return list(jax.vjp(output, query, key, value)[1]([dy]))


def _shapes(query: Any, key: Any, value: Any, mask: Any, scale: float, causal: bool) -> list:
    return [(*query.shape[:3], value.shape[3])]


def _tangent_shapes(dq: Any, dk: Any, dv: Any, *known: Any, scale: float, causal: bool) -> list:
    return _shapes(*known, scale=scale, causal=causal)


def _gradient_shapes(dy: Any, query: Any, key: Any, value: Any, mask: Any, scale: float, causal: bool) -> list:
    return [query.shape, key.shape, value.shape]


def _lower(handler: str, context: Any, *arguments: Any, scale: float, causal: bool) -> Any:
    library.handler(handler)
    return jax.ffi.ffi_lowering(handler)(context, *arguments, scale=np.float32(scale), causal=causal)


_forward = define("attention", _shapes, _reference, functools.partial(_lower, _FORWARD))
_tangent = define("attention_tangent", _tangent_shapes, _reference_tangent, None)
_gradient = define("attention_gradient", _gradient_shapes, _reference_gradient, functools.partial(_lower, _GRADIENT))


def _jvp(primals: Any, tangents: Any, **fixed: Any) -> tuple:
    changes = map(ad.instantiate_zeros, tangents[:3])
    return _forward.bind(*primals, **fixed), _tangent.bind(*changes, *primals, **fixed)


ad.primitive_jvps[_forward] = _jvp
ad.primitive_jvps[_tangent] = reference_jvp(_reference_tangent)
ad.primitive_jvps[_gradient] = reference_jvp(_reference_gradient)
define_transposes(_tangent, _gradient, (3, 1))
