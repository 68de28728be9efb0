"""Pooling to a given output size.

Of `m` windows over `n` positions, window `i` covers those from `floor(i * n / m)` up to `ceil((i + 1) * n / m)`.
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from lapis.graph import op
from lapis.ops.arrays import Tensor, to_float
from lapis.ops.pooling import larger
from lapis.ops.windows import check_rank, find_axes, per_axis


@op
def adaptive_average_pool(inputs: Any, output_size: int | Sequence[int], data_format: str | None = None) -> Tensor:
    """The mean of each of `output_size` windows along each spatial axis.

    Windows share positions where the sizes do not divide. `inputs` is `(batch, ..., channels)`, or
    `(batch, channels, ...)` for `data_format="channels_first"`.

    >>> adaptive_average_pool(jnp.arange(5.0).reshape(1, 5, 1), 2).ravel().tolist()
    [1.0, 3.0]
    """
    x = to_float(inputs)
    for axis, count in _targets(x, output_size, data_format, "adaptive_average_pool"):
        covered = _covered(x.shape[axis], count)
        weights = jnp.asarray(covered / covered.sum(1, keepdims=True), x.dtype)
        x = jnp.moveaxis(jnp.tensordot(weights, x, (1, axis)), 0, axis)
    return x


@op
def adaptive_max_pool(inputs: Any, output_size: int | Sequence[int], data_format: str | None = None) -> Tensor:
    """The largest value in each of `output_size` windows along each spatial axis.

    Of equal values one gets the gradient. `inputs` is `(batch, ..., channels)`, or `(batch, channels, ...)` for
    `data_format="channels_first"`.

    >>> adaptive_max_pool(jnp.arange(5.0).reshape(1, 5, 1), 2).ravel().tolist()
    [2.0, 4.0]
    """
    x = jnp.asarray(inputs)
    for axis, count in _targets(x, output_size, data_format, "adaptive_max_pool"):
        covered = _covered(x.shape[axis], count)
        first, width = covered.argmax(1), covered.sum(1)
        # The k-th position of every window; narrower ones repeat their last.
        positions = [first + np.minimum(k, width - 1) for k in range(width.max())]
        x = functools.reduce(larger, [jnp.take(x, places, axis) for places in positions])
    return x


def _targets(x: Any, output_size: int | Sequence[int], data_format: str | None, name: str) -> list[tuple[int, int]]:
    """Each spatial axis with its output size."""
    rank = check_rank(x, name)
    return list(zip(find_axes(rank, data_format)[0], per_axis(output_size, rank, "output_size")))


def _covered(size: int, count: int) -> np.ndarray:
    """For each window a row that says which positions it covers, `(count, size)`."""
    windows, positions = np.arange(count)[:, None], np.arange(size)
    return (positions >= windows * size // count) & (positions < -(-(windows + 1) * size // count))
