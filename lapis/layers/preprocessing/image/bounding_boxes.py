"""Bounding boxes: what their four numbers mean, and how they are moved, turned and cut."""

import math
from typing import Any

import lapis.ops as ops

FORMATS = (
    "xyxy",
    "yxyx",
    "xywh",
    "center_xywh",
    "center_yxhw",
    "rel_xyxy",
    "rel_yxyx",
    "rel_xywh",
    "rel_center_xywh",
)


def convert_format(
    boxes: Any, source: str, target: str, height: Any = None, width: Any = None, dtype: Any = "float32"
) -> Any:
    """Boxes from one format in another.

    `"xyxy"` is left, top, right, bottom, and `"yxyx"` top, left, bottom, right; `"xywh"` ends in width and height;
    with `"center_"` in front, the middle comes first; with `"rel_"`, all is in fractions of the image's width and
    height.

    Args:
        boxes: `(..., 4)`, or a dict with such under `"boxes"`.
        source: the format of `boxes`.
        target: the format of what comes out.
        height: the images' height in pixels, needed from or to fractions.
        width: their width.
        dtype: the element type of what comes out.

    >>> convert_format([[10.0, 20.0, 30.0, 60.0]], "xyxy", "center_xywh").tolist()
    [[20.0, 40.0, 20.0, 40.0]]
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    boxes = ops.convert_to_tensor(boxes)
    if boxes.shape[-1] != 4:
        raise ValueError(f"convert_format takes boxes of shape (..., 4), and got {boxes.shape}.")
    names, source, target = (source, target), source.lower(), target.lower()
    if source not in FORMATS or target not in FORMATS:
        raise ValueError(f"convert_format got source={names[0]!r} and target={names[1]!r}; expected two of {FORMATS}.")
    from_rel, to_rel = source.startswith("rel_"), target.startswith("rel_")
    if (from_rel or to_rel) and (height is None or width is None):
        raise ValueError(
            f"convert_format needs height and width for source={source!r} and target={target!r}; got height={height} "
            f"and width={width}."
        )
    boxes = ops.cast(boxes, dtype)
    if source == target:
        return boxes
    corners = _corners(boxes, source.removeprefix("rel_"))
    if from_rel != to_rel:
        size = ops.cast(width, dtype), ops.cast(height, dtype)
        pairs = zip(corners, (*size, *size))
        corners = [place / length if to_rel else place * length for place, length in pairs]
    return _in_format(corners, target.removeprefix("rel_"))


def _corners(boxes: Any, layout: str) -> Any:
    """Left, top, right and bottom, each `(..., 1)`."""
    a, b, c, d = ops.split(boxes, 4, axis=-1)
    if layout in ("yxyx", "center_yxhw"):
        a, b, c, d = b, a, d, c
    if layout.startswith("center"):
        return a - c / 2, b - d / 2, a + c / 2, b + d / 2
    return (a, b, a + c, b + d) if layout == "xywh" else (a, b, c, d)


def _in_format(corners: Any, layout: str) -> Any:
    left, top, right, bottom = corners
    width, height = right - left, bottom - top
    parts = left, top, right, bottom
    if layout == "xywh":
        parts = left, top, width, height
    elif layout.startswith("center"):
        parts = left + width / 2, top + height / 2, width, height
    if layout in ("yxyx", "center_yxhw"):
        parts = parts[1], parts[0], parts[3], parts[2]
    return ops.concatenate(parts, axis=-1)


def clip_to_image_size(
    bounding_boxes: dict, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> dict:
    """Boxes cut where they leave the image; those of which nothing is left get the label -1.

    Args:
        bounding_boxes: a dict of `"boxes"`, `(..., 4)`, and where there are any `"labels"`.
        height: the images' height in pixels, needed for `"xyxy"`.
        width: their width.
        bounding_box_format: `"xyxy"` or `"rel_xyxy"`.

    >>> boxes = {"boxes": ops.convert_to_tensor([[-5.0, 2.0, 8.0, 20.0]]), "labels": ops.convert_to_tensor([3])}
    >>> clip_to_image_size(boxes, 10, 10)["boxes"].tolist()
    [[0.0, 2.0, 8.0, 10.0]]
    """
    _only("clip_to_image_size", bounding_box_format, ("xyxy", "rel_xyxy"))
    boxes = ops.convert_to_tensor(bounding_boxes["boxes"])
    if bounding_box_format == "rel_xyxy":
        height = width = 1
    elif height is None or width is None:
        raise ValueError(
            f"clip_to_image_size needs height and width for 'xyxy'; got height={height} and width={width}."
        )
    width, height = ops.cast(width, boxes.dtype), ops.cast(height, boxes.dtype)
    corners = [ops.clip(x, 0, size) for x, size in zip(ops.split(boxes, 4, axis=-1), (width, height, width, height))]
    clipped = {**bounding_boxes, "boxes": ops.concatenate(corners, axis=-1)}
    if bounding_boxes.get("labels") is not None:
        left, top, right, bottom = corners
        labels = ops.convert_to_tensor(bounding_boxes["labels"])
        seen = (right - left) * (bottom - top) > 0
        seen = seen if len(labels.shape) == len(boxes.shape) else ops.squeeze(seen, -1)
        clipped["labels"] = ops.where(seen, labels, -1)
    return clipped


def affine_transform(
    boxes: Any,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Any,
    shear_x: Any,
    shear_y: Any,
    height: Any,
    width: Any,
    center_x: Any = None,
    center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> Any:
    """The upright boxes around boxes that are turned, moved, scaled and sheared with their images.

    Args:
        boxes: `(batch, boxes, 4)`.
        angle: degrees, one for each image: `(batch,)`, as are the next five.
        translate_x: a part of the width.
        translate_y: a part of the height.
        scale: a factor.
        shear_x: degrees.
        shear_y: degrees.
        height: the images' height in pixels.
        width: their width.
        center_x: what is turned about, a part of the width; the middle by default.
        center_y: a part of the height.
        bounding_box_format: `"xyxy"`.

    >>> one, nil = ops.ones((1,)), ops.zeros((1,))
    >>> boxes = ops.convert_to_tensor([[[1.0, 0.0, 2.0, 1.0]]])
    >>> [round(x) for x in affine_transform(boxes, 90 * one, nil, nil, one, nil, nil, 5, 5)[0, 0].tolist()]
    [0, 2, 1, 3]
    """
    _only("affine_transform", bounding_box_format, ("xyxy",))
    angle = ops.convert_to_tensor(angle)
    center_x, center_y = (0.5 if center is None else center for center in (center_x, center_y))
    radian = math.pi / 180
    turn, lean_x, lean_y = -angle * radian, -shear_x * radian, -shear_y * radian
    middle_x, middle_y = center_x * (width - 1), center_y * (height - 1)
    from_x, from_y = middle_x - translate_x * (width - 1), middle_y - translate_y * (height - 1)
    cos, sin = (f(turn - lean_y) / ops.cos(lean_y) for f in (ops.cos, ops.sin))
    a0 = (ops.cos(turn) + sin * ops.tan(lean_x)) * scale
    a1 = -(cos * ops.tan(lean_x) + ops.sin(turn)) * scale
    b0, b1 = sin * scale, cos * scale
    a2, b2 = middle_x - a0 * from_x - a1 * from_y, middle_y - b0 * from_x - b1 * from_y
    a0, a1, a2, b0, b1, b2 = (number[:, None] for number in (a0, a1, a2, b0, b1, b2))
    left, top, right, bottom = ops.unstack(ops.cast(boxes, angle.dtype), 4, axis=-1)
    corners = (left, top), (right, top), (right, bottom), (left, bottom)
    return around(
        [a0 * x + a1 * y + a2 for x, y in corners],
        [b0 * x + b1 * y + b2 for x, y in corners],
    )


def around(xs: Any, ys: Any) -> Any:
    """The smallest upright boxes, `(..., 4)`, around points whose coordinates are given point by point."""
    xs, ys = ops.stack(xs, axis=-1), ops.stack(ys, axis=-1)
    parts = ops.min(xs, axis=-1), ops.min(ys, axis=-1), ops.max(xs, axis=-1), ops.max(ys, axis=-1)
    return ops.stack(parts, axis=-1)


def crop(boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy") -> Any:
    """Boxes as they lie in a part of the image that starts at `top` and `left`, cut where they leave it.

    >>> crop([[10.0, 10.0, 30.0, 30.0]], top=5, left=20, height=20, width=20).tolist()
    [[0.0, 5.0, 10.0, 20.0]]
    """
    _only("crop", bounding_box_format, ("xyxy",))
    x1, y1, x2, y2 = ops.split(ops.convert_to_tensor(boxes), 4, axis=-1)
    xs, ys = ([ops.clip(x - left, 0, width) for x in (x1, x2)], [ops.clip(y - top, 0, height) for y in (y1, y2)])
    return ops.concatenate([xs[0], ys[0], xs[1], ys[1]], axis=-1)


def pad(
    boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> Any:
    """Boxes as they lie in an image with `top` rows and `left` columns added before it; the size does not matter.

    >>> pad([[10.0, 10.0, 30.0, 30.0]], top=5, left=20).tolist()
    [[30.0, 15.0, 50.0, 35.0]]
    """
    _only("pad", bounding_box_format, ("xyxy",))
    x1, y1, x2, y2 = ops.split(ops.convert_to_tensor(boxes), 4, axis=-1)
    return ops.concatenate([x1 + left, y1 + top, x2 + left, y2 + top], axis=-1)


def _only(name: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise NotImplementedError(
            f"{name} got bounding_box_format={given!r}; it takes {' or '.join(map(repr, known))}. Use convert_format "
            "first."
        )
