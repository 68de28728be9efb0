"""Products of vectors, matrices and larger arrays."""

import operator
import string
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from lapis.graph import op
from lapis.kernels.matmul import native
from lapis.ops.arrays import Tensor, to_array

_dtype_of = operator.attrgetter("dtype")
_BYTES = {jnp.dtype("int8")}


def _sum_type(*xs: Any) -> str | None:
    """`int8` products are summed as `int32`, which hardware does at full speed."""
    return "int32" if set(map(_dtype_of, xs)) == _BYTES else None


@op
def matmul(x1: Any, x2: Any) -> Tensor:
    """The matrix product over the last axis of `x1` and the last but one of `x2`; leading axes broadcast.

    Two `int8` arrays give `int32`.

    >>> matmul([[1, 2]], [[3], [4]]).tolist()
    [[11]]
    """
    x1, x2 = jnp.asarray(x1), jnp.asarray(x2)
    product = native(x1, x2, "...ij,...jk->...ik")
    return jnp.matmul(x1, x2, preferred_element_type=_sum_type(x1, x2)) if product is None else product


@op
def dot(x1: Any, x2: Any) -> Tensor:
    """The product over the last axis of `x1` and the last but one (or only) axis of `x2`.

    >>> dot([1, 2], [3, 4]).tolist()
    11
    """
    x1, x2 = to_array(x1), to_array(x2)
    product = native(x1, x2, "...ij,jk->...ik")
    return jnp.dot(x1, x2) if product is None else product


@op
def vdot(x1: Any, x2: Any) -> Tensor:
    """The inner product of two flattened arrays, the first conjugated.

    >>> vdot([1, 2], [3, 4]).tolist()
    11
    """
    return jnp.vdot(to_array(x1), to_array(x2))


@op
def inner(x1: Any, x2: Any) -> Tensor:
    """The product over the last axes of both.

    >>> inner([1, 2], [3, 4]).tolist()
    11
    """
    return jnp.inner(to_array(x1), to_array(x2))


@op
def outer(x1: Any, x2: Any) -> Tensor:
    """Every element of `x1` times every element of `x2`, as a matrix.

    >>> outer([1, 2], [3, 4]).tolist()
    [[3, 4], [6, 8]]
    """
    return jnp.outer(to_array(x1), to_array(x2))


@op
def kron(x1: Any, x2: Any) -> Tensor:
    """The Kronecker product: `x2` once for each element of `x1`, scaled by it.

    >>> kron([1, 2], [1, 10]).tolist()
    [1, 10, 2, 20]
    """
    return jnp.kron(to_array(x1), to_array(x2))


@op
def cross(x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Tensor:
    """The cross product of vectors of two or three components, which lie along `axisa`, `axisb` and go to `axisc`.

    `axis` stands for all three.

    >>> cross([1, 0, 0], [0, 1, 0]).tolist()
    [0, 0, 1]
    """
    return jnp.cross(to_array(x1), to_array(x2), axisa=axisa, axisb=axisb, axisc=axisc, axis=axis)


@op
def tensordot(x1: Any, x2: Any, axes: int | Sequence[Any] = 2) -> Tensor:
    """The product summed over several axes: the last and first `axes` ones, or two lists of axes.

    >>> tensordot([[1, 2]], [[3], [4]], axes=1).tolist()
    [[11]]
    """
    x1, x2 = to_array(x1), to_array(x2)
    subscripts = _tensordot_subscripts(np.ndim(x1), np.ndim(x2), axes)
    product = None if subscripts is None else native(x1, x2, subscripts)
    return jnp.tensordot(x1, x2, axes=axes) if product is None else product


def _tensordot_subscripts(rank1: int, rank2: int, axes: int | Sequence[Any]) -> str | None:
    """The same in Einstein's notation, or `None` for a mistake."""
    if np.ndim(axes) == 0:
        axes = operator.index(axes)  # type: ignore[arg-type]
        lists = [*range(rank1 - axes, rank1)], [*range(axes)]
    else:
        lists = [np.atleast_1d(each).tolist() for each in axes]  # type: ignore[union-attr]
    if len(lists) != 2 or len(lists[0]) != len(lists[1]) or rank1 + rank2 > len(string.ascii_letters):
        return None
    if any(not -rank <= axis < rank for each, rank in zip(lists, (rank1, rank2)) for axis in each):
        return None
    left, right = list(string.ascii_letters[:rank1]), list(string.ascii_letters[rank1 : rank1 + rank2])
    for i, j in zip(*lists):
        right[j] = left[i]
    kept = [letter for letter in left if letter not in right] + [letter for letter in right if letter not in left]
    return f"{''.join(left)},{''.join(right)}->{''.join(kept)}"


@op
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Tensor:
    """Products and sums by Einstein's notation, such as `"ij,jk->ik"`; `int8` operands give `int32`.

    >>> einsum("i,i->", [1, 2], [3, 4]).tolist()
    11
    """
    arrays = [jnp.asarray(x) for x in operands]
    product = (
        native(arrays[0], arrays[1], subscripts)
        if len(arrays) == 2 and isinstance(subscripts, str) and not kwargs
        else None
    )
    if product is not None:
        return product
    kwargs.setdefault("preferred_element_type", _sum_type(*arrays))
    return jnp.einsum(subscripts, *arrays, **kwargs)


@op
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Tensor:
    """The sliding inner product of two one-dimensional arrays.

    `mode` is `"valid"` (full overlap only), `"same"` (as long as the longer) or `"full"`.

    >>> correlate([1.0, 2.0, 3.0], [0.0, 1.0]).tolist()
    [2.0, 3.0]
    """
    return jnp.correlate(to_array(x1), to_array(x2), mode)
