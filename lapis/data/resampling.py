"""Images and sounds at other sizes: weighted means of neighbouring values, axis by axis.

A value's place is its middle, so value `i` of `n` lies at `(i + 0.5) / n`. The kernels: Keys, 1981, "Cubic convolution
interpolation"; Duchon, 1979, "Lanczos filtering"; Mitchell and Netravali, 1988, "Reconstruction filters".
"""

import functools
import math
from collections.abc import Callable

import numpy as np


def _bilinear(x: np.ndarray) -> np.ndarray:
    return np.maximum(0, 1 - x)


def _cubic(b: float, c: float) -> Callable[[np.ndarray], np.ndarray]:
    """Mitchell and Netravali's family of cubic kernels; b = 0 and c = 1/2 is Keys's."""

    def kernel(x: np.ndarray) -> np.ndarray:
        near = ((12 - 9 * b - 6 * c) * x**3 + (-18 + 12 * b + 6 * c) * x**2 + 6 - 2 * b) / 6
        far = ((-b - 6 * c) * x**3 + (6 * b + 30 * c) * x**2 + (-12 * b - 48 * c) * x + 8 * b + 24 * c) / 6
        return np.where(x < 1, near, np.where(x < 2, far, 0))

    return kernel


def _lanczos(radius: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


def _gaussian(x: np.ndarray) -> np.ndarray:
    return np.where(x < 1.5, np.exp(-2 * x**2), 0)


# The weight by the distance to a value, and the distance beyond which it is 0.
KERNELS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    "bilinear": (_bilinear, 1),
    "bicubic": (_cubic(0, 0.5), 2),
    "lanczos3": (_lanczos(3), 3),
    "lanczos5": (_lanczos(5), 5),
    "lanczos16": (_lanczos(16), 16),
    "gaussian": (_gaussian, 1.5),
    "mitchellcubic": (_cubic(1 / 3, 1 / 3), 2),
}
SMOOTHING = ("gaussian", "mitchellcubic")  # these change values even where the size stays


@functools.lru_cache(maxsize=256)
def taps(method: str, source: int, target: int, antialias: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Which of `source` values make each of `target` values, and with what weights, both `(target, neighbours)`."""
    if method == "nearest":
        places = (2 * np.arange(target) + 1) * source // (2 * target)
        return places[:, None], np.ones((target, 1), np.float32)
    scale = source / target
    middles = (np.arange(target) + 0.5) * scale
    if method == "area":
        count = math.ceil(scale) + 1
        indices = np.floor(np.arange(target) * scale).astype(int)[:, None] + np.arange(count)
        left, right = middles[:, None] - scale / 2, middles[:, None] + scale / 2
        weights = np.maximum(0, np.minimum(indices + 1, right) - np.maximum(indices, left))
    else:
        kernel, radius = KERNELS[method]
        width = max(scale, 1.0) if antialias else 1.0
        count = math.ceil(2 * radius * width) + 1
        indices = np.floor(middles - radius * width).astype(int)[:, None] + np.arange(count)
        weights = kernel(np.abs(indices + 0.5 - middles[:, None]) / width)
    weights = np.where((indices >= 0) & (indices < source), weights, 0)
    weights = weights / weights.sum(axis=1, keepdims=True)
    return indices.clip(0, source - 1), weights.astype(np.float32)


def resampled(values: np.ndarray, size: int, method: str, axis: int = 0, antialias: bool = False) -> np.ndarray:
    """The values with `size` of them along the axis, as float32.

    `antialias` widens the kernel where there are to be fewer values, so that what lies between them counts.

    >>> resampled(np.array([0.0, 2.0]), 4, "bilinear").tolist()
    [0.0, 0.5, 1.5, 2.0]
    """
    values = np.moveaxis(values, axis, 0).astype(np.float32, copy=False)
    if len(values) != size or method in SMOOTHING:
        indices, weights = taps(method, len(values), size, antialias)
        weights = weights.reshape(*weights.shape, *(1,) * (values.ndim - 1))
        total = np.zeros((size, *values.shape[1:]), np.float32)
        for i in range(weights.shape[1]):
            total += weights[:, i] * values[indices[:, i]]
        values = total
    return np.moveaxis(values, 0, axis)
