"""The same elements in another shape or order."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from lapis.graph import KerasTensor, op
from lapis.ops.arrays import Axis, Shape, Tensor, as_sizes, axis_tuple, dtype_or_none, keeping_sizes, to_array


@op
def reshape(x: Any, newshape: Shape) -> Tensor:
    """The elements of `x` in the shape `newshape`; one size may be -1, to be worked out from the rest.

    A size `None` keeps the size that `x` has at that position.

    >>> reshape([[1, 2], [3, 4]], (4, -1)).shape
    (4, 1)
    """
    newshape = as_sizes(newshape)
    sizes: Any = newshape if hasattr(newshape, "__iter__") else (newshape,)
    with keeping_sizes(x):
        x = jnp.asarray(x)
        return jnp.reshape(x, tuple(x.shape[i] if size is None else size for i, size in enumerate(sizes)))


@op
def ravel(x: Any) -> Tensor:
    """All elements in one axis.

    >>> ravel([[1, 2], [3, 4]]).tolist()
    [1, 2, 3, 4]
    """
    return jnp.ravel(to_array(x))


@op
def transpose(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    """The axes of `x` in the order `axes`, reversed by default.

    >>> transpose([[1, 2], [3, 4]]).tolist()
    [[1, 3], [2, 4]]
    """
    return jnp.transpose(to_array(x), axes=axes)


@op
def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """`x` with two axes exchanged.

    >>> swapaxes([[1, 2], [3, 4]], 0, 1).tolist()
    [[1, 3], [2, 4]]
    """
    return jnp.swapaxes(to_array(x), axis1, axis2)


@op
def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """`x` with the axes `source` moved to `destination`, the others kept in order.

    >>> moveaxis([[[1, 2]]], 0, -1).shape
    (1, 2, 1)
    """
    return jnp.moveaxis(to_array(x), source, destination)


@op
def expand_dims(x: Any, axis: int | Sequence[int]) -> Tensor:
    """`x` with a new axis of size 1 at `axis`, or at each of several.

    >>> expand_dims([1, 2], axis=0).shape
    (1, 2)
    """
    with keeping_sizes(x):
        return jnp.expand_dims(to_array(x), axis_tuple(axis))


@op
def squeeze(x: Any, axis: Axis = None) -> Tensor:
    """`x` without the axes of size 1, or without those named; an unknown size counts as more than 1.

    >>> squeeze([[1, 2]]).shape
    (2,)
    """
    return jnp.squeeze(to_array(x), axis=axis_tuple(axis))


def _broadcast_spec(x: Any, shape: Shape) -> KerasTensor:
    return KerasTensor((shape,) if isinstance(shape, int) else tuple(shape), x.dtype)


@op(spec=_broadcast_spec)
def broadcast_to(x: Any, shape: Shape) -> Tensor:
    """`x` repeated along new axes and along those of size 1 until it has `shape`.

    >>> broadcast_to([1, 2], (2, 2)).tolist()
    [[1, 2], [1, 2]]
    """
    return jnp.broadcast_to(to_array(x), as_sizes(shape))


@op
def flip(x: Any, axis: Axis = None) -> Tensor:
    """The elements in reverse order along `axis`, along all axes for `None`.

    >>> flip([1, 2, 3]).tolist()
    [3, 2, 1]
    """
    return jnp.flip(to_array(x), axis=axis_tuple(axis))


@op
def flipud(x: Any) -> Tensor:
    """The elements in reverse order along axis 0.

    >>> flipud([[1, 2], [3, 4]]).tolist()
    [[3, 4], [1, 2]]
    """
    return jnp.flipud(to_array(x))


@op
def fliplr(x: Any) -> Tensor:
    """The elements in reverse order along axis 1.

    >>> fliplr([[1, 2], [3, 4]]).tolist()
    [[2, 1], [4, 3]]
    """
    return jnp.fliplr(to_array(x))


@op
def rot90(array: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """`array` turned `k` times by 90 degrees in the plane of `axes`, from the first towards the second.

    >>> rot90([[1, 2], [3, 4]]).tolist()
    [[2, 4], [1, 3]]
    """
    array = jnp.asarray(array)
    if array.ndim < 2:
        raise ValueError(f"rot90 turns arrays of two or more axes, and got shape {array.shape}.")
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ValueError(f"rot90 takes two different axes, and got axes={axes}.")
    return jnp.rot90(array, k=k, axes=tuple(axes))


@op
def roll(x: Any, shift: int | Sequence[int], axis: Axis = None) -> Tensor:
    """The elements moved by `shift` places along `axis`; those that fall off come back at the start.

    >>> roll([1, 2, 3], 1).tolist()
    [3, 1, 2]
    """
    return jnp.roll(to_array(x), shift, axis=axis)


@op
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Tensor:
    """Each element `repeats` times in a row along `axis`, flattened for `None`.

    >>> repeat([1, 2], 2).tolist()
    [1, 1, 2, 2]
    """
    return jnp.repeat(to_array(x), repeats if isinstance(repeats, int) else jnp.asarray(repeats), axis=axis)


@op
def tile(x: Any, repeats: int | Sequence[int]) -> Tensor:
    """The whole of `x`, `repeats` times along each axis.

    >>> tile([1, 2], 2).tolist()
    [1, 2, 1, 2]
    """
    return jnp.tile(to_array(x), as_sizes(repeats))


@op
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Tensor:
    """`x` with `pad_width` elements more before and after along each axis.

    `pad_width` is a number, one `(before, after)` for all axes, or one pair for each axis. `mode` is one of
    NumPy's: `"constant"` (with `constant_values`, 0 by default), `"reflect"`, `"symmetric"`, `"edge"`, `"wrap"`, …

    >>> pad([1, 2], (1, 0)).tolist()
    [0, 1, 2]
    """
    x = jnp.asarray(x)
    if constant_values is None:
        return jnp.pad(x, pad_width, mode=mode)
    if mode != "constant":
        raise ValueError(f"pad takes constant_values only with mode='constant', and got mode={mode!r}.")
    return jnp.pad(x, pad_width, mode=mode, constant_values=constant_values)


@op
def copy(x: Any) -> Tensor:
    """A new array with the elements of `x`.

    >>> copy([1, 2]).tolist()
    [1, 2]
    """
    return jnp.copy(to_array(x))


@op
def view(x: Any, dtype: Any = None) -> Tensor:
    """The same bytes read as another `dtype`; the last axis grows or shrinks with its width.

    >>> view(jnp.asarray([1.0], "float32"), "int32").tolist()
    [1065353216]
    """
    return jnp.asarray(x).view(dtype_or_none(dtype))
