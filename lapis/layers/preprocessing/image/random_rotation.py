"""Images turned."""

import math
from typing import Any, Unpack

import lapis.ops as ops
import lapis.random as random
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.bounding_boxes import affine_transform
from lapis.layers.preprocessing.image.geometry import RandomGeometryLayer, images_in, matrix_of


@builtin("keras.layers")
class RandomRotation(RandomGeometryLayer):
    """In training, turns each image about its middle, by an angle drawn for it.

    Args:
        factor: the angle in turns, positive against the clock: a pair of bounds, or a number `f` for `(-f, f)`.
        fill_mode: what lies outside of an image: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        interpolation: `"nearest"` or `"bilinear"`.
        seed: an integer; `None` draws one.
        fill_value: what `fill_mode="constant"` puts there.
        data_format: `"channels_last"` or `"channels_first"`; by default the global setting.

    >>> import numpy as np
    >>> quarter = RandomRotation((0.25, 0.25))
    >>> quarter(np.array([[1.0, 2.0], [3.0, 4.0]])[None, ..., None])[0, ..., 0].round().tolist()
    [[2.0, 4.0], [1.0, 3.0]]
    """

    _USE_BASE_FACTOR = True
    _arguments = ("factor", "fill_mode", "fill_value", "interpolation", "seed")

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value, seed, factor=factor, data_format=data_format, **kwargs)

    def _draw(self, shape: tuple, seed: Any) -> dict:
        height, width = shape[self.height_axis], shape[self.width_axis]
        angle = random.uniform((images_in(shape),), *(360.0 * bound for bound in self.factor), seed=seed)
        radians = (angle * (math.pi / 180.0))[:, None]
        cos, sin = ops.cos(radians), ops.sin(radians)
        x, y = 0.5 * (width - 1), 0.5 * (height - 1)
        return {
            "angle": angle,
            "rotation_matrix": matrix_of(cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos),
            "image_height": height,
            "image_width": width,
            "batch_size": images_in(shape),
        }

    def _transform_images(self, images: Any, transformation: Any, interpolation: str) -> Any:
        if transformation is None:
            return images
        return self._warp(images, transformation["rotation_matrix"], interpolation)

    def _height_width(self, transformation: Any) -> tuple:
        return transformation["image_height"], transformation["image_width"]

    def _move_boxes(self, boxes: Any, transformation: Any, height: Any, width: Any) -> Any:
        angle = transformation["angle"]
        nil = ops.zeros_like(angle)
        return affine_transform(boxes, angle, nil, nil, ops.ones_like(angle), nil, nil, height, width)
