"""Layer normalization as a primitive of JAX, native in float32 on the CPU, where XLA walks over the rows six times.

The derivative is linear in the tangents, and the transpose of that is the gradient, which is native too. Forward mode,
vmap and higher derivatives run the formula of this file.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from lapis.graph import inferring
from lapis.kernels import library
from lapis.kernels.primitive import define_with_gradient

_FORWARD, _GRADIENT = "lapis_layer_norm_v1", "lapis_layer_norm_gradient_v1"
_LEAST = 2048  # numbers; below, XLA's operations take as long


def serves(x: Any, axes: list[int], epsilon: Any) -> bool:
    """Whether `normalize` serves for an array of this shape and type, normalised over `axes`."""
    if x.dtype != jnp.float32 or inferring() or axes != list(range(x.ndim - len(axes), x.ndim)):
        return False
    if not axes or not all(isinstance(size, int) for size in x.shape) or x.size < _LEAST:
        return False
    return isinstance(epsilon, int | float) and library.serves_here(_FORWARD, _GRADIENT)


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


def _shapes(x: Any, gamma: Any, beta: Any, epsilon: float) -> list:
    return [x.shape]


_forward, _ = define_with_gradient("layer_norm", _shapes, _reference, (_FORWARD, _GRADIENT), 3)
