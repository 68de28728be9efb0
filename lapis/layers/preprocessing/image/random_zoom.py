"""Images seen from nearer or farther."""

from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.geometry import RandomAffineLayer, drawn_column, matrix_of


@builtin("keras.layers")
class RandomZoom(RandomAffineLayer):
    """In training, zooms each image about its middle by factors drawn for it.

    Args:
        height_factor: by which part of its height more (or less, where it is negative) of the scene is seen, above -1
            and up to 1: a pair of bounds, or a number `f` for `(-f, f)`.
        width_factor: the same for the width; `None` keeps the proportions.
        fill_mode: what lies outside of an image: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        interpolation: `"nearest"` or `"bilinear"`.
        seed: an integer; `None` draws one.
        fill_value: what `fill_mode="constant"` puts there.
        data_format: `"channels_last"` or `"channels_first"`; by default the global setting.

    >>> import numpy as np
    >>> layer = RandomZoom(0.0, (1.0, 1.0), fill_mode="constant")
    >>> layer(np.array([1.0, 3.0, 5.0, 7.0]).reshape(1, 1, 4, 1)).ravel().tolist()
    [0.0, 2.0, 6.0, 0.0]
    """

    _arguments = ("height_factor", "width_factor", "fill_mode", "interpolation", "seed", "fill_value")

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value, seed, data_format=data_format, **kwargs)
        self.height_factor = height_factor
        self.height_lower, self.height_upper = self._strict_bounds(height_factor, "height_factor", above=True)
        self.width_factor = width_factor
        if width_factor is not None:
            self.width_lower, self.width_upper = self._strict_bounds(width_factor, "width_factor", above=True)

    def _draw(self, shape: tuple, seed: Any) -> dict:
        height = drawn_column(shape, (1.0 + self.height_lower, 1.0 + self.height_upper), seed)
        width = height
        if self.width_factor is not None:
            width = drawn_column(shape, (1.0 + self.width_lower, 1.0 + self.width_upper), seed)
        return {"height_zoom": height, "width_zoom": width, "input_shape": shape}

    def _matrix(self, transformation: Any, height: Any, width: Any) -> Any:
        x, y = transformation["width_zoom"], transformation["height_zoom"]
        return matrix_of(x, 0.0, 0.5 * (width - 1) * (1.0 - x), 0.0, y, 0.5 * (height - 1) * (1.0 - y))

    def _move_boxes(self, boxes: Any, transformation: Any, height: Any, width: Any) -> Any:
        matrix = self._matrix(transformation, height, width)
        left, top = self.get_transformed_x_y(0, 0, matrix)
        right, bottom = self.get_transformed_x_y(width, height, matrix)
        seen = self.get_clipped_bbox({"boxes": boxes}, bottom, top, right, left)["boxes"]
        across, down = width / (right - left), height / (bottom - top)
        return seen * ops.concatenate([across, down, across, down], axis=-1)[:, None]

    def get_clipped_bbox(self, bounding_boxes: Any, h_end: Any, h_start: Any, w_end: Any, w_start: Any) -> dict:
        """The boxes `"xyxy"` cut at the edges of a window and counted from its corner, given for each image."""
        boxes = ops.convert_to_tensor(bounding_boxes["boxes"])
        edges = [ops.convert_to_tensor(edge) for edge in (w_start, h_start, w_end, h_end)]
        left, top, right, bottom = (edge[..., None] if len(boxes.shape) == 3 else edge for edge in edges)
        x1, y1, x2, y2 = ops.split(boxes, 4, axis=-1)
        xs = [ops.clip(x, left, right) - left for x in (x1, x2)]
        ys = [ops.clip(y, top, bottom) - top for y in (y1, y2)]
        return {**bounding_boxes, "boxes": ops.concatenate([xs[0], ys[0], xs[1], ys[1]], axis=-1)}
