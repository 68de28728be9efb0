"""Blurred and sharpened images."""

from typing import Any, Unpack

import lapis.ops as ops
import lapis.random as random
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.base import images_in
from lapis.layers.preprocessing.image.color_layer import RandomColorLayer, checked_range


@builtin("keras.layers")
class RandomGaussianBlur(RandomColorLayer):
    """In training, averages the pixels of some images with a bell whose width is drawn for the whole batch.

    Args:
        factor: the chance that an image is blurred, from 0 to 1: a pair of bounds to draw the chance between, or a
            number `f` for `(0, f)`.
        kernel_size: how many pixels the bell covers, an odd number, or two of them for (across, down).
        sigma: the width of the bell in pixels: a pair of bounds to draw it between, separately for across and down,
            or a number `f` from 0 to 1 for `(0, f)`.
        value_range: the least and the greatest value of a pixel; results are held between them.
        data_format: "channels_last" or "channels_first"; by default the global setting.
        seed: an integer; `None` draws one.

    >>> import numpy as np
    >>> RandomGaussianBlur()(np.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    _FACTOR_BOUNDS = (0, 1)
    _arguments = ("factor", "kernel_size", "sigma", "value_range", "seed")

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: tuple[float, float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self._set_factor(factor)
        self.kernel_size = _odd_pair(kernel_size)
        self.sigma = self._factor_bounds(sigma, "sigma")
        self.value_range = checked_range("RandomGaussianBlur", value_range)

    def _draw(self, shape: tuple, seed: Any) -> dict:
        chosen = self._chosen(shape, seed)
        sigma = random.uniform((2,), *self.sigma, dtype=self.compute_dtype, seed=seed)
        return {"should_apply_blur": chosen, "blur_factor": sigma + 1e-6}

    def _change(self, images: Any, transformation: Any) -> Any:
        blurred = ops.image.gaussian_blur(images, self.kernel_size, transformation["blur_factor"], self.data_format)
        chosen = ops.reshape(transformation["should_apply_blur"], (-1, 1, 1, 1))
        return ops.clip(ops.where(chosen, blurred, images), *self.value_range)


def _odd_pair(kernel_size: Any) -> tuple[int, int]:
    pair = kernel_size if isinstance(kernel_size, (tuple, list)) else (kernel_size, kernel_size)
    if len(pair) != 2 or not all(isinstance(size, int) and size > 0 and size % 2 == 1 for size in pair):
        raise ValueError(f"RandomGaussianBlur got kernel_size={kernel_size!r}; expected an odd number, or two of them.")
    return tuple(pair)


@builtin("keras.layers")
class RandomSharpness(RandomColorLayer):
    """In training, moves each image towards or away from its smoothed version: `x + (1 - 2 f) * (smooth - x)`.

    The smoothed pixel is the mean of the nine around it, itself counted five times; pixels outside count as 0.

    Args:
        factor: a pair of bounds from 0 to 1 to draw `f` between, or a number `f` for `(0, f)`; 0 smooths, 0.5 changes
            nothing, 1 sharpens.
        value_range: the least and the greatest value of a pixel, in any order; results are held between them.
        data_format: "channels_last" or "channels_first"; by default the global setting.
        seed: an integer; `None` draws one.

    >>> import numpy as np
    >>> RandomSharpness((0.5, 0.5))(np.array([[[1.0], [2.0]]]), training=True).ravel().tolist()
    [1.0, 2.0]
    """

    _FACTOR_BOUNDS = (0, 1)

    def __init__(
        self,
        factor: Any,
        value_range: tuple[float, float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self._set_factor(factor)
        self.value_range = sorted(checked_range("RandomSharpness", value_range))

    def _draw(self, shape: tuple, seed: Any) -> dict:
        return {"factor": random.uniform((images_in(shape),), *self.factor, seed=seed)}

    def _change(self, images: Any, transformation: Any) -> Any:
        amount = ops.cast(ops.reshape(transformation["factor"], (-1, 1, 1, 1)) * 2, self.compute_dtype)
        images = images + (1 - amount) * (self._smooth(images) - images)
        return ops.clip(images, *self.value_range)

    def _smooth(self, images: Any) -> Any:
        # Sums of shifted images, one axis after the other, rather than a convolution: slow in loops on the CPU.
        total = images
        for axis in self._spatial_axes:
            total = _sum_of_three(total, axis % 4)
        return (total + 4 * images) / 13


def _sum_of_three(x: Any, axis: int) -> Any:
    """Each element with both of its neighbours along the axis added."""
    length = x.shape[axis]
    padded = ops.pad(x, [(1, 1) if i == axis else (0, 0) for i in range(4)])

    def part(start: int) -> Any:
        return padded[tuple(slice(start, start + length) if i == axis else slice(None) for i in range(4))]

    return part(0) + part(1) + part(2)
