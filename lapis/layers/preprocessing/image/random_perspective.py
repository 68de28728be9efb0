"""Images seen from another side."""

from typing import Any, Unpack

import lapis.ops as ops
import lapis.random as random
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.bounding_boxes import around
from lapis.layers.preprocessing.image.geometry import RandomGeometryLayer, images_in
from lapis.ops.image.warping import homography


@builtin("keras.layers")
class RandomPerspective(RandomGeometryLayer):
    """In training, draws the corners of some images to other places, as if they were seen from another side.

    Args:
        factor: the chance that an image is changed, from 0 to 1, itself drawn for each image: a pair of bounds, or a
            number `f` for `(0, f)`.
        scale: how far a corner moves at most, from 0 to 1: half of it, times the corner's coordinates.
        interpolation: `"nearest"` or `"bilinear"`.
        fill_value: what lies outside of an image.
        seed: an integer; `None` draws one.
        data_format: `"channels_last"` or `"channels_first"`; by default the global setting.

    >>> import numpy as np
    >>> RandomPerspective()(np.ones((1, 4, 4, 3))).shape
    (1, 4, 4, 3)
    """

    _FACTOR_BOUNDS = (0, 1)
    _arguments = ("factor", "scale", "interpolation", "fill_value", "seed")

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(interpolation, "constant", fill_value, seed, data_format=data_format, **kwargs)
        self._set_factor(factor)
        if not 0 <= scale <= 1:
            raise ValueError(f"RandomPerspective got scale={scale!r}; expected a number from 0 to 1.")
        self.scale = scale

    def _draw(self, shape: tuple, seed: Any) -> dict:
        count = images_in(shape)
        right, bottom = shape[self.width_axis] - 1, shape[self.height_axis] - 1
        chance = random.uniform((count,), *self.factor, seed=seed)
        chosen = random.uniform((count,), seed=seed) < chance
        moves = random.uniform((count, 4, 2), -0.5 * self.scale, 0.5 * self.scale, seed=seed)
        corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
        start = ops.zeros_like(moves) + ops.convert_to_tensor(corners) * ops.stack([right, bottom])
        return {
            "apply_perspective": chosen,
            "start_points": start,
            "end_points": start + start * moves,
            "input_shape": shape,
        }

    def _transform_images(self, images: Any, transformation: Any, interpolation: str) -> Any:
        if transformation is None:
            return images
        changed = ops.image.perspective_transform(
            images,
            transformation["start_points"],
            transformation["end_points"],
            interpolation=interpolation,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )
        return ops.where(transformation["apply_perspective"][:, None, None, None], changed, images)

    def _move_boxes(self, boxes: Any, transformation: Any, height: Any, width: Any) -> Any:
        # With both swapped, the numbers lead from the image to the result.
        numbers = homography(transformation["end_points"], transformation["start_points"])
        a0, a1, a2, b0, b1, b2, c0, c1 = (number[:, None] for number in ops.unstack(numbers, 8, axis=-1))
        left, top, right, bottom = ops.unstack(boxes, 4, axis=-1)
        corners = [(x, y, c0 * x + c1 * y + 1) for x in (left, right) for y in (top, bottom)]
        moved = around(
            [(a0 * x + a1 * y + a2) / depth for x, y, depth in corners],
            [(b0 * x + b1 * y + b2) / depth for x, y, depth in corners],
        )
        return ops.where(transformation["apply_perspective"][:, None, None], moved, boxes)
