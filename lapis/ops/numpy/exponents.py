"""Exponentials, logarithms, roots and rounding."""

from typing import Any

import jax.numpy as jnp

from lapis.graph import op
from lapis.ops.arrays import Tensor, to_array, to_float


@op
def exp(x: Any) -> Tensor:
    """`e**x`.

    >>> exp([0]).tolist()
    [1.0]
    """
    return jnp.exp(to_float(x))


@op
def exp2(x: Any) -> Tensor:
    """`2**x`.

    >>> exp2([3]).tolist()
    [8.0]
    """
    return jnp.exp2(to_float(x))


@op
def expm1(x: Any) -> Tensor:
    """`exp(x) - 1`, exact for small `x`.

    >>> expm1([0]).tolist()
    [0.0]
    """
    return jnp.expm1(to_float(x))


@op
def log(x: Any) -> Tensor:
    """The natural logarithm.

    >>> log([1]).tolist()
    [0.0]
    """
    return jnp.log(to_float(x))


@op
def log10(x: Any) -> Tensor:
    """The logarithm to base 10.

    >>> log10([1]).tolist()
    [0.0]
    """
    return jnp.log10(to_float(x))


@op
def log2(x: Any) -> Tensor:
    """The logarithm to base 2.

    >>> log2([8]).tolist()
    [3.0]
    """
    return jnp.log2(to_float(x))


@op
def log1p(x: Any) -> Tensor:
    """`log(1 + x)`, exact for small `x`.

    >>> log1p([0]).tolist()
    [0.0]
    """
    return jnp.log1p(to_float(x))


@op
def sqrt(x: Any) -> Tensor:
    """The square root; NaN below zero.

    >>> sqrt([4, 9]).tolist()
    [2.0, 3.0]
    """
    return jnp.sqrt(to_float(x))


@op
def cbrt(x: Any) -> Tensor:
    """The cube root.

    >>> cbrt([8.0]).tolist()
    [2.0]
    """
    return jnp.cbrt(to_float(x))


@op
def i0(x: Any) -> Tensor:
    """The modified Bessel function of the first kind and order 0.

    >>> i0([0.0]).shape
    (1,)
    """
    return jnp.i0(to_float(x))


@op
def ceil(x: Any) -> Tensor:
    """The smallest whole number not below `x`, as a float.

    >>> ceil([1.2, -1.2]).tolist()
    [2.0, -1.0]
    """
    return jnp.ceil(to_float(x))


@op
def floor(x: Any) -> Tensor:
    """The largest whole number not above `x`, as a float.

    >>> floor([1.2, -1.2]).tolist()
    [1.0, -2.0]
    """
    return jnp.floor(to_float(x))


@op
def trunc(x: Any) -> Tensor:
    """`x` with its fraction cut off; integers and booleans stay as they are.

    >>> trunc([1.7, -1.7]).tolist()
    [1.0, -1.0]
    """
    x = jnp.asarray(x)
    return jnp.trunc(x) if jnp.issubdtype(x.dtype, jnp.inexact) else x


@op
def round(x: Any, decimals: int = 0) -> Tensor:
    """`x` rounded to `decimals` digits, halves to the even neighbour.

    >>> round([1.234, 2.5]).tolist(), round([1250], decimals=-2).tolist()
    ([1.0, 2.0], [1200])
    """
    x = jnp.asarray(x)
    if decimals < 0 and not jnp.issubdtype(x.dtype, jnp.inexact):
        return jnp.round(to_float(x), decimals).astype(x.dtype)
    return jnp.round(x, decimals)


@op
def real(x: Any) -> Tensor:
    """The real part.

    >>> real([1 + 2j]).tolist()
    [1.0]
    """
    return jnp.real(to_array(x))


@op
def imag(x: Any) -> Tensor:
    """The imaginary part, 0 for real numbers.

    >>> imag([1 + 2j]).tolist()
    [2.0]
    """
    return jnp.imag(to_array(x))


@op
def conjugate(x: Any) -> Tensor:
    """The complex conjugate; real numbers stay as they are.

    >>> conjugate([1 + 2j]).tolist()
    [(1-2j)]
    """
    return jnp.conjugate(to_array(x))


def conj(x: Any) -> Tensor:
    """The same as `conjugate`.

    >>> conj([1 + 2j]).tolist()
    [(1-2j)]
    """
    return conjugate(x)


@op
def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """NaN and infinities replaced: infinities by the type's largest numbers unless given.

    >>> nan_to_num([1.0, float("nan")]).tolist()
    [1.0, 0.0]
    """
    return jnp.nan_to_num(to_array(x), nan=nan, posinf=posinf, neginf=neginf)
