"""Medians, quantiles, counts, and reductions that skip NaN."""

from typing import Any

import jax.numpy as jnp

from lapis.graph import op
from lapis.ops.arrays import Axis, Tensor, axis_tuple, dtype_or_none, to_array


@op
def median(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The middle value over `axis`, the mean of the two middle ones where their number is even.

    >>> median([1.0, 9.0, 2.0, 4.0]).tolist()
    3.0
    """
    return jnp.median(to_array(x), axis=axis_tuple(axis), keepdims=keepdims)


@op
def quantile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """The values below which the fractions `q` (0 to 1) of the elements over `axis` lie.

    `method` says how to choose between two neighbours: `"linear"`, `"lower"`, `"higher"`, `"midpoint"`, `"nearest"`.

    >>> quantile([0.0, 1.0, 2.0], 0.5).tolist()
    1.0
    """
    return jnp.quantile(to_array(x), jnp.asarray(q), axis=axis_tuple(axis), method=method, keepdims=keepdims)


@op
def percentile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """As `quantile`, with `q` in percent.

    >>> percentile([0.0, 1.0, 2.0], 50).tolist()
    1.0
    """
    return jnp.percentile(to_array(x), jnp.asarray(q), axis=axis_tuple(axis), method=method, keepdims=keepdims)


@op
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Tensor:
    """How often each whole number from 0 up occurs in `x`, or the sum of its weights.

    A two-dimensional `x` is counted row by row. The result's size follows from the values, so `x` must be
    concrete; on a symbolic tensor it is unknown unless `minlength` covers every value.

    >>> bincount([1, 1, 3], minlength=4).tolist()
    [0, 2, 0, 1]
    """
    if sparse:
        raise ValueError("bincount gives dense arrays only; leave sparse=False.")
    x = jnp.asarray(x)
    weights = None if weights is None else jnp.asarray(weights)
    if x.ndim < 2:
        return jnp.bincount(x, weights=weights, minlength=minlength)
    length = max(minlength, int(x.max()) + 1)
    rows = [jnp.bincount(row, None if weights is None else weights[i], length=length) for i, row in enumerate(x)]
    return jnp.stack(rows)


@op
def histogram(x: Any, bins: int = 10, range: tuple[float, float] | None = None) -> tuple[Tensor, Tensor]:
    """How many elements of a one-dimensional `x` fall into each of `bins` equal bins, and the bins' edges.

    `range` is the lowest and highest edge, by default the smallest and largest element.

    >>> counts, edges = histogram([0.0, 1.0, 1.0], bins=2)
    >>> counts.tolist(), edges.tolist()
    ([1.0, 2.0], [0.0, 0.5, 1.0])
    """
    x = jnp.asarray(x)
    if not isinstance(bins, int):
        raise TypeError(f"histogram takes a whole number of bins, and got {bins!r}.")
    if bins < 0:
        raise ValueError(f"histogram takes bins >= 0, and got {bins}.")
    if range is not None and (not isinstance(range, tuple) or len(range) != 2 or range[1] < range[0]):
        raise ValueError(f"histogram takes range=(low, high) with low <= high, and got {range!r}.")
    if x.ndim > 1:
        raise ValueError(f"histogram takes a one-dimensional array, and got shape {x.shape}; ravel it first.")
    return jnp.histogram(x, bins=bins, range=range or None)


@op
def corrcoef(x: Any) -> Tensor:
    """Pearson's correlation between the rows of `x`: `(variables, samples)` to `(variables, variables)`.

    >>> corrcoef([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]).shape
    (2, 2)
    """
    return jnp.corrcoef(to_array(x))


@op
def nansum(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum over `axis`, NaN counted as 0.

    >>> nansum([1.0, float("nan")]).tolist()
    1.0
    """
    return jnp.nansum(to_array(x), axis=axis_tuple(axis), keepdims=keepdims)


@op
def nanprod(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The product over `axis`, NaN counted as 1.

    >>> nanprod([2.0, float("nan")]).tolist()
    2.0
    """
    return jnp.nanprod(to_array(x), axis=axis_tuple(axis), keepdims=keepdims)


@op
def nanmean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean over `axis` of what is not NaN.

    >>> nanmean([1.0, float("nan"), 3.0]).tolist()
    2.0
    """
    return jnp.nanmean(to_array(x), axis=axis_tuple(axis), keepdims=keepdims)


@op
def nanvar(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The variance over `axis` of what is not NaN.

    >>> nanvar([1.0, float("nan"), 3.0]).tolist()
    1.0
    """
    return jnp.nanvar(to_array(x), axis=axis_tuple(axis), keepdims=keepdims)


@op
def nanstd(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The standard deviation over `axis` of what is not NaN.

    >>> nanstd([1.0, float("nan"), 3.0]).tolist()
    1.0
    """
    return jnp.nanstd(to_array(x), axis=axis_tuple(axis), keepdims=keepdims)


@op
def nanmax(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest element over `axis` that is not NaN.

    >>> nanmax([1.0, float("nan"), 3.0]).tolist()
    3.0
    """
    return jnp.nanmax(to_array(x), axis=axis_tuple(axis), keepdims=keepdims)


@op
def nanmin(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest element over `axis` that is not NaN.

    >>> nanmin([1.0, float("nan"), 3.0]).tolist()
    1.0
    """
    return jnp.nanmin(to_array(x), axis=axis_tuple(axis), keepdims=keepdims)


@op
def nanmedian(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The median over `axis` of what is not NaN.

    >>> nanmedian([1.0, float("nan"), 3.0]).tolist()
    2.0
    """
    return jnp.nanmedian(to_array(x), axis=axis_tuple(axis), keepdims=keepdims)


@op
def nanquantile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """`quantile` of what is not NaN.

    >>> nanquantile([0.0, float("nan"), 2.0], 0.5).tolist()
    1.0
    """
    return jnp.nanquantile(to_array(x), jnp.asarray(q), axis=axis_tuple(axis), method=method, keepdims=keepdims)


@op
def nanpercentile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """`percentile` of what is not NaN.

    >>> nanpercentile([0.0, float("nan"), 2.0], 50).tolist()
    1.0
    """
    return jnp.nanpercentile(to_array(x), jnp.asarray(q), axis=axis_tuple(axis), method=method, keepdims=keepdims)


@op
def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The running sum along `axis`, NaN counted as 0.

    >>> nancumsum([1.0, float("nan"), 3.0]).tolist()
    [1.0, 1.0, 4.0]
    """
    return jnp.nancumsum(to_array(x), axis=axis, dtype=dtype_or_none(dtype))


@op
def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The running product along `axis`, NaN counted as 1.

    >>> nancumprod([2.0, float("nan"), 3.0]).tolist()
    [2.0, 2.0, 6.0]
    """
    return jnp.nancumprod(to_array(x), axis=axis, dtype=dtype_or_none(dtype))


@op
def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the largest element that is not NaN, -1 where all are.

    >>> nanargmax([1.0, float("nan"), 3.0]).tolist()
    2
    """
    return jnp.nanargmax(to_array(x), axis=axis, keepdims=keepdims)


@op
def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the smallest element that is not NaN, -1 where all are.

    >>> nanargmin([float("nan"), 1.0, 3.0]).tolist()
    1
    """
    return jnp.nanargmin(to_array(x), axis=axis, keepdims=keepdims)
