"""Batches brought to common sizes, so that changing ones do not each need a program of their own."""

from typing import Any

import jax
import numpy as np

_MOST_EXACT = 8


class BatchSizes:
    """Which size batches of each size are padded to: the first few sizes are kept, further ones go up to powers of two.

    >>> sizes = BatchSizes()
    >>> [sizes.padded(n) for n in (1, 2, 3, 5, 6, 7, 9, 10, 100, 9)]
    [1, 2, 3, 5, 6, 7, 9, 10, 128, 9]
    """

    def __init__(self) -> None:
        self._exact: set[int] = set()
        self.pads = True  # until it turns out that padding would show

    def padded(self, size: int) -> int:
        """The size that batches of this one come to; the same one always does to the same."""
        if size in self._exact or not self.pads:
            return size
        if len(self._exact) < _MOST_EXACT or size == 0:
            self._exact.add(size)
            return size
        return 1 << (size - 1).bit_length()


def common_rows(arrays: list[Any]) -> int | None:
    """The size of the first axis that all arrays have; `None` if they differ or lie where padding would cost much."""
    rows = None
    for x in arrays:
        if x is None:
            continue
        if not x.shape or (rows is not None and x.shape[0] != rows):
            return None
        if isinstance(x, jax.Array) and (x.committed or next(iter(x.devices())).platform != "cpu"):
            return None  # elsewhere each new size would itself need a program to pad it
        rows = x.shape[0]
    return rows


def pad(x: Any, rows: int) -> Any:
    """The array on the host with its last row repeated up to `rows`; `None` stays."""
    if x is None:
        return None
    x = np.asarray(x)
    return np.concatenate([x, np.broadcast_to(x[-1:], (rows - len(x), *x.shape[1:]))])


def unpad(x: Any, rows: int) -> Any:
    """The first `rows` of an array, without a compilation; `None` stays."""
    return None if x is None else jax.device_put(np.asarray(x)[:rows])
