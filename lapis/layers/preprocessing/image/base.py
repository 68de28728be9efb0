"""What layers on images have in common: one image or a batch, alone or with labels, bounding boxes and masks."""

from typing import Any, ClassVar

import lapis.ops as ops
from lapis.core.config import standardize_data_format
from lapis.layers.preprocessing.data_layer import DataLayer
from lapis.state import SeedGenerator

_NO_FORMAT = (
    "{cls} got data with 'bounding_boxes' and does not know what their numbers mean. Pass `bounding_box_format=`, for "
    "example {cls}(..., bounding_box_format='xyxy')."
)


def images_in(shape: tuple) -> Any:
    """How many images an array of this shape holds: one where it has three axes."""
    return shape[0] if len(shape) == 4 else 1


class BaseImagePreprocessingLayer(DataLayer):
    """Draws a transformation, and applies it to images and to all that belongs to them.

    A call takes images, `(height, width, channels)` or `(batch, height, width, channels)` (or with channels first), or
    a dict with `"images"` and any of `"labels"`, `"bounding_boxes"` and `"segmentation_masks"`; bounding boxes are a
    dict of `"boxes"`, `(boxes, 4)` or `(batch, boxes, 4)`, and `"labels"`. What is given is never changed in place.

    A subclass draws in `get_random_transformation`, once for a whole batch with one number for each image, and uses
    what it drew in `transform_images` and its like, which see batches only. Drawn from a `SeedGenerator` that is an
    attribute of the layer, the numbers are new in each step, inside compiled steps too, and equal for equal seeds.

    Args:
        factor: how strong the change is, where `_USE_BASE_FACTOR` says that the layer takes it: a pair of bounds, or a
            number `f` for `(-f, f)`, cut to `_FACTOR_BOUNDS`.
        bounding_box_format: what the numbers of bounding boxes mean; see `lapis.utils.bounding_boxes.convert_format`.
        data_format: `"channels_last"` or `"channels_first"`; by default the global setting.
    """

    _USE_BASE_FACTOR = True
    _FACTOR_BOUNDS: tuple[float, float] = (-1, 1)
    _allow_non_tensor_positional_args = True
    factor: tuple[float, float]
    bounding_box_format: Any  # `None`, or a string wherever boxes are met
    interpolation: str

    def __init__(
        self, factor: Any = None, bounding_box_format: str | None = None, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.bounding_box_format = bounding_box_format
        self.data_format = standardize_data_format(data_format)
        self.height_axis, self.width_axis = (-3, -2) if self.data_format == "channels_last" else (-2, -1)
        if self._USE_BASE_FACTOR:
            self._set_factor(factor or 0.0)
        elif factor is not None:
            raise ValueError(f"{type(self).__name__} takes no `factor`; got factor={factor!r}.")

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        return max(ranks) < 4  # the rows of a single image

    def _set_factor(self, factor: Any) -> None:
        self.factor = self._factor_bounds(factor, "factor")

    def _factor_bounds(self, factor: Any, name: str) -> tuple[float, float]:
        """The lower and the upper bound that a factor stands for."""
        low, high = self._FACTOR_BOUNDS
        if isinstance(factor, (tuple, list)) and len(factor) == 2 and factor[0] <= high and factor[1] >= low:
            lower, upper = sorted(factor)
            return lower, upper
        if isinstance(factor, (int, float)) and low <= factor <= high:
            return max(-abs(factor), low), abs(factor)
        raise ValueError(
            f"{type(self).__name__} got {name}={factor!r}; expected a number from {low} to {high}, or a pair of them."
        )

    # What a subclass defines

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """What is drawn for the images of `data`, for the methods below; `None` where there is nothing to draw."""
        return None

    def _transform_images(self, images: Any, transformation: Any, interpolation: str) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines neither `_transform_images` nor `transform_images`.")

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """A batch of images changed, in the compute type; only cast outside training."""
        images = ops.cast(images, self.compute_dtype)
        return self._transform_images(images, transformation, self.interpolation) if training else images

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """A batch of labels changed as their images are."""
        raise NotImplementedError(f"{type(self).__name__} does not define `transform_labels`.")

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """A batch of bounding boxes changed as their images are."""
        raise NotImplementedError(f"{type(self).__name__} does not define `transform_bounding_boxes`.")

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """A batch of masks changed as their images are, by nearest pixels; as they are outside training."""
        if training:
            return self._transform_images(segmentation_masks, transformation, "nearest")
        return segmentation_masks

    # Single images

    def transform_single_image(self, image: Any, transformation: Any, training: bool = True) -> Any:
        """`transform_images` of one image."""
        return self.transform_images(image[None], transformation=transformation, training=training)[0]

    def transform_single_label(self, label: Any, transformation: Any, training: bool = True) -> Any:
        """`transform_labels` of one label."""
        labels = ops.expand_dims(label, 0)
        return ops.squeeze(self.transform_labels(labels, transformation=transformation, training=training), 0)

    def transform_single_bounding_box(self, bounding_box: Any, transformation: Any, training: bool = True) -> Any:
        """`transform_bounding_boxes` of the boxes of one image."""
        batch = {key: ops.expand_dims(value, 0) for key, value in bounding_box.items()}
        batch = self.transform_bounding_boxes(batch, transformation=transformation, training=training)
        return {key: ops.squeeze(value, 0) for key, value in batch.items()}

    def transform_single_segmentation_mask(
        self, segmentation_mask: Any, transformation: Any, training: bool = True
    ) -> Any:
        """`transform_segmentation_masks` of one mask."""
        masks = segmentation_mask[None]
        return self.transform_segmentation_masks(masks, transformation=transformation, training=training)[0]

    # The call

    def call(self, data: Any, training: bool = True) -> Any:
        transformation = self.get_random_transformation(data, training=training)
        batched = len(self._images_shape(data)) == 4
        images = self.transform_images if batched else self.transform_single_image
        if not isinstance(data, dict):
            return images(ops.convert_to_tensor(data), transformation=transformation, training=training)
        steps = {
            "images": images,
            "bounding_boxes": self.transform_bounding_boxes if batched else self.transform_single_bounding_box,
            "labels": self.transform_labels if batched else self.transform_single_label,
            "segmentation_masks": (
                self.transform_segmentation_masks if batched else self.transform_single_segmentation_mask
            ),
        }
        done = dict(data)
        for key, step in steps.items():
            if key in data:
                value = data[key]
                value = self._boxes(value) if key == "bounding_boxes" else ops.convert_to_tensor(value)
                done[key] = step(value, transformation=transformation, training=training)
        return done

    def _images_shape(self, data: Any) -> tuple:
        """The shape of the images in what the layer is called with."""
        shape = tuple((data["images"] if isinstance(data, dict) else data).shape)
        if len(shape) not in (3, 4):
            raise ValueError(
                f"{type(self).__name__} takes one image (3 axes) or a batch of images (4 axes), and got shape {shape}."
            )
        return shape

    def _boxes(self, bounding_boxes: Any) -> dict:
        """Bounding boxes checked and as tensors."""
        name = type(self).__name__
        if not self.bounding_box_format:
            raise ValueError(_NO_FORMAT.format(cls=name))
        if not isinstance(bounding_boxes, dict) or not {"boxes", "labels"} <= set(bounding_boxes):
            raise ValueError(f"{name} takes bounding_boxes as a dict of 'boxes' and 'labels'; got {bounding_boxes!r}.")
        boxes = ops.convert_to_tensor(bounding_boxes["boxes"], dtype="float32")
        labels = ops.convert_to_tensor(bounding_boxes["labels"])
        if len(boxes.shape) not in (2, 3) or boxes.shape[-1] != 4:
            raise ValueError(f"{name} takes boxes of shape (boxes, 4) or (batch, boxes, 4); got {boxes.shape}.")
        if len(labels.shape) not in (len(boxes.shape) - 1, len(boxes.shape)):
            raise ValueError(f"{name} got boxes of shape {boxes.shape} with labels of shape {labels.shape}.")
        return {**bounding_boxes, "boxes": boxes, "labels": labels}

    def get_config(self) -> dict:
        config = {**super().get_config(), "data_format": self.data_format}
        if self.bounding_box_format is not None:
            config["bounding_box_format"] = self.bounding_box_format
        return config

    def _transform_value_range(
        self, images: Any, original_range: Any, target_range: Any, dtype: Any = "float32"
    ) -> Any:
        """Images with values in `original_range`, `(lowest, highest)`, stretched to `target_range`."""
        if tuple(original_range) == tuple(target_range):
            return images
        low, high = (ops.cast(bound, dtype) for bound in original_range)
        new_low, new_high = (ops.cast(bound, dtype) for bound in target_range)
        return (ops.cast(images, dtype) - low) / (high - low) * (new_high - new_low) + new_low


class DrawingLayer(BaseImagePreprocessingLayer):
    """A layer whose `_draw` says what is drawn for a batch in training; labels stay as they are."""

    _USE_BASE_FACTOR = False
    _arguments: ClassVar[tuple[str, ...]] = ()  # what a config holds besides that of all layers on images
    generator: SeedGenerator | None = None

    def _set_seed(self, seed: int | None) -> None:
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """What is drawn for the images of `data`, for the other methods; `None` outside training."""
        if not training:
            return None
        return self._draw(self._images_shape(data), self.generator if seed is None else seed)

    def _draw(self, shape: tuple, seed: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define `_draw`.")

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """The labels as they are."""
        return labels

    def get_config(self) -> dict:
        return {**super().get_config(), **{name: getattr(self, name) for name in self._arguments}}
