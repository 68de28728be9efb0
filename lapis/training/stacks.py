"""Batches laid on top of each other, so that one program can take them one after the other."""

import dataclasses
import math
from typing import Any

import numpy as np

_STACK_BYTES = 8 << 20  # small enough to lie in a CPU's last cache between being written and read
_MOST_STEPS = 1024


@dataclasses.dataclass
class Stack:
    """Batches of one size: arrays `(capacity, size, ...)` of which the first `count` are filled.

    `sizes` says how many rows of each batch are real, where some may be padding; it is `None` where all are real.
    `buffers` is the host memory below, free for other use once the device has read it.
    """

    arrays: Any
    count: int
    size: int
    sizes: np.ndarray | None
    buffers: list[np.ndarray]


def capacity_for(batch_bytes: int, num_batches: int | None) -> int:
    """How many batches a stack has room for: the same number as long as the data look the same.

    >>> capacity_for(1 << 20, None), capacity_for(1 << 20, 3), capacity_for(1 << 30, None)
    (8, 4, 1)
    """
    most = max(1, min(_STACK_BYTES // max(batch_bytes, 1), _MOST_STEPS))
    return most if num_batches is None else min(most, 1 << (max(num_batches, 1) - 1).bit_length())


class Buffers:
    """Host memory that is used again: fresh memory costs more than the copy into it.

    Aligned as JAX wants it, so that on a CPU the device reads it where it is.
    """

    _ALIGNMENT = 64

    def __init__(self) -> None:
        self._free: dict[Any, list[np.ndarray]] = {}

    def take(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """An array of the shape, its contents undefined."""
        dtype = np.dtype(dtype)
        free = self._free.get((shape, dtype))
        if free:
            return free.pop()
        size = math.prod(shape) * dtype.itemsize
        raw = np.empty(size + self._ALIGNMENT, np.uint8)
        start = -raw.ctypes.data % self._ALIGNMENT
        return raw[start : start + size].view(dtype).reshape(shape)

    def give(self, buffers: list[np.ndarray]) -> None:
        """Take arrays back."""
        for buffer in buffers:
            self._free.setdefault((buffer.shape, buffer.dtype), []).append(buffer)
        buffers.clear()
