"""Parts of images."""

from typing import Any, Unpack

import lapis.ops as ops
import lapis.random as random
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.base import BaseImagePreprocessingLayer
from lapis.layers.preprocessing.image.bounding_boxes import clip_to_image_size, convert_format
from lapis.state import SeedGenerator
from lapis.state.seeds import make_default_seed


class _Crop(BaseImagePreprocessingLayer):
    """Keeps a window of each image and scales it to `(height, width)` where it has another size."""

    def __init__(self, height: int, width: int, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height = height
        self.width = width

    def _cut(self, images: Any, window: tuple, interpolation: str) -> Any:
        starts, sizes = [0] * len(images.shape), list(images.shape)
        axes = self.height_axis, self.width_axis
        for axis, start, size in zip(axes, window[:2], window[2:]):
            starts[axis], sizes[axis] = start, size
        images = ops.slice(images, starts, sizes)
        if window[2:] == (self.height, self.width):
            return images
        size = self.height, self.width
        return ops.image.resize(images, size, interpolation=interpolation, data_format=self.data_format)

    def _fitting_window(self, height: Any, width: Any) -> tuple:
        """Top, left, height and width of the largest window in the middle with the proportions of the result."""
        rows = max(min(height, width * self.height // self.width), 1)
        columns = max(min(width, height * self.width // self.height), 1)
        return (height - rows) // 2, (width - columns) // 2, rows, columns

    def _boxes_in(self, bounding_boxes: dict, window: tuple, height: Any, width: Any) -> dict:
        """Boxes of images of `(height, width)` as they lie in the window once it is scaled."""
        form = self.bounding_box_format
        bounding_boxes = convert_format(bounding_boxes, form, "xyxy", height, width)
        top, left = (ops.cast(start, "float32") for start in window[:2])
        down, across = self.height / window[2], self.width / window[3]
        x1, y1, x2, y2 = ops.split(bounding_boxes["boxes"], 4, axis=-1)
        corners = [(x1 - left) * across, (y1 - top) * down, (x2 - left) * across, (y2 - top) * down]
        bounding_boxes = {**bounding_boxes, "boxes": ops.concatenate(corners, axis=-1)}
        bounding_boxes = clip_to_image_size(bounding_boxes, self.height, self.width)
        return convert_format(bounding_boxes, "xyxy", form, self.height, self.width)

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """The labels as they are."""
        return labels

    def get_config(self) -> dict:
        return {**super().get_config(), "height": self.height, "width": self.width}


@builtin("keras.layers")
class CenterCrop(_Crop):
    """Keeps the middle of images, `height` rows and `width` columns, in training and outside.

    Of images smaller than that in any direction, it keeps the largest part with the proportions of the result, and
    scales that; masks are scaled by nearest pixels.

    Args:
        height: rows of the result.
        width: columns of the result.
        data_format: `"channels_last"` or `"channels_first"`; by default the global setting.

    >>> import numpy as np
    >>> CenterCrop(2, 2)(np.arange(16.0).reshape(1, 4, 4, 1))[0, :, :, 0].tolist()
    [[5.0, 6.0], [9.0, 10.0]]
    """

    _USE_BASE_FACTOR = False

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(height, width, data_format, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> dict:
        """The shape of the images; there is nothing to draw."""
        return {"input_shape": self._images_shape(data)}

    def _window(self, shape: tuple) -> tuple:
        height, width = shape[self.height_axis], shape[self.width_axis]
        if height >= self.height and width >= self.width:
            return (height - self.height) // 2, (width - self.width) // 2, self.height, self.width
        return self._fitting_window(height, width)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The middle of the images, in the compute type."""
        images = ops.cast(images, self.compute_dtype)
        return self._cut(images, self._window(images.shape), "bilinear")

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The middle of the masks, in the compute type."""
        masks = ops.cast(segmentation_masks, self.compute_dtype)
        return self._cut(masks, self._window(masks.shape), "nearest")

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes as they lie in the middle of the images; what is outside gets the label -1."""
        shape = transformation["input_shape"]
        height, width = shape[self.height_axis], shape[self.width_axis]
        return self._boxes_in(bounding_boxes, self._window(shape), height, width)


@builtin("keras.layers")
class RandomCrop(_Crop):
    """In training, keeps `height` rows and `width` columns at a random place, the same for all images of a batch.

    Images that are no larger than that in one direction are cut in the middle and scaled instead. Outside training,
    the largest part in the middle with the proportions of the result is kept and scaled, so that results always have
    one size. Masks are scaled by nearest pixels.

    Args:
        height: rows of the result.
        width: columns of the result.
        seed: an integer; `None` draws one.
        data_format: `"channels_last"` or `"channels_first"`; by default the global setting.

    >>> import numpy as np
    >>> RandomCrop(2, 3)(np.ones((1, 4, 6, 3))).shape
    (1, 2, 3, 3)
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(height, width, data_format, name=name, **kwargs)
        self.seed = make_default_seed() if seed is None else seed
        self.generator = SeedGenerator(self.seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> tuple:
        """Where the window begins, `(top, left)`, and then the height and the width of the images."""
        seed = self.generator if seed is None else seed
        shape = self._images_shape(data)
        height, width = shape[self.height_axis], shape[self.width_axis]
        if training and height > self.height and width > self.width:
            spare = height - self.height, width - self.width
            starts = [ops.cast(random.uniform((), 0, size + 1, seed=seed), "int32") for size in spare]
        else:
            starts = self._fitting_window(height, width)[:2]
        return (*starts, height, width)

    def _window(self, transformation: tuple, height: Any, width: Any, training: bool) -> tuple:
        if not training:
            return self._fitting_window(height, width)
        top, left = transformation[:2]
        if height > self.height and width > self.width:
            return top, left, self.height, self.width
        return top, left, min(self.height, height - top), min(self.width, width - left)

    def _cropped(self, images: Any, transformation: tuple, training: bool, interpolation: str) -> Any:
        images = ops.cast(images, self.compute_dtype)
        height, width = images.shape[self.height_axis], images.shape[self.width_axis]
        return self._cut(images, self._window(transformation, height, width, training), interpolation)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The window that begins at the first two numbers of `transformation`, in the compute type."""
        return self._cropped(images, transformation, training, "bilinear")

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The same window of the masks, in the compute type."""
        return self._cropped(segmentation_masks, transformation, training, "nearest")

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes as they lie in the window; what is outside gets the label -1."""
        height, width = transformation[2:]
        window = self._window(transformation, height, width, training)
        return self._boxes_in(bounding_boxes, window, height, width)

    def get_config(self) -> dict:
        return {**super().get_config(), "seed": self.seed}
