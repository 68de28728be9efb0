"""Several arrays into one, and one into several."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from lapis.graph import op
from lapis.ops.arrays import Tensor, keeping_sizes, to_array


@op
def concatenate(xs: Sequence[Any], axis: int = 0) -> Tensor:
    """The arrays one after the other along `axis`, which must exist; all other sizes must agree.

    >>> concatenate([[1, 2], [3]]).tolist()
    [1, 2, 3]
    """
    with keeping_sizes(xs):
        return jnp.concatenate([jnp.asarray(x) for x in xs], axis=axis)


@op
def stack(x: Sequence[Any], axis: int = 0) -> Tensor:
    """Arrays of one shape, side by side along a new axis.

    >>> stack([[1, 2], [3, 4]], axis=1).tolist()
    [[1, 3], [2, 4]]
    """
    with keeping_sizes(x):
        return jnp.stack([jnp.asarray(t) for t in x], axis=axis)


@op
def hstack(xs: Sequence[Any]) -> Tensor:
    """The arrays side by side: along axis 1, or axis 0 where they have only one.

    >>> hstack([[1, 2], [3]]).tolist()
    [1, 2, 3]
    """
    return jnp.hstack([jnp.asarray(x) for x in xs])


@op
def vstack(xs: Sequence[Any]) -> Tensor:
    """The arrays as rows below one another, along axis 0.

    >>> vstack([[1, 2], [3, 4]]).tolist()
    [[1, 2], [3, 4]]
    """
    return jnp.vstack([jnp.asarray(x) for x in xs])


@op
def dstack(xs: Sequence[Any]) -> Tensor:
    """The arrays behind one another, along axis 2.

    >>> dstack([[1, 2], [3, 4]]).tolist()
    [[[1, 3], [2, 4]]]
    """
    return jnp.dstack([jnp.asarray(x) for x in xs])


@op
def append(x1: Any, x2: Any, axis: int | None = None) -> Tensor:
    """`x2` behind `x1` along `axis`, both flattened for `None`.

    >>> append([1, 2], [3]).tolist()
    [1, 2, 3]
    """
    return jnp.append(to_array(x1), to_array(x2), axis=axis)


@op
def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """`x` cut along `axis` into equal parts (a number), or at the places given.

    >>> [part.tolist() for part in split([1, 2, 3, 4], 2)]
    [[1, 2], [3, 4]]
    """
    return jnp.split(jnp.asarray(x), indices_or_sections, axis=axis)


@op
def array_split(x: Any, indices_or_sections: int, axis: int = 0) -> list[Tensor]:
    """`x` cut along `axis` into so many parts, the first ones longer where it does not come out even.

    >>> [part.tolist() for part in array_split([1, 2, 3], 2)]
    [[1, 2], [3]]
    """
    if not isinstance(indices_or_sections, int) or not isinstance(axis, int):
        raise TypeError(f"array_split takes whole numbers, and got {indices_or_sections!r} parts along axis {axis!r}.")
    if indices_or_sections <= 0:
        raise ValueError(f"array_split takes one part or more, and got {indices_or_sections}.")
    return jnp.array_split(jnp.asarray(x), indices_or_sections, axis=axis)


@op
def hsplit(x: Any, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """`split` along axis 1, or axis 0 where there is only one.

    >>> [part.tolist() for part in hsplit([1, 2, 3, 4], 2)]
    [[1, 2], [3, 4]]
    """
    return jnp.hsplit(jnp.asarray(x), indices_or_sections)


@op
def vsplit(x: Any, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """`split` along axis 0.

    >>> [part.tolist() for part in vsplit([[1, 2], [3, 4]], 2)]
    [[[1, 2]], [[3, 4]]]
    """
    return jnp.vsplit(jnp.asarray(x), indices_or_sections)


@op
def dsplit(x: Any, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """`split` along axis 2.

    >>> [part.shape for part in dsplit([[[1, 2]]], 2)]
    [(1, 1, 1), (1, 1, 1)]
    """
    return jnp.dsplit(jnp.asarray(x), indices_or_sections)


@op
def meshgrid(*x: Any, indexing: str = "xy") -> list[Tensor]:
    """Grids of coordinates from one-dimensional arrays, by columns and rows (`"xy"`) or by index (`"ij"`).

    >>> [grid.tolist() for grid in meshgrid([1, 2], [3, 4])]
    [[[1, 2], [1, 2]], [[3, 3], [4, 4]]]
    """
    return jnp.meshgrid(*(jnp.asarray(v) for v in x), indexing=indexing)
