"""Moments of columns, and scaling by columns, whose sums over rows are native in float32 on the CPU.

Everything that goes over `x` number by number is left to XLA, which fuses it with what comes before and after.

Two functions, each the other's transpose, give derivatives of any order: `products` sums `y` and `y * (x - mean)` over
rows, and `spread` is `a + b * (x - mean)`.
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.interpreters import ad

from lapis.graph import inferring
from lapis.kernels import library
from lapis.kernels.primitive import define, define_transposes, lower_native, reference_jvp

_MOMENTS, _PRODUCTS = "lapis_column_moments_v1", "lapis_column_products_v1"
_LEAST = 16384  # numbers; below, XLA's operations take as long


def serves(x: Any, axes: int | Sequence[int] | None) -> bool:
    """Whether `moments` and `scale` serve for an array of this shape and type, summed over `axes`."""
    if x.dtype != jnp.float32 or inferring() or x.ndim < 2 or axes != tuple(range(x.ndim - 1)):
        return False
    if not all(isinstance(size, int) for size in x.shape) or x.size < _LEAST:
        return False
    return library.serves_here(_MOMENTS, _PRODUCTS)


def moments(x: Any) -> tuple[Any, Any]:
    """Mean and variance over all axes but the last, for what `serves` says yes to."""
    mean, variance = _moments.bind(x.reshape(-1, x.shape[-1]))
    return mean, variance


@jax.custom_jvp
def scale(x: Any, mean: Any, factor: Any, offset: Any) -> Any:
    """`(x - mean) * factor + offset`, of which all but `x` have one number for each place on the last axis."""
    return (x - mean) * factor + offset


@scale.defjvp
def _scale_jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
    x, mean, factor, offset = primals
    dx, dmean, dfactor, doffset = tangents
    rows = x.reshape(-1, x.shape[-1])
    (change,) = _spread.bind(doffset - factor * dmean, dfactor, rows, mean)
    return scale(x, mean, factor, offset), dx * factor + change.reshape(x.shape)


def _moments_reference(x: Any) -> list:
    mean = jnp.mean(x, 0)
    return [mean, jnp.mean(jnp.square(x - mean), 0)]


def _products_reference(y: Any, x: Any, mean: Any) -> list:
    return [jnp.sum(y, 0), jnp.sum(y * (x - mean), 0)]


def _spread_reference(a: Any, b: Any, x: Any, mean: Any) -> list:
    return [a + b * (x - mean)]


def _columns(*arrays: Any) -> list:
    return [arrays[0].shape[1:]] * 2


_moments = define("column_moments", _columns, _moments_reference, functools.partial(lower_native, _MOMENTS))
_products = define("column_products", _columns, _products_reference, functools.partial(lower_native, _PRODUCTS))
_spread = define("column_spread", lambda a, b, x, mean: [x.shape], _spread_reference, None)


def _moments_jvp(primals: Any, tangents: Any) -> tuple:
    (x,) = primals
    mean, variance = _moments.bind(x)
    total, along = _products.bind(ad.instantiate_zeros(tangents[0]), x, mean)
    return [mean, variance], [total / x.shape[0], 2 * along / x.shape[0]]


ad.primitive_jvps[_moments] = _moments_jvp
ad.primitive_jvps[_products] = reference_jvp(_products_reference)
ad.primitive_jvps[_spread] = reference_jvp(_spread_reference)
define_transposes(_products, _spread, (1, 2))
