"""The whole value range used by each channel."""

from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.color_layer import ColorLayer, checked_range


@builtin("keras.layers")
class AutoContrast(ColorLayer):
    """Stretches each channel of each image so that its values go from one end of the value range to the other.

    It does so in training and outside. Channels of one value stay as they are.

    Args:
        value_range: the least and the greatest value of a pixel, in any order.

    >>> import numpy as np
    >>> AutoContrast()(np.array([[[10.0], [20.0]]])).ravel().tolist()
    [0.0, 255.0]
    """

    def __init__(self, value_range: tuple[float, float] = (0, 255), **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.value_range = sorted(checked_range("AutoContrast", value_range))

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images with their channels stretched."""
        original = images = ops.cast(images, self.compute_dtype)
        images = self._transform_value_range(images, self.value_range, (0, 255), dtype=self.compute_dtype)
        low = ops.min(images, axis=self._spatial_axes, keepdims=True)
        high = ops.max(images, axis=self._spatial_axes, keepdims=True)
        flat = high == low
        scale = 255.0 / ops.where(flat, 1.0, high - low)
        images = ops.clip(images * scale - low * scale, 0, 255)
        images = self._transform_value_range(images, (0, 255), self.value_range, dtype=self.compute_dtype)
        return ops.where(flat, original, images)

    def get_config(self) -> dict:
        return {**super().get_config(), "value_range": self.value_range}
