"""Trigonometry, plain and hyperbolic; integers are computed as `floatx()`."""

from typing import Any

import jax.numpy as jnp

from lapis.graph import op
from lapis.ops.arrays import Tensor, in_float32, to_array, to_common_float, to_float


@op
def sin(x: Any) -> Tensor:
    """The sine of an angle in radians.

    >>> sin([0]).tolist()
    [0.0]
    """
    return jnp.sin(to_float(x))


@op
def cos(x: Any) -> Tensor:
    """The cosine of an angle in radians.

    >>> cos([0]).tolist()
    [1.0]
    """
    return jnp.cos(to_float(x))


@op
def tan(x: Any) -> Tensor:
    """The tangent of an angle in radians.

    >>> tan([0]).tolist()
    [0.0]
    """
    return jnp.tan(to_float(x))


@op
def arcsin(x: Any) -> Tensor:
    """The angle in `[-pi/2, pi/2]` whose sine is `x`.

    >>> arcsin([0]).tolist()
    [0.0]
    """
    return jnp.arcsin(to_float(x))


@op
def arccos(x: Any) -> Tensor:
    """The angle in `[0, pi]` whose cosine is `x`.

    >>> arccos([1]).tolist()
    [0.0]
    """
    return jnp.arccos(to_float(x))


@op
def arctan(x: Any) -> Tensor:
    """The angle in `(-pi/2, pi/2)` whose tangent is `x`.

    >>> arctan([0]).tolist()
    [0.0]
    """
    return jnp.arctan(to_float(x))


@op
def sinh(x: Any) -> Tensor:
    """The hyperbolic sine, `(exp(x) - exp(-x)) / 2`.

    >>> sinh([0]).tolist()
    [0.0]
    """
    return jnp.sinh(to_float(x))


@op
def cosh(x: Any) -> Tensor:
    """The hyperbolic cosine, `(exp(x) + exp(-x)) / 2`.

    >>> cosh([0]).tolist()
    [1.0]
    """
    return jnp.cosh(to_float(x))


@op
def tanh(x: Any) -> Tensor:
    """The hyperbolic tangent, `sinh(x) / cosh(x)`.

    >>> tanh([0]).tolist()
    [0.0]
    """
    return in_float32(jnp.tanh, to_float(x))


@op
def arcsinh(x: Any) -> Tensor:
    """The inverse of `sinh`.

    >>> arcsinh([0]).tolist()
    [0.0]
    """
    return jnp.arcsinh(to_float(x))


@op
def arccosh(x: Any) -> Tensor:
    """The inverse of `cosh`, for `x >= 1`.

    >>> arccosh([1]).tolist()
    [0.0]
    """
    return jnp.arccosh(to_float(x))


@op
def arctanh(x: Any) -> Tensor:
    """The inverse of `tanh`, for `-1 < x < 1`.

    >>> arctanh([0]).tolist()
    [0.0]
    """
    return jnp.arctanh(to_float(x))


@op
def sinc(x: Any) -> Tensor:
    """`sin(pi x) / (pi x)`, and 1 at zero.

    >>> sinc([0]).tolist()
    [1.0]
    """
    return jnp.sinc(to_float(x))


@op
def deg2rad(x: Any) -> Tensor:
    """Degrees turned into radians.

    >>> round(float(deg2rad(180.0)), 4)
    3.1416
    """
    return jnp.deg2rad(to_array(x))


@op
def rad2deg(x: Any) -> Tensor:
    """Radians turned into degrees.

    >>> rad2deg([0.0]).tolist()
    [0.0]
    """
    return jnp.rad2deg(to_array(x))


@op
def angle(x: Any) -> Tensor:
    """The angle of a complex number in the plane, in radians.

    >>> angle([1.0]).tolist()
    [0.0]
    """
    return jnp.angle(to_float(x))


@op
def arctan2(x1: Any, x2: Any) -> Tensor:
    """The angle in `(-pi, pi]` of the point with height `x1` and width `x2`.

    >>> arctan2(0.0, 1.0).tolist()
    0.0
    """
    return jnp.arctan2(*to_common_float(x1, x2))
