"""Comparisons, logic and bits, element by element."""

from typing import Any

import jax.numpy as jnp

from lapis.graph import op
from lapis.ops.arrays import Tensor, to_array


@op
def equal(x1: Any, x2: Any) -> Tensor:
    """Whether `x1 == x2`, element by element.

    >>> equal([1, 2], [1, 3]).tolist()
    [True, False]
    """
    return jnp.equal(to_array(x1), to_array(x2))


@op
def not_equal(x1: Any, x2: Any) -> Tensor:
    """Whether `x1 != x2`, element by element.

    >>> not_equal([1, 2], [1, 3]).tolist()
    [False, True]
    """
    return jnp.not_equal(to_array(x1), to_array(x2))


@op
def less(x1: Any, x2: Any) -> Tensor:
    """Whether `x1 < x2`, element by element.

    >>> less([1, 2], 2).tolist()
    [True, False]
    """
    return jnp.less(to_array(x1), to_array(x2))


@op
def less_equal(x1: Any, x2: Any) -> Tensor:
    """Whether `x1 <= x2`, element by element.

    >>> less_equal([1, 3], 2).tolist()
    [True, False]
    """
    return jnp.less_equal(to_array(x1), to_array(x2))


@op
def greater(x1: Any, x2: Any) -> Tensor:
    """Whether `x1 > x2`, element by element.

    >>> greater([1, 3], 2).tolist()
    [False, True]
    """
    return jnp.greater(to_array(x1), to_array(x2))


@op
def greater_equal(x1: Any, x2: Any) -> Tensor:
    """Whether `x1 >= x2`, element by element.

    >>> greater_equal([1, 2], 2).tolist()
    [False, True]
    """
    return jnp.greater_equal(to_array(x1), to_array(x2))


@op
def logical_and(x1: Any, x2: Any) -> Tensor:
    """Whether both are true.

    >>> logical_and([True, True], [True, False]).tolist()
    [True, False]
    """
    return jnp.logical_and(to_array(x1), to_array(x2))


@op
def logical_or(x1: Any, x2: Any) -> Tensor:
    """Whether either is true.

    >>> logical_or([True, False], [False, False]).tolist()
    [True, False]
    """
    return jnp.logical_or(to_array(x1), to_array(x2))


@op
def logical_xor(x1: Any, x2: Any) -> Tensor:
    """Whether exactly one of the two is true.

    >>> logical_xor([True, True], [True, False]).tolist()
    [False, True]
    """
    return jnp.logical_xor(to_array(x1), to_array(x2))


@op
def logical_not(x: Any) -> Tensor:
    """Whether `x` is false.

    >>> logical_not([True, False]).tolist()
    [False, True]
    """
    return jnp.logical_not(to_array(x))


@op
def isfinite(x: Any) -> Tensor:
    """Whether each element is neither infinite nor NaN.

    >>> isfinite([1.0, float("inf")]).tolist()
    [True, False]
    """
    return jnp.isfinite(to_array(x))


@op
def isinf(x: Any) -> Tensor:
    """Whether each element is infinite.

    >>> isinf([1.0, float("-inf")]).tolist()
    [False, True]
    """
    return jnp.isinf(to_array(x))


@op
def isnan(x: Any) -> Tensor:
    """Whether each element is not a number.

    >>> isnan([1.0, float("nan")]).tolist()
    [False, True]
    """
    return jnp.isnan(to_array(x))


@op
def isneginf(x: Any) -> Tensor:
    """Whether each element is minus infinity.

    >>> isneginf([float("inf"), float("-inf")]).tolist()
    [False, True]
    """
    return jnp.isneginf(to_array(x))


@op
def isposinf(x: Any) -> Tensor:
    """Whether each element is plus infinity.

    >>> isposinf([float("inf"), float("-inf")]).tolist()
    [True, False]
    """
    return jnp.isposinf(to_array(x))


@op
def isreal(x: Any) -> Tensor:
    """Whether each element has no imaginary part.

    >>> isreal([1 + 0j, 1j]).tolist()
    [True, False]
    """
    return jnp.isreal(to_array(x))


@op
def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether `|x1 - x2| <= atol + rtol * |x2|`, element by element; NaN equals NaN only if `equal_nan`.

    >>> isclose([1.0, 2.0], [1.0000001, 2.1]).tolist()
    [True, False]
    """
    return jnp.isclose(to_array(x1), to_array(x2), rtol, atol, equal_nan)


@op
def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether `isclose` holds everywhere, as one boolean.

    >>> bool(allclose([1.0, 2.0], [1.0, 2.0]))
    True
    """
    return jnp.allclose(to_array(x1), to_array(x2), rtol, atol, equal_nan)


@op
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each element of `x1` occurs in `x2` (does not occur, with `invert`).

    `assume_unique` promises that neither holds a value twice, which is faster.

    >>> isin([1, 2, 3], [2, 5]).tolist()
    [False, True, False]
    """
    return jnp.isin(to_array(x1), to_array(x2), assume_unique=assume_unique, invert=invert)


@op
def bitwise_and(x: Any, y: Any) -> Tensor:
    """The bits set in both integers.

    >>> bitwise_and([6], [3]).tolist()
    [2]
    """
    return jnp.bitwise_and(to_array(x), to_array(y))


@op
def bitwise_or(x: Any, y: Any) -> Tensor:
    """The bits set in either integer.

    >>> bitwise_or([6], [3]).tolist()
    [7]
    """
    return jnp.bitwise_or(to_array(x), to_array(y))


@op
def bitwise_xor(x: Any, y: Any) -> Tensor:
    """The bits set in exactly one of the two integers.

    >>> bitwise_xor([6], [3]).tolist()
    [5]
    """
    return jnp.bitwise_xor(to_array(x), to_array(y))


@op
def bitwise_left_shift(x: Any, y: Any) -> Tensor:
    """The bits of `x` moved up by `y` places.

    >>> bitwise_left_shift([3], 2).tolist()
    [12]
    """
    return jnp.left_shift(to_array(x), to_array(y))


@op
def bitwise_right_shift(x: Any, y: Any) -> Tensor:
    """The bits of `x` moved down by `y` places.

    >>> bitwise_right_shift([12], 2).tolist()
    [3]
    """
    return jnp.right_shift(to_array(x), to_array(y))


@op
def left_shift(x: Any, y: Any) -> Tensor:
    """The same as `bitwise_left_shift`.

    >>> left_shift([3], 2).tolist()
    [12]
    """
    return jnp.left_shift(to_array(x), to_array(y))


@op
def right_shift(x: Any, y: Any) -> Tensor:
    """The same as `bitwise_right_shift`.

    >>> right_shift([12], 2).tolist()
    [3]
    """
    return jnp.right_shift(to_array(x), to_array(y))


@op
def bitwise_invert(x: Any) -> Tensor:
    """Every bit flipped.

    >>> bitwise_invert([5]).tolist()
    [-6]
    """
    return jnp.bitwise_invert(to_array(x))


@op
def bitwise_not(x: Any) -> Tensor:
    """The same as `bitwise_invert`.

    >>> bitwise_not([5]).tolist()
    [-6]
    """
    return jnp.bitwise_not(to_array(x))
