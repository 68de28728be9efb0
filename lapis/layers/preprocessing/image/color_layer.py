"""What layers that change the colours of pixels, and move none, have in common."""

from typing import Any, ClassVar

import lapis.ops as ops
import lapis.random as random
from lapis.layers.preprocessing.image.base import DrawingLayer, images_in


def checked_range(layer: str, value_range: Any) -> Any:
    """`value_range`; a `ValueError` unless it is a pair."""
    if not isinstance(value_range, (tuple, list)) or len(value_range) != 2:
        raise ValueError(
            f"{layer} got value_range={value_range!r}; expected the least and the greatest value of a pixel, such as "
            "(0, 255)."
        )
    return value_range


def per_image(shape: tuple) -> tuple:
    """The shape of one number for each image, to be broadcast over images of this shape."""
    return (*shape[:-3], 1, 1, 1)


class ColorLayer(DrawingLayer):
    """Changes what colours images have; labels, bounding boxes and segmentation masks stay as they are.

    A subclass says in `_draw` what is drawn at random for a batch, and in `_change` what that does to images of the
    compute type.
    """

    @property
    def _spatial_axes(self) -> tuple[int, int]:
        return self.height_axis, self.width_axis

    @property
    def _channel_axis(self) -> int:
        return -3 if self.data_format == "channels_first" else -1

    def _draw(self, shape: tuple, seed: Any) -> Any:
        return None

    def _change(self, images: Any, transformation: Any) -> Any:
        raise NotImplementedError

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images changed by what was drawn, in the compute type; only cast outside training."""
        images = ops.cast(images, self.compute_dtype)
        if not training or transformation is None:
            return images
        return ops.cast(self._change(images, transformation), self.compute_dtype)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes as they are."""
        return bounding_boxes

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The masks as they are."""
        return segmentation_masks


class RandomColorLayer(ColorLayer):
    """A `ColorLayer` with a seed, whose `_draw` draws from it."""

    _arguments: ClassVar[tuple[str, ...]] = ("factor", "value_range", "seed")

    def __init__(self, seed: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_seed(seed)

    def _chosen(self, shape: tuple, seed: Any) -> Any:
        """For each image whether it is changed, with a chance drawn between the bounds of `factor`."""
        count = (images_in(shape),)
        chance = random.uniform(count, *self.factor, seed=seed)
        return random.uniform(count, seed=seed) < chance
