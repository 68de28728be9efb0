"""Images mirrored."""

from typing import Any, Unpack

import lapis.ops as ops
import lapis.random as random
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.geometry import RandomGeometryLayer

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


@builtin("keras.layers")
class RandomFlip(RandomGeometryLayer):
    """In training, mirrors each image or leaves it, by even chance.

    Args:
        mode: `"horizontal"` exchanges left and right, `"vertical"` top and bottom, `"horizontal_and_vertical"` both.
        seed: an integer; `None` draws one.
        data_format: `"channels_last"` or `"channels_first"`; by default the global setting.

    >>> import numpy as np
    >>> layer = RandomFlip("horizontal", seed=1)
    >>> layer(np.arange(3.0).reshape(1, 1, 3, 1), training=False).ravel().tolist()
    [0.0, 1.0, 2.0]
    """

    _arguments = ("mode", "seed")

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__("nearest", "reflect", 0.0, seed, data_format=data_format, **kwargs)
        if mode not in _MODES:
            raise ValueError(f"RandomFlip got mode={mode!r}; expected one of {', '.join(map(repr, _MODES))}.")
        self.mode = mode

    def _draw(self, shape: tuple, seed: Any) -> dict:
        flips = random.uniform((*shape[:-3], 1, 1, 1), seed=seed) <= 0.5
        return {"flips": flips, "input_shape": shape}

    def _transform_images(self, images: Any, transformation: Any, interpolation: str) -> Any:
        if transformation is None:
            return images
        axes = [self.width_axis] * ("horizontal" in self.mode) + [self.height_axis] * ("vertical" in self.mode)
        return ops.where(transformation["flips"], ops.flip(images, axis=axes), images)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The masks mirrored with their images, in the compute type."""
        return self.transform_images(segmentation_masks, transformation, training=training)

    def _move_boxes(self, boxes: Any, transformation: Any, height: Any, width: Any) -> Any:
        x1, y1, x2, y2 = ops.split(boxes, 4, axis=-1)
        if "horizontal" in self.mode:
            x1, x2 = width - x2, width - x1
        if "vertical" in self.mode:
            y1, y2 = height - y2, height - y1
        flips = ops.squeeze(transformation["flips"], -1)
        return ops.where(flips, ops.concatenate([x1, y1, x2, y2], axis=-1), boxes)
