"""What layers that move pixels at random have in common."""

from typing import Any, ClassVar

import lapis.ops as ops
import lapis.random as random
from lapis.layers.preprocessing.image.base import DrawingLayer, images_in
from lapis.layers.preprocessing.image.bounding_boxes import clip_to_image_size, convert_format

FILL_MODES = ("reflect", "wrap", "constant", "nearest")


class RandomGeometryLayer(DrawingLayer):
    """Moves pixels by numbers drawn from its seed; labels stay as they are.

    A subclass says in `_draw` what is drawn, in `_transform_images` what it does to images, and in `_move_boxes` what
    it does to bounding boxes `"xyxy"`, in pixels. Points outside of an image are filled by `fill_mode`: `"constant"`
    puts `fill_value` there, `"nearest"` the pixel at the edge, `"reflect"` the image mirrored, and `"wrap"` the other
    side of the image.
    """

    _fill_modes: ClassVar[tuple[str, ...]] = FILL_MODES

    def __init__(
        self,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value, known in (
            ("fill_mode", fill_mode, self._fill_modes),
            ("interpolation", interpolation, ("nearest", "bilinear")),
        ):
            if value not in known:
                raise NotImplementedError(f"{type(self).__name__} got {name}={value!r}; it knows {', '.join(known)}.")
        self.interpolation = interpolation
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self._set_seed(seed)

    def _strict_bounds(self, factor: Any, name: str, above: bool = False) -> tuple[float, float]:
        """The bounds that a factor stands for, all within `_FACTOR_BOUNDS`, with `above` without the lower one."""
        low, high = self._FACTOR_BOUNDS
        pair = factor if isinstance(factor, (tuple, list)) else (factor, factor)
        numbers = len(pair) == 2 and all(isinstance(x, (int, float)) for x in pair)
        if not numbers or not all(low <= x <= high and not (above and x == low) for x in pair):
            begin = f"above {low}" if above else f"from {low}"
            name = f"{type(self).__name__} got {name}"
            raise ValueError(f"{name}={factor!r}; expected a number {begin} up to {high}, or a pair of them.")
        if pair is factor:
            lower, upper = sorted(pair)
            return lower, upper
        return -abs(pair[0]), abs(pair[0])

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes moved as the images are and cut at their edges; what is outside gets the label -1."""
        if not training or transformation is None:
            return bounding_boxes
        height, width = self._height_width(transformation)
        form = self.bounding_box_format
        bounding_boxes = convert_format(bounding_boxes, form, "xyxy", height, width)
        moved = {**bounding_boxes, "boxes": self._move_boxes(bounding_boxes["boxes"], transformation, height, width)}
        return convert_format(clip_to_image_size(moved, height, width), "xyxy", form, height, width)

    def _height_width(self, transformation: Any) -> tuple:
        shape = transformation["input_shape"]
        return shape[self.height_axis], shape[self.width_axis]

    def _move_boxes(self, boxes: Any, transformation: Any, height: Any, width: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} cannot move bounding boxes.")

    def _warp(self, images: Any, matrix: Any, interpolation: str) -> Any:
        """`images` with each pixel looked up where `matrix`, `(batch, 8)`, says."""
        return ops.image.affine_transform(
            images,
            matrix,
            interpolation=interpolation,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )


class RandomAffineLayer(RandomGeometryLayer):
    """Moves pixels by a matrix for each image, which `_matrix` makes from what was drawn."""

    def _matrix(self, transformation: Any, height: Any, width: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define `_matrix`.")

    def _transform_images(self, images: Any, transformation: Any, interpolation: str) -> Any:
        if transformation is None:
            return images
        height, width = images.shape[self.height_axis], images.shape[self.width_axis]
        return self._warp(images, self._matrix(transformation, height, width), interpolation)

    def get_transformed_x_y(self, x: Any, y: Any, transform: Any) -> tuple[Any, Any]:
        """Where the pixel `(x, y)` of a transformed image comes from, by the numbers `transform`, `(..., 8)`."""
        a0, a1, a2, b0, b1, b2, c0, c1 = ops.split(ops.convert_to_tensor(transform), 8, axis=-1)
        depth = c0 * x + c1 * y + 1
        return (a0 * x + a1 * y + a2) / depth, (b0 * x + b1 * y + b2) / depth

    def get_shifted_bbox(self, bounding_boxes: Any, w_shift_factor: Any, h_shift_factor: Any) -> dict:
        """The boxes `"xyxy"` counted from a point so far right and down, given for each image."""
        boxes = ops.convert_to_tensor(bounding_boxes["boxes"])
        right, down = ops.convert_to_tensor(w_shift_factor), ops.convert_to_tensor(h_shift_factor)
        shift = ops.concatenate([right, down, right, down], axis=-1)
        return {**bounding_boxes, "boxes": boxes - (shift[:, None] if len(boxes.shape) == 3 else shift)}


def drawn_column(shape: tuple, bounds: tuple[float, float], seed: Any) -> Any:
    """A number between the bounds for each image, `(batch, 1)`."""
    return random.uniform((images_in(shape), 1), *bounds, seed=seed)


def matrix_of(*numbers: Any) -> Any:
    """The numbers `a0, a1, a2, b0, b1, b2` as `(batch, 8)`; one of them at least is `(batch, 1)`."""
    first = next(number for number in numbers if hasattr(number, "shape"))
    columns = [ops.zeros_like(first) + number for number in (*numbers, 0.0, 0.0)]
    return ops.concatenate(columns, axis=1)
