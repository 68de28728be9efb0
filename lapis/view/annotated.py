"""Images with boxes and segmentation masks drawn on them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lapis.core.config import standardize_data_format
from lapis.layers.preprocessing.image.bounding_boxes import convert_format
from lapis.view.surface import font_for, pillow

# Letters this many pixels high have capitals of 22 pixels, as the common drawing libraries have at a scale of 1.
LETTERS = 30.0
# A label keeps this far above its box.
GAP = 8


def batch_of_images(name: str, images: Any, data_format: str | None) -> np.ndarray:
    """The images as an array `(batch, height, width, channels)`."""
    images = np.asarray(images)
    if images.ndim != 4:
        raise ValueError(f"{name} takes a batch of images, which has rank 4; got an array of shape {images.shape}.")
    if standardize_data_format(data_format) == "channels_first":
        images = images.transpose(0, 2, 3, 1)
    return images


def draw_bounding_boxes(
    images: Any,
    bounding_boxes: Any,
    bounding_box_format: str,
    class_mapping: Mapping[int, str] | None = None,
    color: Sequence[int] = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int | None = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> np.ndarray:
    """The images as `uint8`, with boxes and the names of their classes drawn on them.

    Lines cover `line_thickness // 2` pixels to both sides of a box's edge, and that edge.

    Args:
        images: `(batch, height, width, channels)`, from 0 to 255, or floats from 0 to 1.
        bounding_boxes: a dict with "boxes" `(batch, boxes, 4)`, "labels" `(batch, boxes)`, where -1 means no box, and
            perhaps "confidences" `(batch, boxes)`.
        bounding_box_format: how the four numbers are meant, such as "xyxy".
        class_mapping: the name of each label; boxes with other labels get no text.
        color: red, green and blue from 0 to 255.
        line_thickness: the thickness of the lines in pixels; a negative one fills the boxes.
        text_thickness: the thickness of the text's strokes; `None` for that of the lines.
        font_scale: the size of the text; 1 for capitals 22 pixels high.
        data_format: "channels_last" or "channels_first"; by default the global setting.

    Raises:
        ValueError: when the images are no batch, or a part of `bounding_boxes` is missing.
        TypeError: when `bounding_boxes` is no dict.

    >>> boxes = {"boxes": np.array([[[1.0, 1.0, 4.0, 3.0]]]), "labels": np.array([[0]])}
    >>> draw_bounding_boxes(np.zeros((1, 5, 6, 3)), boxes, "xyxy", color=(9, 0, 0), line_thickness=1)[0, :, :, 0]
    array([[0, 0, 0, 0, 0, 0],
           [0, 9, 9, 9, 9, 0],
           [0, 9, 0, 0, 9, 0],
           [0, 9, 9, 9, 9, 0],
           [0, 0, 0, 0, 0, 0]], dtype=uint8)
    """
    images = batch_of_images("draw_bounding_boxes", images, data_format)
    if not isinstance(bounding_boxes, Mapping):
        raise TypeError(f"`bounding_boxes` must be a dict; got {type(bounding_boxes).__name__}.")
    for key in ("boxes", "labels"):
        if key not in bounding_boxes:
            raise ValueError(f"`bounding_boxes` needs the keys 'boxes' and 'labels'; got {sorted(bounding_boxes)}.")
    height, width = images.shape[1:3]
    corners = convert_format(bounding_boxes["boxes"], bounding_box_format, "xyxy", height, width)
    boxes, labels = np.asarray(corners).astype("int32"), np.asarray(bounding_boxes["labels"]).astype("int32")
    confidences = bounding_boxes.get("confidences")
    if confidences is not None:
        confidences = np.asarray(confidences)
    class_mapping = class_mapping or {}
    drawn = _bytes(images)
    ink = np.array([*color, 255][: images.shape[-1]] if images.shape[-1] != 4 else [*color[:3], 255], "float32")
    for i, image in enumerate(drawn):
        stencil = pillow().Image.new("L", (width, height))
        pen = pillow().ImageDraw.Draw(stencil)
        for j in np.flatnonzero(labels[i] != -1):
            box, label = boxes[i, j].tolist(), int(labels[i, j])
            _frame(pen, box, line_thickness)
            if label in class_mapping:
                text = class_mapping[label]
                if confidences is not None:
                    text = f"{text} | {confidences[i, j]:.2f}"
                _write(pen, text, box[:2], font_scale, text_thickness or line_thickness)
        cover = np.asarray(stencil)[..., None] / np.float32(255)
        image[...] = np.rint(image + cover * (ink - image))
    if standardize_data_format(data_format) == "channels_first":
        drawn = drawn.transpose(0, 3, 1, 2)
    return drawn


def _bytes(images: np.ndarray) -> np.ndarray:
    """A copy of the images as `uint8`; floats that are all at most 1 are stretched to 255."""
    if images.dtype.kind == "f" and images.size and images.max() <= 1:
        images = images * 255
    return np.clip(images, 0, 255).astype("uint8")


def _frame(pen: Any, box: list[int], thickness: int) -> None:
    left, right = sorted(box[::2])
    top, bottom = sorted(box[1::2])
    if thickness < 0:
        pen.rectangle((left, top, right, bottom), fill=255)
        return
    half = thickness // 2
    pen.rectangle((left - half, top - half, right + half, bottom + half), outline=255, width=2 * half + 1)


def _write(pen: Any, text: str, corner: list[int], scale: float, thickness: int) -> None:
    """The text above the corner of a box; inside the box where there is no room above."""
    x, y = corner
    line = int(scale * 12)
    if y - GAP > 2 * line:
        place = (x, y - GAP)
    else:
        place = (x + 3, y + 2 * line + thickness + 3)
    stroke = max(abs(thickness) - 1, 0) // 2
    pen.text(place, text, fill=255, font=font_for(text, LETTERS * scale), anchor="ls", stroke_width=stroke)


def draw_segmentation_masks(
    images: Any,
    segmentation_masks: Any,
    num_classes: int | None = None,
    color_mapping: Any = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> np.ndarray:
    """The images with every pixel coloured by its class: `uint8` when blended with the image, else `float32`.

    Args:
        images: `(batch, height, width, 3)`, from 0 to 255.
        segmentation_masks: the class of each pixel, whole numbers `(batch, height, width, 1)`.
        num_classes: how many classes have a colour; by default all that occur.
        color_mapping: red, green and blue from 0 to 255 for each class, as a dict or a list; by default colours that
            differ from class to class.
        alpha: how much of the colour is seen where it is blended with the image, from 0 to 1.
        blend: whether to blend.
        ignore_index: the class that leaves its pixels as they are.
        data_format: "channels_last" or "channels_first", of both arrays; by default the global setting. The result
            has its channels last.

    Raises:
        ValueError: when the images are no batch.
        TypeError: when the masks are not whole numbers.

    >>> masks = np.array([[[[0], [1]]]])
    >>> draw_segmentation_masks(np.zeros((1, 1, 2, 3)), masks, color_mapping=[(0, 0, 0), (50, 100, 0)])[0, 0].tolist()
    [[0, 0, 0], [40, 80, 0]]
    """
    images = batch_of_images("draw_segmentation_masks", images, data_format).astype("float32")
    masks = np.asarray(segmentation_masks)
    if masks.dtype.kind not in "iu":
        raise TypeError(f"`segmentation_masks` must hold whole numbers; got the dtype {masks.dtype}.")
    masks = batch_of_images("draw_segmentation_masks", masks, data_format)[..., 0]
    valid = masks != ignore_index
    if num_classes is None:
        num_classes = int(np.max(masks, where=valid, initial=-1)) + 1
    colors = palette(num_classes) if color_mapping is None else [color_mapping[i] for i in range(num_classes)]
    drawn = images.copy()
    for label, color in enumerate(colors):
        if label != ignore_index:
            drawn[masks == label] = color
    if not blend:
        return drawn
    mixed = images * (1 - alpha) + drawn * alpha
    return np.where(valid[..., None], mixed, images).astype("uint8")


def palette(count: int) -> list[list[int]]:
    """One colour for each class: multiples of three large numbers, modulo 255."""
    steps = np.array([2**25 - 1, 2**15 - 1, 2**21 - 1])
    return [(i * steps % 255).tolist() for i in range(count)]
