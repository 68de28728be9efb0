"""Sums, means, extremes and the like over axes, and running sums."""

from typing import Any

import jax.numpy as jnp

from lapis.core.dtypes import result_type
from lapis.graph import op
from lapis.ops.arrays import Axis, Tensor, axis_tuple, dtype_or_none, to_array, to_common_float


@op
def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum over `axis`, over everything for `None`; booleans and short integers are summed as `int32`.

    `keepdims` leaves each summed axis in place with size 1.

    >>> sum([[1, 2], [3, 4]], axis=0).tolist()
    [4, 6]
    """
    return jnp.sum(to_array(x), axis=axis_tuple(axis), keepdims=keepdims)


@op
def prod(x: Any, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Tensor:
    """The product over `axis`, computed as `dtype` where given.

    >>> prod([[1, 2], [3, 4]], axis=1).tolist()
    [2, 12]
    """
    return jnp.prod(to_array(x), axis=axis_tuple(axis), keepdims=keepdims, dtype=dtype_or_none(dtype))


@op
def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean over `axis`; integers give floats, and 16-bit floats are summed in 32 bits.

    >>> mean([[1, 2], [3, 4]], axis=0).tolist()
    [2.0, 3.0]
    """
    x = jnp.asarray(x)
    wide = result_type(x.dtype, "float32")
    result = jnp.mean(x, axis=axis_tuple(axis), keepdims=keepdims, dtype=wide)
    return result.astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.inexact) else result


@op
def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean squared distance from the mean over `axis`, computed in at least 32 bits.

    >>> var([1.0, 3.0]).tolist()
    1.0
    """
    x = jnp.asarray(x)
    wide = result_type(x.dtype, "float32")
    return jnp.var(x, axis=axis_tuple(axis), keepdims=keepdims, dtype=wide).astype(result_type(x.dtype, float))


@op
def std(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The standard deviation over `axis`, the square root of `var`.

    >>> std([1.0, 3.0]).tolist()
    1.0
    """
    return jnp.std(to_array(x), axis=axis_tuple(axis), keepdims=keepdims)


@op
def max(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """The largest element over `axis`, and at least `initial` where given.

    >>> max([[1, 5], [4, 2]], axis=0).tolist()
    [4, 5]
    """
    return jnp.max(to_array(x), axis=axis_tuple(axis), keepdims=keepdims, initial=initial)


@op
def min(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """The smallest element over `axis`, and at most `initial` where given.

    >>> min([[1, 5], [4, 2]], axis=0).tolist()
    [1, 2]
    """
    return jnp.min(to_array(x), axis=axis_tuple(axis), keepdims=keepdims, initial=initial)


@op
def amax(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The same as `max`.

    >>> amax([[1, 5], [4, 2]], axis=1).tolist()
    [5, 4]
    """
    return jnp.amax(to_array(x), axis=axis_tuple(axis), keepdims=keepdims)


@op
def amin(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The same as `min`.

    >>> amin([[1, 5], [4, 2]], axis=1).tolist()
    [1, 2]
    """
    return jnp.amin(to_array(x), axis=axis_tuple(axis), keepdims=keepdims)


@op
def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest element minus the smallest, over `axis`.

    >>> ptp([1, 7, 4]).tolist()
    6
    """
    return jnp.ptp(to_array(x), axis=axis_tuple(axis), keepdims=keepdims)


@op
def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether every element over `axis` is true.

    >>> all([[True, False], [True, True]], axis=1).tolist()
    [False, True]
    """
    return jnp.all(to_array(x), axis=axis_tuple(axis), keepdims=keepdims)


@op
def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether some element over `axis` is true.

    >>> any([[True, False], [False, False]], axis=1).tolist()
    [True, False]
    """
    return jnp.any(to_array(x), axis=axis_tuple(axis), keepdims=keepdims)


@op
def count_nonzero(x: Any, axis: Axis = None) -> Tensor:
    """How many elements over `axis` are not zero, as `int32`.

    >>> count_nonzero([[0, 1], [2, 3]], axis=1).tolist()
    [1, 2]
    """
    return jnp.count_nonzero(to_array(x), axis=axis_tuple(axis)).astype("int32")


@op
def average(x: Any, axis: Axis = None, weights: Any = None) -> Tensor:
    """The mean over `axis`, each element counted by its weight.

    >>> average([1.0, 4.0], weights=[2.0, 1.0]).tolist()
    2.0
    """
    if weights is None:
        (x,) = to_common_float(x)
    else:
        x, weights = to_common_float(x, weights)
    return jnp.average(x, axis=axis_tuple(axis), weights=weights)


@op
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The running sum along `axis`, over the flattened array for `None`.

    >>> cumsum([1, 2, 3]).tolist()
    [1, 3, 6]
    """
    return jnp.cumsum(to_array(x), axis=axis, dtype=dtype_or_none(dtype))


@op
def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The running product along `axis`, over the flattened array for `None`.

    >>> cumprod([1, 2, 3]).tolist()
    [1, 2, 6]
    """
    return jnp.cumprod(to_array(x), axis=axis, dtype=dtype_or_none(dtype))


@op
def diff(a: Any, n: int = 1, axis: int = -1) -> Tensor:
    """The differences between neighbours along `axis`, taken `n` times.

    >>> diff([1, 4, 9]).tolist()
    [3, 5]
    """
    return jnp.diff(to_array(a), n=n, axis=axis)


@op
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """The area under `y` along `axis` by the trapezoidal rule, at places `x` or `dx` apart.

    >>> trapezoid([1.0, 3.0]).tolist()
    2.0
    """
    return jnp.trapezoid(to_array(y), None if x is None else to_array(x), dx=dx, axis=axis)
