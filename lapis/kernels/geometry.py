"""Where a convolution's window goes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Geometry(NamedTuple):
    """Where the window goes: for each spatial axis the stride, the zeros before and after, the dilation."""

    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int = 1

    def flat(self) -> np.ndarray:
        """The form that the native functions take."""
        before, after = zip(*self.padding)
        return np.array([self.groups, *self.strides, *before, *after, *self.dilation], np.int64)

    def outputs(self, sizes: Sequence[int], window: Sequence[int]) -> tuple[int, ...]:
        """How many windows there are along each axis of `sizes` positions."""
        return tuple(
            (size + sum(pads) - (width - 1) * rate - 1) // stride + 1
            for size, pads, width, rate, stride in zip(sizes, self.padding, window, self.dilation, self.strides)
        )
