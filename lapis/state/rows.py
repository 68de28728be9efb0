"""Batches padded to a common size: which of their rows count."""

import math
from typing import Any

import jax.numpy as jnp

import lapis.ops as ops
from lapis.state.scopes import local

_NOT_A_BATCH = (
    "Within real_rows(count, {size}) values of shape {shape} were to be counted, whose first axis is not the batch of "
    "{size} rows, so there is no telling which of them are padding. Run this batch without padding."
)


class real_rows:
    """Within the scope, losses and metrics count only the first `count` rows of batches that have `size` rows.

    The rows after them are padding. `count` is a whole number from 1 to `size`, or a traced one.
    A value that has neither the batch as its first axis nor is a single number is refused with a `ValueError`.

    >>> import lapis
    >>> metric = lapis.metrics.Mean()
    >>> with real_rows(2, 3):
    ...     metric.update_state([1.0, 3.0, 3.0])
    >>> float(metric.result())
    2.0
    """

    def __init__(self, count: Any, size: int) -> None:
        self.count = count
        self.size = size

    def __enter__(self) -> "real_rows":
        self._outer = local.rows
        local.rows = self
        return self

    def __exit__(self, *_: Any) -> None:
        local.rows = self._outer


def get_real_rows() -> real_rows | None:
    """The active `real_rows`, or `None`."""
    return local.rows


def _check_shape(shape: tuple[int, ...], rows: real_rows) -> None:
    if not shape or shape[0] != rows.size:
        raise ValueError(_NOT_A_BATCH.format(size=rows.size, shape=tuple(shape)))


def real_batch_size(x: Any) -> Any:
    """How many rows of a batch count: all of them outside of `real_rows`."""
    return x.shape[0] if local.rows is None else local.rows.count


def row_mask(shape: tuple[int, ...]) -> Any:
    """True in rows that count and false in padding, `(batch, 1, …)` for a shape `(batch, …)`; within `real_rows`."""
    rows = local.rows
    _check_shape(shape, rows)
    return jnp.arange(rows.size).reshape(-1, *(1,) * (len(shape) - 1)) < rows.count


def zero_padding(x: Any) -> Any:
    """The values `(batch, …)` with zeros in padded rows; as they are outside of `real_rows`."""
    if local.rows is None:
        return x
    x = jnp.asarray(x)
    return jnp.where(row_mask(x.shape), x, jnp.zeros((), x.dtype))


def real_size(x: Any) -> Any:
    """How many of the values `(batch, …)` lie in rows that are not padding."""
    rows = local.rows
    if rows is None:
        return ops.size(x)
    _check_shape(x.shape, rows)
    return rows.count * math.prod(x.shape[1:])
