"""A few of many changes, one after the other."""

from functools import partial
from typing import Any, Unpack

import lapis.ops as ops
import lapis.random as random
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.augmenters import AugmentingLayer, in_steps, one_of

# Their places are the numbers that are drawn.
LAYERS = (
    "random_shear",
    "random_translation",
    "random_rotation",
    "random_brightness",
    "random_color_degeneration",
    "random_contrast",
    "random_sharpness",
    "random_posterization",
    "solarization",
    "auto_contrast",
    "equalization",
)


@builtin("keras.layers")
class RandAugment(AugmentingLayer):
    """In training, changes images by layers drawn for each batch, of colour and of place, one after the other.

    Segmentation masks and bounding boxes move with their images. From
    [Cubuk et al., 2019](https://arxiv.org/abs/1909.13719).

    Args:
        value_range: the least and the greatest value of a pixel.
        num_ops: how many layers are drawn; one may come more than once, with the same numbers.
        factor: how strong the changes are: the factor of the layers, a pair of bounds from 0 to 1, or a number `f` for
            `(0, f)`.
        interpolation: `"nearest"` or `"bilinear"`, where pixels move.
        seed: an integer; `None` draws one.
        data_format: `"channels_last"` or `"channels_first"`; by default the global setting.

    >>> import numpy as np
    >>> RandAugment()(np.ones((1, 8, 8, 3)), training=True).shape
    (1, 8, 8, 3)
    """

    _arguments = ("value_range", "num_ops", "factor", "interpolation", "seed")

    def __init__(
        self,
        value_range: tuple[float, float] = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(value_range, factor, interpolation, seed, LAYERS, data_format=data_format, **kwargs)
        self.num_ops = num_ops

    def _draw(self, shape: tuple, seed: Any) -> dict:
        chosen = random.randint((self.num_ops,), 0, len(LAYERS), seed=seed)
        return {"transforms": {name: getattr(self, name)._draw(shape, seed) for name in LAYERS}, "layer_idxes": chosen}

    def _in_turn(self, method: str, value: Any, transformation: Any) -> Any:
        """A method of the drawn layers applied to `value` one after the other."""
        changes = [
            partial(getattr(getattr(self, name), method), transformation=drawn)
            for name, drawn in transformation["transforms"].items()
        ]
        chosen = ops.convert_to_tensor(transformation["layer_idxes"])
        return in_steps(lambda value, row: one_of(changes, row[0], value), value, (chosen,))

    def _change(self, images: Any, transformation: Any) -> Any:
        return self._in_turn("transform_images", images, transformation)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes moved as the images are."""
        if not training or transformation is None:
            return bounding_boxes
        return self._in_turn("transform_bounding_boxes", bounding_boxes, transformation)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The masks moved as the images are, by nearest pixels."""
        if not training or transformation is None:
            return segmentation_masks
        return self._in_turn("transform_segmentation_masks", segmentation_masks, transformation)
