"""The same number of bounding boxes for each image."""

from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.base import BaseImagePreprocessingLayer


@builtin("keras.layers")
class MaxNumBoundingBoxes(BaseImagePreprocessingLayer):
    """Keeps the first `max_number` bounding boxes of each image and fills up where there are fewer.

    Args:
        max_number: how many boxes there are in the end.
        fill_value: the numbers and the label of boxes that are added.

    >>> import numpy as np
    >>> boxes = {"boxes": np.ones((1, 2, 4)), "labels": np.ones((1, 2))}
    >>> layer = MaxNumBoundingBoxes(3, bounding_box_format="xyxy")
    >>> layer({"images": np.ones((1, 4, 4, 3)), "bounding_boxes": boxes})["bounding_boxes"]["labels"].tolist()
    [[1.0, 1.0, -1.0]]
    """

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.max_number = int(max_number)
        self.fill_value = int(fill_value)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images as they are."""
        return images

    def transform_labels(self, labels: Any, transformation: Any = None, training: bool = True) -> Any:
        """The labels as they are."""
        return labels

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The first `max_number` boxes of each image, or as many with added ones."""
        done = dict(bounding_boxes)
        for key in ("boxes", "labels"):
            kept = bounding_boxes[key][:, : self.max_number]
            missing = self.max_number - kept.shape[1]
            pads = [(0, missing) if axis == 1 else (0, 0) for axis in range(len(kept.shape))]
            done[key] = ops.pad(kept, pads, constant_values=self.fill_value)
        return done

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The masks as they are."""
        return segmentation_masks

    def get_config(self) -> dict:
        config = {**super().get_config(), "max_number": self.max_number}
        return config if self.fill_value == -1 else {**config, "fill_value": self.fill_value}
