"""Rectangles blotted out."""

from typing import Any, Unpack

import lapis.ops as ops
import lapis.random as random
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.base import images_in
from lapis.layers.preprocessing.image.color_layer import RandomColorLayer, checked_range
from lapis.layers.preprocessing.image.patches import covered, draw_stretch


@builtin("keras.layers")
class RandomErasing(RandomColorLayer):
    """In training, fills a rectangle of some images. From [Zhong et al., 2017](https://arxiv.org/abs/1708.04896).

    Args:
        factor: the chance that an image is changed, from 0 to 1: a pair of bounds to draw the chance between, or a
            number `f` for `(0, f)`.
        scale: the square of the rectangle's width and of its height, each as a part of the image's: a pair of bounds
            from 0 to 1 to draw both between, or a number `f` for `(0, f)`.
        fill_value: what the rectangle is filled with: a number, three numbers for red, green and blue, or `None` for
            normal noise whose deviation is `value_range[1]`.
        value_range: the least and the greatest value of a pixel; filled values are held between them.
        seed: an integer; `None` draws one.
        data_format: "channels_last" or "channels_first"; by default the global setting.

    >>> import numpy as np
    >>> layer = RandomErasing((1.0, 1.0), scale=(1.0, 1.0), fill_value=9.0)
    >>> layer(np.zeros((1, 2, 1)), training=True).ravel().tolist()
    [9.0, 9.0]
    """

    _FACTOR_BOUNDS = (0, 1)
    _arguments = ("factor", "scale", "fill_value", "value_range", "seed")

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: tuple[float, float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self._set_factor(factor)
        self.scale = self._factor_bounds(scale, "scale")
        colors = fill_value if isinstance(fill_value, (tuple, list)) and len(fill_value) == 3 else (fill_value,)
        if fill_value is not None and not all(isinstance(color, (int, float)) for color in colors):
            raise ValueError(f"RandomErasing got fill_value={fill_value!r}; expected a number, three numbers or None.")
        self.fill_value = fill_value
        self.value_range = checked_range("RandomErasing", value_range)

    def _draw(self, shape: tuple, seed: Any) -> dict:
        count, dtype = images_in(shape), self.compute_dtype
        height, width = (shape[axis] for axis in self._spatial_axes)
        ratio = ops.sqrt(random.uniform((count, 2), *self.scale, dtype=dtype, seed=seed))
        place_x = draw_stretch(count, width, ratio[:, 0], dtype, seed)
        place_y = draw_stretch(count, height, ratio[:, 1], dtype, seed)
        return {
            "apply_erasing": self._chosen(shape, seed),
            "batch_masks": covered(place_x, place_y, width, height, self.data_format == "channels_first"),
            "fill_value": ops.clip(self._filling(shape, seed), *self.value_range),
        }

    def _filling(self, shape: tuple, seed: Any) -> Any:
        if self.fill_value is None:
            return random.normal(shape, dtype=self.compute_dtype, seed=seed) * self.value_range[1]
        filling = ops.convert_to_tensor(self.fill_value, dtype=self.compute_dtype)
        return filling[:, None, None] if filling.ndim and self.data_format == "channels_first" else filling

    def _change(self, images: Any, transformation: Any) -> Any:
        chosen = ops.reshape(transformation["apply_erasing"], (-1, 1, 1, 1)) & transformation["batch_masks"]
        return ops.where(chosen, transformation["fill_value"], images)
