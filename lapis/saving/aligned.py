"""Arrays to read values into."""

import math

import numpy as np

_ALIGNMENT = 64


def aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Zeros, placed so that JAX takes the array over as it is: of another one it would make a copy.

    Nor is one taken over that may still be changed: set `flags.writeable` to false once the values are there.

    >>> aligned((2, 3), np.dtype("float32")).ctypes.data % 64
    0
    """
    size = math.prod(shape) * dtype.itemsize
    place = np.zeros(size + _ALIGNMENT, "uint8")
    start = -place.ctypes.data % _ALIGNMENT
    return place[start : start + size].view(dtype).reshape(shape)
