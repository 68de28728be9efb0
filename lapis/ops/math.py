"""Sums over segments, the largest elements, error functions, distances."""

from typing import Any

import jax
import jax.numpy as jnp

from lapis.graph import KerasTensor, op
from lapis.ops.arrays import Axis, Tensor, axis_tuple, to_array, to_float


def _segments(name: str, data: Any, segment_ids: Any, num_segments: int | None) -> tuple[Any, Any]:
    data, segment_ids = jnp.asarray(data), jnp.asarray(segment_ids)
    if num_segments is None:
        raise ValueError(f"{name} needs num_segments, the number of results; JAX cannot read it from the values.")
    if segment_ids.ndim != 1 or data.shape[:1] != segment_ids.shape:
        raise ValueError(
            f"{name} takes one segment number for each place on the first axis of data, and got shapes "
            f"{segment_ids.shape} and {data.shape}."
        )
    return data, segment_ids


@op
def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """The sum of the elements of each segment: those whose segment number is the same.

    `sorted` promises that the segment numbers rise, which is faster.

    >>> segment_sum([1, 2, 3], [0, 0, 1], num_segments=2).tolist()
    [3, 3]
    """
    data, ids = _segments("segment_sum", data, segment_ids, num_segments)
    return jax.ops.segment_sum(data, ids, num_segments, indices_are_sorted=sorted)


@op
def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """The largest element of each segment.

    >>> segment_max([1, 2, 3], [0, 0, 1], num_segments=2).tolist()
    [2, 3]
    """
    data, ids = _segments("segment_max", data, segment_ids, num_segments)
    return jax.ops.segment_max(data, ids, num_segments, indices_are_sorted=sorted)


@op
def segment_min(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """The smallest element of each segment.

    >>> segment_min([1, 2, 3], [0, 0, 1], num_segments=2).tolist()
    [1, 3]
    """
    data, ids = _segments("segment_min", data, segment_ids, num_segments)
    return jax.ops.segment_min(data, ids, num_segments, indices_are_sorted=sorted)


@op
def segment_prod(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """The product of the elements of each segment.

    >>> segment_prod([1, 2, 3], [0, 0, 1], num_segments=2).tolist()
    [2, 3]
    """
    data, ids = _segments("segment_prod", data, segment_ids, num_segments)
    return jax.ops.segment_prod(data, ids, num_segments, indices_are_sorted=sorted)


@op
def top_k(x: Any, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The `k` largest elements of the last axis, in falling order, and their indices.

    >>> values, indices = top_k([1, 5, 3], 2)
    >>> values.tolist(), indices.tolist()
    ([5, 3], [1, 2])
    """
    return tuple(jax.lax.top_k(jnp.asarray(x), k))


@op
def in_top_k(targets: Any, predictions: Any, k: int) -> Tensor:
    """Whether each target class is among the `k` largest of its row of predictions; ties count as in.

    >>> in_top_k([1, 0], [[0.1, 0.9], [0.1, 0.9]], 1).tolist()
    [True, False]
    """
    targets, predictions = jnp.asarray(targets), jnp.asarray(predictions)
    own = jnp.take_along_axis(predictions, targets[..., None], axis=-1)
    own = jnp.where(jnp.isnan(own), -jnp.inf, own)
    return jnp.sum(predictions > own, axis=-1) < k


@op
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`log(sum(exp(x)))` over `axis` without overflow.

    >>> round(float(logsumexp([0.0, 0.0])), 4)
    0.6931
    """
    return jax.scipy.special.logsumexp(to_array(x), axis=axis_tuple(axis), keepdims=keepdims)


@op(spec=lambda x: KerasTensor(x.shape[:-2], x.dtype))
def logdet(x: Any) -> Tensor:
    """The logarithm of the absolute value of a matrix's determinant.

    >>> round(float(logdet([[2.0, 0.0], [0.0, 3.0]])), 4)
    1.7918
    """
    return jnp.linalg.slogdet(to_float(x))[1]


@op
def rsqrt(x: Any) -> Tensor:
    """`1 / sqrt(x)`.

    >>> rsqrt([4.0]).tolist()
    [0.5]
    """
    return jax.lax.rsqrt(to_float(x))


@op
def erf(x: Any) -> Tensor:
    """The error function, `2 / sqrt(pi)` times the integral of `exp(-t**2)` from 0 to `x`.

    >>> erf([0.0]).tolist()
    [0.0]
    """
    return jax.lax.erf(to_float(x))


@op
def erfc(x: Any) -> Tensor:
    """`1 - erf(x)`, exact for large `x`.

    >>> erfc([0.0]).tolist()
    [1.0]
    """
    return jax.scipy.special.erfc(to_float(x))


@op
def erfinv(x: Any) -> Tensor:
    """The inverse of `erf`.

    >>> erfinv([0.0]).tolist()
    [0.0]
    """
    return jax.scipy.special.erfinv(to_float(x))


@op
def cdist(x: Any, y: Any) -> Tensor:
    """The Euclidean distance of every row of `x` `(..., n, d)` to every row of `y` `(..., m, d)`: `(..., n, m)`.

    >>> cdist([[0.0, 0.0]], [[3.0, 4.0]]).tolist()
    [[5.0]]
    """
    x, y = jnp.asarray(x), jnp.asarray(y)
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ValueError(
            f"cdist takes points of one dimension, shapes (..., n, d) and (..., m, d), and got {x.shape} and {y.shape}."
        )
    apart = x[..., :, None, :] - y[..., None, :, :]
    return jnp.sqrt(jnp.sum(apart * apart, axis=-1))
