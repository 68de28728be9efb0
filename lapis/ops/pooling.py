"""The largest and the mean value in windows that slide over the spatial axes."""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from lapis.graph import op
from lapis.kernels import pooling as kernels
from lapis.kernels.pooling import Windows
from lapis.ops.arrays import Tensor, to_float
from lapis.ops.windows import check_fit, check_padding, check_rank, find_axes, per_axis

# A window this wide or narrower is walked position by position along each axis in turn: the same values and the same
# winners as XLA's reduce_window, whose gradient takes 2 to 15 times as long on a CPU.
_WIDEST_WALK = 16


@op
def max_pool(
    inputs: Any,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The largest value in each window, for each channel; of equal values the first gets the gradient.

    `inputs` is `(batch, ..., channels)`, or `(batch, channels, ...)` for `data_format="channels_first"`, with any
    number of spatial axes; `strides` defaults to `pool_size`; `padding` is `"valid"` or `"same"`. A `ValueError` where
    a window does not fit.

    >>> max_pool(jnp.array([1.0, 3.0, 2.0, 0.0]).reshape(1, 4, 1), 2).ravel().tolist()
    [3.0, 2.0]
    """
    inputs = jnp.asarray(inputs)
    axes, window, step, pads = _geometry(inputs, pool_size, strides, padding, data_format, "max_pool")
    windows, computed = _native(inputs, axes, window, step, pads)
    if computed is not None:
        return kernels.max_pool(inputs.astype(computed), windows).astype(inputs.dtype)
    lowest = _lowest(inputs.dtype)
    if max(window) > _WIDEST_WALK:
        return _reduce_window(inputs, lowest, lax.max, axes, window, step, pads)
    # Last axis first, so that of equal values the first in row-major order wins.
    return _walk(_pad(inputs, lowest, axes, pads), larger, axes, window, step)


@op
def average_pool(
    inputs: Any,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The mean of each window, for each channel; positions that `padding="same"` adds do not count.

    `inputs` is `(batch, ..., channels)`, or `(batch, channels, ...)` for `data_format="channels_first"`, with any
    number of spatial axes; `strides` defaults to `pool_size`. A `ValueError` where a window does not fit.

    >>> average_pool(jnp.array([1.0, 3.0, 2.0, 0.0]).reshape(1, 4, 1), 2).ravel().tolist()
    [2.0, 1.0]
    """
    inputs = to_float(inputs)
    axes, window, step, pads = _geometry(inputs, pool_size, strides, padding, data_format, "average_pool")
    windows, computed = _native(inputs, axes, window, step, pads)
    if computed is not None:
        return kernels.average_pool(inputs.astype(computed), windows).astype(inputs.dtype)
    total = functools.partial(_sums, axes=axes, window=window, step=step, pads=pads)
    if not any(map(any, pads)):
        return total(inputs) / math.prod(window)
    ones = jnp.ones([size if axis in axes else 1 for axis, size in enumerate(inputs.shape)], inputs.dtype)
    return total(inputs) / total(ones)


def _geometry(inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None, name: str) -> tuple:
    rank = check_rank(inputs, name)
    axes, _ = find_axes(rank, data_format)
    window = per_axis(pool_size, rank, "pool_size")
    step = window if strides is None else per_axis(strides, rank, "strides")
    sizes = [inputs.shape[axis] for axis in axes]
    if check_padding(padding, name) == "same":
        pads = lax.padtype_to_pads(sizes, window, step, "SAME")
    else:
        check_fit(sizes, window, name)
        pads = [(0, 0)] * rank
    return axes, window, step, pads


def _native(x: Any, axes: Any, window: Any, step: Any, pads: Any) -> tuple[Windows, Any | None]:
    """What a native kernel is asked for, and the type in which one serves, `None` where none does."""
    windows = Windows(tuple(x.shape[axis] for axis in axes), window, step, tuple(pads))
    return windows, kernels.native_dtype(x.shape, x.dtype, windows) if axes[0] == 1 else None


def _lowest(dtype: Any) -> Any:
    return jnp.array(-jnp.inf if jnp.issubdtype(dtype, jnp.inexact) else jnp.iinfo(dtype).min, dtype)


def larger(a: Any, b: Any) -> Any:
    """The larger of each pair, the first of equal ones; what is not a number stays."""
    return lax.select((a >= b) | (a != a), a, b)


def _sums(x: Any, axes: Any, window: Any, step: Any, pads: Any) -> Any:
    zero = jnp.zeros((), x.dtype)
    if max(window) > _WIDEST_WALK:
        return _reduce_window(x, zero, lax.add, axes, window, step, pads)
    return _walk(_pad(x, zero, axes, pads), lax.add, axes, window, step)


def _pad(x: Any, value: Any, axes: Sequence[int], pads: Sequence[tuple]) -> Any:
    if not any(map(any, pads)):
        return x
    return lax.pad(x, value, [(*pads[axes.index(axis)], 0) if axis in axes else (0, 0, 0) for axis in range(x.ndim)])


def _walk(x: Any, combine: Callable, axes: Sequence[int], window: Sequence[int], step: Sequence[int]) -> Any:
    for axis, width, stride in reversed(list(zip(axes, window, step))):
        x = functools.reduce(combine, _positions(x, axis, width, stride))
    return x


def _positions(x: Any, axis: int, width: int, stride: int) -> Iterator[Any]:
    """For each position inside a window: that position of all windows."""
    last = (x.shape[axis] - width) // stride * stride
    for start in range(width):
        yield lax.slice_in_dim(x, start, start + last + 1, stride, axis)


def _reduce_window(
    x: Any, start: Any, combine: Any, axes: Sequence[int], window: Any, step: Any, pads: Sequence[tuple]
) -> Any:
    widths, strides, padding = [1] * x.ndim, [1] * x.ndim, [(0, 0)] * x.ndim
    for axis, width, stride, pad in zip(axes, window, step, pads):
        widths[axis], strides[axis], padding[axis] = width, stride, pad
    return lax.reduce_window(x, start, combine, widths, strides, padding)
