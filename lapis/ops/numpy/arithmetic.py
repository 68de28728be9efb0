"""Sums, products, powers and the like, element by element."""

from typing import Any

import jax.numpy as jnp

from lapis.graph import op
from lapis.ops.arrays import Tensor, held, to_array, to_common_float


@op
def add(x1: Any, x2: Any) -> Tensor:
    """`x1 + x2`, element by element, with broadcasting.

    >>> add([1, 2], [3, 4]).tolist()
    [4, 6]
    """
    return jnp.add(to_array(x1), to_array(x2))


@op
def subtract(x1: Any, x2: Any) -> Tensor:
    """`x1 - x2`, element by element.

    >>> subtract([5, 7], [3, 4]).tolist()
    [2, 3]
    """
    return jnp.subtract(to_array(x1), to_array(x2))


@op
def multiply(x1: Any, x2: Any) -> Tensor:
    """`x1 * x2`, element by element.

    >>> multiply([1, 2], [3, 4]).tolist()
    [3, 8]
    """
    return jnp.multiply(to_array(x1), to_array(x2))


@op
def divide(x1: Any, x2: Any) -> Tensor:
    """`x1 / x2`, element by element; integers give floats.

    >>> divide([6, 3], 2).tolist()
    [3.0, 1.5]
    """
    return jnp.divide(to_array(x1), to_array(x2))


@op
def true_divide(x1: Any, x2: Any) -> Tensor:
    """The same as `divide`.

    >>> true_divide([6, 3], 2).tolist()
    [3.0, 1.5]
    """
    return jnp.true_divide(to_array(x1), to_array(x2))


@op
def divide_no_nan(x1: Any, x2: Any) -> Tensor:
    """`x1 / x2`, and 0 wherever `x2` is 0.

    >>> divide_no_nan([1.0, 2.0], [0.0, 4.0]).tolist()
    [0.0, 0.5]
    """
    x1, x2 = to_array(x1), to_array(x2)
    is_zero = jnp.equal(x2, 0)
    # The inner `where` keeps the gradient of the masked branch finite.
    return jnp.where(is_zero, 0, jnp.divide(x1, jnp.where(is_zero, 1, x2)))


@op
def floor_divide(x1: Any, x2: Any) -> Tensor:
    """The largest whole number not above `x1 / x2`.

    >>> floor_divide([7, -7], 2).tolist()
    [3, -4]
    """
    return jnp.floor_divide(to_array(x1), to_array(x2))


@op
def mod(x1: Any, x2: Any) -> Tensor:
    """The remainder of `x1 / x2`, with the sign of `x2`.

    >>> mod([7, -7], 3).tolist()
    [1, 2]
    """
    return jnp.mod(to_array(x1), to_array(x2))


@op
def fmod(x1: Any, x2: Any) -> Tensor:
    """The remainder of `x1 / x2`, with the sign of `x1`.

    >>> fmod([7, -7], 3).tolist()
    [1, -1]
    """
    return jnp.fmod(to_array(x1), to_array(x2))


@op
def power(x1: Any, x2: Any) -> Tensor:
    """`x1` to the power of `x2`.

    >>> power([2, 3], 2).tolist()
    [4, 9]
    """
    return jnp.power(to_array(x1), to_array(x2))


@op
def negative(x: Any) -> Tensor:
    """`-x`.

    >>> negative([1, -2]).tolist()
    [-1, 2]
    """
    return jnp.negative(to_array(x))


@op
def absolute(x: Any) -> Tensor:
    """The distance of each element from zero.

    >>> absolute([1, -2]).tolist()
    [1, 2]
    """
    return jnp.absolute(to_array(x))


def abs(x: Any) -> Tensor:
    """The same as `absolute`.

    >>> abs([1, -2]).tolist()
    [1, 2]
    """
    return absolute(x)


@op
def fabs(x: Any) -> Tensor:
    """The absolute value as a float; a `TypeError` for complex numbers.

    >>> fabs([1, -2]).tolist()
    [1.0, 2.0]
    """
    x = to_array(x)
    if jnp.iscomplexobj(x):
        raise TypeError(f"fabs works on real numbers, and x has dtype {x.dtype}; use absolute.")
    return jnp.fabs(x)


@op
def sign(x: Any) -> Tensor:
    """-1, 0 or 1 by the sign of each element.

    >>> sign([-3.0, 0.0, 2.0]).tolist()
    [-1.0, 0.0, 1.0]
    """
    return jnp.sign(to_array(x))


@op
def signbit(x: Any) -> Tensor:
    """Whether the sign bit is set, which tells `-0.0` from `0.0`.

    >>> signbit([-1.0, 0.0, -0.0]).tolist()
    [True, False, True]
    """
    return jnp.signbit(to_array(x))


@op
def square(x: Any) -> Tensor:
    """`x * x`.

    >>> square([2, -3]).tolist()
    [4, 9]
    """
    return jnp.square(to_array(x))


@op
def reciprocal(x: Any) -> Tensor:
    """`1 / x`.

    >>> reciprocal([2.0, 4.0]).tolist()
    [0.5, 0.25]
    """
    return jnp.reciprocal(to_array(x))


@op
def maximum(x1: Any, x2: Any) -> Tensor:
    """The larger of the two, element by element; NaN where either is NaN.

    >>> maximum([1, 5], [3, 2]).tolist()
    [3, 5]
    """
    return jnp.maximum(to_array(x1), to_array(x2))


@op
def minimum(x1: Any, x2: Any) -> Tensor:
    """The smaller of the two, element by element; NaN where either is NaN.

    >>> minimum([1, 5], [3, 2]).tolist()
    [1, 2]
    """
    return jnp.minimum(to_array(x1), to_array(x2))


@op
def fmax(x1: Any, x2: Any) -> Tensor:
    """The larger of the two, element by element; a NaN gives way to a number.

    >>> fmax([1.0, float("nan")], [3.0, 2.0]).tolist()
    [3.0, 2.0]
    """
    return jnp.fmax(to_array(x1), to_array(x2))


@op
def fmin(x1: Any, x2: Any) -> Tensor:
    """The smaller of the two, element by element; a NaN gives way to a number.

    >>> fmin([1.0, float("nan")], [3.0, 2.0]).tolist()
    [1.0, 2.0]
    """
    return jnp.fmin(to_array(x1), to_array(x2))


@op
def clip(x: Any, x_min: Any, x_max: Any) -> Tensor:
    """`x` held between `x_min` and `x_max`; booleans become `int32`.

    >>> clip([-5, 1, 9], 0, 3).tolist()
    [0, 1, 3]
    """
    x = jnp.asarray(x)
    if x.dtype == bool:
        x = x.astype("int32")
    fixed = isinstance(x_min, int | float) and isinstance(x_max, int | float) and x_min < x_max
    return held(x, x_min, x_max) if fixed and jnp.issubdtype(x.dtype, jnp.floating) else jnp.clip(x, x_min, x_max)


@op
def gcd(x1: Any, x2: Any) -> Tensor:
    """The greatest common divisor of integers.

    >>> gcd([12, 9], [8, 6]).tolist()
    [4, 3]
    """
    return jnp.gcd(to_array(x1), to_array(x2))


@op
def lcm(x1: Any, x2: Any) -> Tensor:
    """The least common multiple of integers.

    >>> lcm([4, 3], [6, 5]).tolist()
    [12, 15]
    """
    return jnp.lcm(to_array(x1), to_array(x2))


@op
def hypot(x1: Any, x2: Any) -> Tensor:
    """`sqrt(x1**2 + x2**2)` without overflow on the way.

    >>> hypot(3.0, 4.0).tolist()
    5.0
    """
    return jnp.hypot(to_array(x1), to_array(x2))


@op
def heaviside(x1: Any, x2: Any) -> Tensor:
    """0 where `x1` is negative, 1 where positive, `x2` where zero.

    >>> heaviside([-1.0, 0.0, 2.0], 0.5).tolist()
    [0.0, 0.5, 1.0]
    """
    return jnp.heaviside(to_array(x1), to_array(x2))


@op
def nextafter(x1: Any, x2: Any) -> Tensor:
    """The next float after `x1` in the direction of `x2`.

    >>> nextafter(1.0, 2.0).tolist() > 1.0
    True
    """
    return jnp.nextafter(to_array(x1), to_array(x2))


@op
def ldexp(x1: Any, x2: Any) -> Tensor:
    """`x1 * 2**x2`, with `x2` of an integer type.

    >>> ldexp([0.5, 3.0], [2, 1]).tolist()
    [2.0, 6.0]
    """
    x1, x2 = jnp.asarray(x1), jnp.asarray(x2)
    if not jnp.issubdtype(x2.dtype, jnp.integer):
        raise TypeError(f"ldexp takes an exponent x2 of an integer type, and got dtype {x2.dtype}; cast it first.")
    return jnp.ldexp(x1, x2)


@op
def logaddexp(x1: Any, x2: Any) -> Tensor:
    """`log(exp(x1) + exp(x2))` without overflow on the way.

    >>> round(float(logaddexp(0.0, 0.0)), 4)
    0.6931
    """
    return jnp.logaddexp(*to_common_float(x1, x2))


@op
def logaddexp2(x1: Any, x2: Any) -> Tensor:
    """`log2(2**x1 + 2**x2)` without overflow on the way.

    >>> float(logaddexp2(1.0, 1.0))
    2.0
    """
    return jnp.logaddexp2(*to_common_float(x1, x2))
