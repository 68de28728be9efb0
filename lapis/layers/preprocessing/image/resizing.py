"""Images scaled to one size."""

from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.base import BaseImagePreprocessingLayer
from lapis.layers.preprocessing.image.bounding_boxes import clip_to_image_size, convert_format


@builtin("keras.layers")
class Resizing(BaseImagePreprocessingLayer):
    """Scales images to `(height, width)`, with their bounding boxes and masks, in training and outside.

    Whole numbers are rounded and keep their type. Masks take the nearest pixel. Boxes that are all 0 or all -1 stand
    for none and become 0.

    Args:
        height: rows of the result.
        width: columns of the result.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        crop_to_aspect_ratio: cut what sticks out, instead of changing the proportions.
        pad_to_aspect_ratio: fill what is missing with `fill_value`, instead of changing the proportions.
        fill_mode: `"constant"`.
        fill_value: what is put where something is missing.
        antialias: smooth first when making images smaller.
        data_format: `"channels_last"` or `"channels_first"`; by default the global setting.

    >>> import numpy as np
    >>> Resizing(2, 3)(np.ones((1, 4, 6, 3))).shape
    (1, 2, 3, 3)
    """

    _USE_BASE_FACTOR = False

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height = height
        self.width = width
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.antialias = bool(antialias)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> tuple:
        """The height and the width of the images."""
        shape = self._images_shape(data)
        return shape[self.height_axis], shape[self.width_axis]

    def _transform_images(self, images: Any, transformation: Any, interpolation: str) -> Any:
        return ops.image.resize(
            images,
            (self.height, self.width),
            interpolation=interpolation,
            antialias=self.antialias,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images scaled, in their own type."""
        return self._transform_images(images, transformation, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The masks scaled by nearest pixels."""
        return self._transform_images(segmentation_masks, transformation, "nearest")

    def transform_labels(self, labels: Any, transformation: Any = None, training: bool = True) -> Any:
        """The labels as they are."""
        return labels

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes scaled with images whose height and width are `transformation`."""
        form, given = self.bounding_box_format, bounding_boxes["boxes"]
        none = ops.all(given == -1, axis=-1, keepdims=True) | ops.all(given == 0, axis=-1, keepdims=True)
        bounding_boxes = convert_format(bounding_boxes, form, "xyxy", *transformation)
        scale_x, scale_y, left, top = self._placement(*transformation)
        x1, y1, x2, y2 = ops.split(bounding_boxes["boxes"], 4, axis=-1)
        corners = [x1 * scale_x + left, y1 * scale_y + top, x2 * scale_x + left, y2 * scale_y + top]
        bounding_boxes = {**bounding_boxes, "boxes": ops.concatenate(corners, axis=-1)}
        bounding_boxes = clip_to_image_size(bounding_boxes, self.height, self.width)
        boxes = bounding_boxes["boxes"]
        bounding_boxes = {**bounding_boxes, "boxes": ops.where(none, ops.zeros_like(boxes), boxes)}
        return convert_format(bounding_boxes, "xyxy", form, self.height, self.width)

    def _placement(self, height: Any, width: Any) -> tuple:
        """By what the coordinates of a pixel are multiplied, and what is added then, in x and in y."""
        scale_x, scale_y = self.width / width, self.height / height
        if not self.crop_to_aspect_ratio and not self.pad_to_aspect_ratio:
            return scale_x, scale_y, 0, 0
        scale = min(scale_x, scale_y) if self.pad_to_aspect_ratio else max(scale_x, scale_y)
        missing_x, missing_y = self.width - width * scale, self.height - height * scale
        if self.pad_to_aspect_ratio:
            return scale, scale, missing_x // 2, missing_y // 2
        return scale, scale, -(-missing_x // 2), -(-missing_y // 2)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "height": self.height,
            "width": self.width,
            "interpolation": self.interpolation,
            "crop_to_aspect_ratio": self.crop_to_aspect_ratio,
            "pad_to_aspect_ratio": self.pad_to_aspect_ratio,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
            "antialias": self.antialias,
        }
