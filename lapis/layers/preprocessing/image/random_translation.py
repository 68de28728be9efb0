"""Images moved up, down and sideways."""

from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.geometry import RandomAffineLayer, drawn_column, matrix_of


@builtin("keras.layers")
class RandomTranslation(RandomAffineLayer):
    """In training, moves each image by distances drawn for it.

    Args:
        height_factor: how far down, as a part of the height from -1 to 1: a pair of bounds, or a number `f` for
            `(-f, f)`.
        width_factor: how far to the right, as a part of the width.
        fill_mode: what lies outside of an image: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        interpolation: `"nearest"` or `"bilinear"`.
        seed: an integer; `None` draws one.
        fill_value: what `fill_mode="constant"` puts there.
        data_format: `"channels_last"` or `"channels_first"`; by default the global setting.

    >>> import numpy as np
    >>> layer = RandomTranslation(0.0, (0.5, 0.5), fill_mode="constant")
    >>> layer(np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 4, 1)).ravel().tolist()
    [0.0, 0.0, 1.0, 2.0]
    """

    _arguments = ("height_factor", "width_factor", "fill_mode", "interpolation", "seed", "fill_value")

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value, seed, data_format=data_format, **kwargs)
        self.height_factor = height_factor
        self.height_lower, self.height_upper = self._strict_bounds(height_factor, "height_factor")
        self.width_factor = width_factor
        self.width_lower, self.width_upper = self._strict_bounds(width_factor, "width_factor")

    def _draw(self, shape: tuple, seed: Any) -> dict:
        down = drawn_column(shape, (self.height_lower, self.height_upper), seed) * shape[self.height_axis]
        right = drawn_column(shape, (self.width_lower, self.width_upper), seed) * shape[self.width_axis]
        return {"translations": ops.concatenate([right, down], axis=1), "input_shape": shape}

    def _matrix(self, transformation: Any, height: Any, width: Any) -> Any:
        right, down = ops.split(transformation["translations"], 2, axis=1)
        return matrix_of(1.0, 0.0, -right, 0.0, 1.0, -down)

    def _move_boxes(self, boxes: Any, transformation: Any, height: Any, width: Any) -> Any:
        start = self.get_transformed_x_y(0, 0, self._matrix(transformation, height, width))
        return self.get_shifted_bbox({"boxes": boxes}, *start)["boxes"]
