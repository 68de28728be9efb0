"""Layer normalization as a primitive of JAX, native in float32 on the CPU, where XLA walks over the rows six times.

The derivative is linear in the tangents, and the transpose of that is the gradient, which is native too. Forward mode,
vmap and higher derivatives run the formula of this file.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.interpreters import ad

from lapis.graph import inferring
from lapis.kernels import library
from lapis.kernels.primitive import define, define_transposes, reference_jvp

_FORWARD, _GRADIENT = "lapis_layer_norm_v1", "lapis_layer_norm_gradient_v1"
_LEAST = 2048  # numbers; below, XLA's operations take as long


def serves(x: Any, axes: list[int], epsilon: Any) -> bool:
    """Whether `normalize` serves for an array of this shape and type, normalised over `axes`."""
    if x.dtype != jnp.float32 or inferring() or axes != list(range(x.ndim - len(axes), x.ndim)):
        return False
    if not axes or not all(isinstance(size, int) for size in x.shape) or x.size < _LEAST:
        return False
    # XLA cannot split a foreign function among several devices.
    return (
        isinstance(epsilon, int | float)
        and jax.default_backend() == "cpu"
        and jax.device_count() == 1
        and library.handler(_FORWARD)
        and library.handler(_GRADIENT)
    )


def normalize(x: Any, gamma: Any, beta: Any, axes: list[int], epsilon: float) -> Any:
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, for what `serves` says yes to."""
    width = int(np.prod([x.shape[axis] for axis in axes]))
    gamma = jnp.ones(width, x.dtype) if gamma is None else jnp.asarray(gamma, x.dtype).reshape(width)
    beta = jnp.zeros(width, x.dtype) if beta is None else jnp.asarray(beta, x.dtype).reshape(width)
    return _forward.bind(x.reshape(-1, width), gamma, beta, epsilon=float(epsilon))[0].reshape(x.shape)


def _reference(x: Any, gamma: Any, beta: Any, epsilon: float) -> list:
    mean = jnp.mean(x, -1, keepdims=True)
    inverse = lax.rsqrt(jnp.mean(jnp.square(x - mean), -1, keepdims=True) + epsilon)
    return [(x - mean) * inverse * gamma + beta]


def _reference_tangent(dx: Any, dgamma: Any, dbeta: Any, x: Any, gamma: Any, epsilon: float) -> list:
    along = functools.partial(_reference, epsilon=epsilon)
    return jax.jvp(along, (x, gamma, jnp.zeros_like(gamma)), (dx, dgamma, dbeta))[1]


def _reference_gradient(dy: Any, x: Any, gamma: Any, epsilon: float) -> list:
    along = functools.partial(_reference, epsilon=epsilon)
    return list(jax.vjp(along, x, gamma, jnp.zeros_like(gamma))[1]([dy]))


def _lower(handler: str, context: Any, *arguments: Any, epsilon: float) -> Any:
    library.handler(handler)
    return jax.ffi.ffi_lowering(handler)(context, *arguments, epsilon=np.float32(epsilon))


def _gradient_shapes(dy: Any, x: Any, gamma: Any, epsilon: float) -> list:
    return [x.shape, gamma.shape, gamma.shape]


def _first_shape(x: Any, *others: Any, epsilon: float) -> list:
    return [x.shape]


_forward = define("layer_norm", _first_shape, _reference, functools.partial(_lower, _FORWARD))
_tangent = define("layer_norm_tangent", _first_shape, _reference_tangent, None)
_gradient = define("layer_norm_gradient", _gradient_shapes, _reference_gradient, functools.partial(_lower, _GRADIENT))


def _jvp(primals: Any, tangents: Any, epsilon: float) -> tuple:
    x, gamma, _ = primals
    changes = map(ad.instantiate_zeros, tangents)
    return _forward.bind(*primals, epsilon=epsilon), _tangent.bind(*changes, x, gamma, epsilon=epsilon)


ad.primitive_jvps[_forward] = _jvp
ad.primitive_jvps[_tangent] = reference_jvp(_reference_tangent)
ad.primitive_jvps[_gradient] = reference_jvp(_reference_gradient)
define_transposes(_tangent, _gradient, (3, 1))
