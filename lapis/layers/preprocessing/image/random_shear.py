"""Images slanted."""

from typing import Any, Unpack

import lapis.ops as ops
import lapis.random as random
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.bounding_boxes import around
from lapis.layers.preprocessing.image.geometry import RandomAffineLayer, drawn_column, images_in, matrix_of


@builtin("keras.layers")
class RandomShear(RandomAffineLayer):
    """In training, slants each image by amounts drawn for it, to either side by even chance.

    Args:
        x_factor: how many pixels a row lies beside the one above it, from 0 to 1: a pair of bounds, or a number `f` for
            `(-f, f)`.
        y_factor: how many pixels a column lies below the one beside it.
        interpolation: `"nearest"` or `"bilinear"`.
        fill_mode: what lies outside of an image: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        fill_value: what `fill_mode="constant"` puts there.
        data_format: `"channels_last"` or `"channels_first"`; by default the global setting.
        seed: an integer; `None` draws one.

    >>> import numpy as np
    >>> RandomShear(x_factor=0.3)(np.ones((1, 4, 4, 3))).shape
    (1, 4, 4, 3)
    """

    _FACTOR_BOUNDS = (0, 1)
    _arguments = ("x_factor", "y_factor", "fill_mode", "interpolation", "seed", "fill_value")

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value, seed, data_format=data_format, **kwargs)
        self.x_factor = self._either_side(x_factor, "x_factor")
        self.y_factor = self._either_side(y_factor, "y_factor")

    def _either_side(self, factor: Any, name: str) -> tuple[float, float]:
        # A config holds `(-f, f)` for the number `f`.
        if isinstance(factor, (tuple, list)) and len(factor) == 2 and factor[0] == -factor[1]:
            factor = factor[1]
        return self._strict_bounds(factor, name)

    def _draw(self, shape: tuple, seed: Any) -> dict:
        invert = ops.where(random.uniform((images_in(shape), 1), seed=seed) > 0.5, -1.0, 1.0)
        y = drawn_column(shape, self.y_factor, seed)
        x = drawn_column(shape, self.x_factor, seed)
        return {"shear_factor": ops.concatenate([x, y], axis=1) * invert, "input_shape": shape}

    def _matrix(self, transformation: Any, height: Any, width: Any) -> Any:
        x, y = ops.split(transformation["shear_factor"], 2, axis=1)
        return matrix_of(1.0, x, 0.0, y, 1.0, 0.0)

    def _move_boxes(self, boxes: Any, transformation: Any, height: Any, width: Any) -> Any:
        shear_x, shear_y = ops.split(ops.cast(transformation["shear_factor"], boxes.dtype), 2, axis=1)
        left, top, right, bottom = ops.unstack(boxes, 4, axis=-1)
        corners = (left, top), (right, top), (right, bottom), (left, bottom)
        shrunk = 1 - shear_x * shear_y  # the determinant of the matrix, which leads from results to images
        return around(
            [(x - shear_x * y) / shrunk for x, y in corners],
            [(y - shear_y * x) / shrunk for x, y in corners],
        )
