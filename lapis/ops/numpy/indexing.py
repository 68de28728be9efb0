"""Picking, ordering and finding elements."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

from lapis.core.watching import watching
from lapis.graph import KerasTensor, op
from lapis.kernels.rows import serves, take_rows
from lapis.ops.arrays import Tensor, to_array


@op
def get_item(x: Any, key: Any) -> Tensor:
    """`x[key]`, with NumPy's integers, slices, `None`, `...`, boolean and integer arrays.

    >>> get_item([1, 2, 3], slice(1, None)).tolist()
    [2, 3]
    """
    x = jnp.asarray(x)
    _check_range(x.shape, key)
    return x[key]


def _check_range(shape: tuple, key: Any) -> None:
    """An `IndexError` for a Python integer out of range, which JAX would quietly move to the nearest end."""
    keys = key if isinstance(key, tuple) else (key,)
    if not all(k is None or k is Ellipsis or (isinstance(k, (int, slice)) and not isinstance(k, bool)) for k in keys):
        return
    used = [k for k in keys if k is not None]
    before = used.index(Ellipsis) if Ellipsis in used else len(used)
    axes = [*range(before), *(len(shape) - len(used) + i for i in range(before, len(used)))]
    for axis, k in zip(axes, used):
        length = shape[axis] if 0 <= axis < len(shape) else None
        if isinstance(k, int) and isinstance(length, int) and not -length <= k < length:
            raise IndexError(f"Index {k} is out of range for axis {axis} of size {length}, shape {shape}.")


def _watch(name: str, x: Any, indices: Any, axis: int | None) -> None:
    if watching.watch is not None:
        size = x.size if axis is None else x.shape[axis]
        watching.watch.ids(name, indices, -size, size)


@op
def take(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """The elements of `x` at `indices` along `axis`, of the flattened array for `None`.

    An index out of range gives NaN (for integers, the type's smallest number).

    >>> take([10, 20, 30], [2, 0]).tolist()
    [30, 10]
    """
    x, indices = to_array(x), jnp.asarray(indices)
    _watch("take", x, indices, axis)
    return take_rows(x, indices) if axis == 0 and serves(x, indices) else jnp.take(x, indices, axis=axis)


@op
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """For each line along `axis`, the elements at that line's own `indices`.

    >>> take_along_axis([[3, 1], [5, 7]], [[1], [0]], axis=1).tolist()
    [[1], [5]]
    """
    x, indices = jnp.asarray(x), jnp.asarray(indices)
    _watch("take_along_axis", x, indices, axis)
    return jnp.take_along_axis(x, indices, axis=axis)


@op
def where(condition: Any, x1: Any = None, x2: Any = None) -> Tensor:
    """`x1` where the condition holds, else `x2`; with the condition alone, the indices where it holds.

    >>> where([True, False], 1, 2).tolist()
    [1, 2]
    """
    if (x1 is None) != (x2 is None):
        raise ValueError(
            "where takes both x1 and x2, or neither, and got one of them. Pass both, or the condition alone."
        )
    if x1 is None:
        return jnp.where(to_array(condition))
    return jnp.where(to_array(condition), to_array(x1), to_array(x2))


@op
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Tensor:
    """For each element, the choice of the first condition that holds, else `default`.

    >>> select([jnp.array([True, False])], [jnp.array([1, 1])], 9).tolist()
    [1, 9]
    """
    if not isinstance(condlist, (list, tuple)) or not isinstance(choicelist, (list, tuple)):
        raise ValueError(f"select takes two lists, and got {type(condlist).__name__} and {type(choicelist).__name__}.")
    if not condlist or len(condlist) != len(choicelist):
        raise ValueError(f"select takes as many choices as conditions, and got {len(choicelist)} and {len(condlist)}.")
    return jnp.select([jnp.asarray(c) for c in condlist], [jnp.asarray(c) for c in choicelist], to_array(default))


@op
def nonzero(x: Any) -> tuple[Tensor, ...]:
    """The indices of the elements that are not zero, one array for each axis.

    >>> [index.tolist() for index in nonzero([0, 5, 6])]
    [[1, 2]]
    """
    return jnp.nonzero(to_array(x))


@op
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the largest element along `axis` (`int32`), the first of several.

    >>> argmax([[1, 5], [4, 2]], axis=1).tolist()
    [1, 0]
    """
    return jnp.argmax(to_array(x), axis=axis, keepdims=keepdims)


@op
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the smallest element along `axis` (`int32`), the first of several.

    >>> argmin([[1, 5], [4, 2]], axis=1).tolist()
    [0, 1]
    """
    return jnp.argmin(to_array(x), axis=axis, keepdims=keepdims)


@op
def sort(x: Any, axis: int | None = -1) -> Tensor:
    """The elements in rising order along `axis`, flattened for `None`.

    >>> sort([3, 1, 2]).tolist()
    [1, 2, 3]
    """
    return jnp.sort(to_array(x), axis=axis)


@op
def argsort(x: Any, axis: int | None = -1) -> Tensor:
    """The indices that would put `x` into rising order along `axis`.

    >>> argsort([3, 1, 2]).tolist()
    [1, 2, 0]
    """
    x = jnp.asarray(x)
    return jnp.argsort(x, axis=None if x.ndim == 0 else axis)


@op
def argpartition(x: Any, kth: int, axis: int | None = -1) -> Tensor:
    """Indices such that position `kth` holds what it would in sorted order, smaller ones before, larger after.

    >>> argpartition([3, 1, 2], 0).tolist()[0]
    1
    """
    x = jnp.asarray(x)
    return jnp.argpartition(x.ravel(), kth, axis=0) if axis is None else jnp.argpartition(x, kth, axis=axis)


@op
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Tensor:
    """Where each value would go in a rising one-dimensional sequence, before equal elements or (`"right"`) after.

    >>> searchsorted([1, 3, 5], [3, 4]).tolist()
    [1, 2]
    """
    sorted_sequence = jnp.asarray(sorted_sequence)
    if sorted_sequence.ndim != 1:
        raise ValueError(
            f"searchsorted takes a one-dimensional sorted_sequence, and got shape {sorted_sequence.shape}; "
            "vectorized_map applies it row by row."
        )
    return jnp.searchsorted(sorted_sequence, to_array(values), side=side)


@op
def digitize(x: Any, bins: Any) -> Tensor:
    """For each element, the number of the bin between the rising edges `bins` that it falls into.

    >>> digitize([0.5, 1.5, 9.0], [1.0, 2.0]).tolist()
    [0, 1, 2]
    """
    return jnp.digitize(to_array(x), jnp.asarray(bins))


@op
def unravel_index(indices: Any, shape: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Indices into a flattened array as indices into one of the given shape.

    >>> [index.tolist() for index in unravel_index([3], (2, 2))]
    [[1], [1]]
    """
    return tuple(jnp.unravel_index(jnp.asarray(indices), shape))


@op
def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The distinct elements of `x`, and on request where each came from, where each went and how many there were.

    `size` fixes the number of results (cut, or filled up with `fill_value`), which a compiled program needs.

    >>> unique([3, 1, 3]).tolist()
    [1, 3]
    """
    return jnp.unique(
        to_array(x),
        return_index=return_index,
        return_inverse=return_inverse,
        return_counts=return_counts,
        axis=axis,
        equal_nan=False,
        size=size,
        sorted=sorted,
        fill_value=fill_value,
    )


def diagonal_spec(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> KerasTensor:
    """What `diagonal` gives for a symbolic tensor."""
    # The shorter of two sizes is unknown if one of them is, which tracing with stand-ins does not see.
    ends = (axis1 % x.ndim, axis2 % x.ndim)
    rest = tuple(size for axis, size in enumerate(x.shape) if axis not in ends)
    rows, columns = (x.shape[axis] for axis in ends)
    if rows is None or columns is None:
        return KerasTensor((*rest, None), x.dtype)
    return KerasTensor((*rest, max(0, min(rows + min(offset, 0), columns - max(offset, 0)))), x.dtype)


@op(spec=diagonal_spec)
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal of the planes of `axis1` and `axis2`, as a new last axis.

    >>> diagonal([[1, 2], [3, 4]]).tolist()
    [1, 4]
    """
    x = jnp.asarray(x)
    if axis1 % x.ndim == axis2 % x.ndim:
        raise ValueError(f"diagonal takes two different axes, and got axis1={axis1} and axis2={axis2}.")
    return jnp.diagonal(x, offset=offset, axis1=axis1, axis2=axis2)


@op
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sum along the diagonal of the planes of `axis1` and `axis2`.

    >>> trace([[1, 2], [3, 4]]).tolist()
    5
    """
    return jnp.trace(to_array(x), offset=offset, axis1=axis1, axis2=axis2)


def ndim(x: Any) -> int:
    """The number of axes.

    >>> ndim([[1, 2]])
    2
    """
    return len(x.shape) if hasattr(x, "shape") else jnp.ndim(jnp.asarray(x))


@op
def size(x: Any) -> Any:
    """The number of elements: a Python integer, and for a symbolic tensor a symbolic `int32` scalar.

    >>> size([[1, 2], [3, 4]])
    4
    """
    return jnp.size(to_array(x))


def vectorize(pyfunc: Callable, *, excluded: Any = None, signature: str | None = None) -> Callable:
    """A function of single elements as one of whole arrays, with broadcasting.

    `excluded` names arguments to pass as they are; `signature` such as `"(n),(n)->()"` says what each call takes.

    >>> vectorize(lambda a, b: a + b)(jnp.array([1, 2]), 1).tolist()
    [2, 3]
    """
    if not callable(pyfunc):
        raise ValueError(f"vectorize takes a function, and got {pyfunc!r}.")
    return jnp.vectorize(pyfunc, excluded=excluded or set(), signature=signature)
