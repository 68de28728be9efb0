"""How much bounding boxes overlap."""

import math
from typing import Any

import lapis.ops as ops
from lapis.core.config import epsilon
from lapis.layers.preprocessing.image.bounding_boxes import convert_format


def compute_iou(
    boxes1: Any,
    boxes2: Any,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Any = None,
) -> Any:
    """The area that each of `boxes1` has in common with each of `boxes2`, as a part of the area of both together.

    Args:
        boxes1: `(m, 4)` or `(batch, m, 4)`.
        boxes2: `(n, 4)` or `(batch, n, 4)`.
        bounding_box_format: their format; see `convert_format`.
        use_masking: whether boxes of negative numbers only stand for none, and give `mask_val`.
        mask_val: what such boxes give.
        image_shape: `(height, width, channels)`, needed for formats in fractions of the image.

    Returns:
        `(m, n)`, or `(batch, m, n)` where one of both has a batch.

    >>> round(float(compute_iou([[0.0, 0.0, 2.0, 2.0]], [[1.0, 0.0, 3.0, 2.0]], "xyxy")[0, 0]), 3)
    0.333
    """
    first, second = (_corners("compute_iou", boxes, bounding_box_format, image_shape) for boxes in (boxes1, boxes2))
    for name, boxes in (("boxes1", first), ("boxes2", second)):
        if len(boxes.shape) not in (2, 3):
            raise ValueError(f"compute_iou takes {name} of shape (n, 4) or (batch, n, 4), and got {boxes.shape}.")
    first, second = ops.expand_dims(first, -2), ops.expand_dims(second, -3)
    common, area1, area2 = _areas(ops.unstack(first, 4, axis=-1), ops.unstack(second, 4, axis=-1))
    overlap = common / (area1 + area2 - common + epsilon())
    if not use_masking:
        return overlap
    none = ops.logical_or(ops.max(first, axis=-1) < 0, ops.max(second, axis=-1) < 0)
    return ops.where(none, ops.cast(mask_val, overlap.dtype), overlap)


def compute_ciou(boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None) -> Any:
    """The overlap of pairs of boxes, less for middles far apart and for differing proportions.

    The complete IoU of [Zheng et al., 2020](https://arxiv.org/abs/1911.08287): `iou - d² / c² - alpha * v`, where `d`
    is the distance of the middles, `c` the diagonal of the box around both, `v` says how the proportions differ, and
    `alpha = v / (1 - iou + v)`.

    Args:
        boxes1: `(..., 4)`.
        boxes2: `(..., 4)`, one for each of `boxes1`.
        bounding_box_format: their format; see `convert_format`.
        image_shape: `(height, width, channels)`, needed for formats in fractions of the image.

    >>> round(float(compute_ciou([0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0], "xyxy")), 3)
    0.256
    """
    first, second = (
        ops.unstack(_corners("compute_ciou", boxes, bounding_box_format, image_shape), 4, axis=-1)
        for boxes in (boxes1, boxes2)
    )
    (left1, top1, right1, bottom1), (left2, top2, right2, bottom2) = first, second
    tiny = epsilon()
    common, area1, area2 = _areas((left1, top1, right1, bottom1 + tiny), (left2, top2, right2, bottom2 + tiny))
    overlap = common / (area1 + area2 - common + 2 * tiny)
    across = ops.maximum(right1, right2) - ops.minimum(left1, left2)
    down = ops.maximum(bottom1, bottom2) - ops.minimum(top1, top2)
    apart_x, apart_y = (left1 + right1 - left2 - right2) / 2, (top1 + bottom1 - top2 - bottom2) / 2
    distance = (apart_x**2 + apart_y**2) / (across**2 + down**2 + tiny)
    slopes = (ops.arctan((right - left) / (bottom - top + tiny)) for left, top, right, bottom in (first, second))
    v = 4 / math.pi**2 * (next(slopes) - next(slopes)) ** 2
    return overlap - distance - v * v / (v - overlap + (1 + tiny))


def _corners(name: str, boxes: Any, bounding_box_format: str, image_shape: Any) -> Any:
    if bounding_box_format.lower().startswith("rel_") and image_shape is None:
        raise ValueError(f"{name} needs image_shape for boxes in the format {bounding_box_format!r}, and got None.")
    height, width = image_shape[:2] if image_shape is not None else (None, None)
    return convert_format(boxes, bounding_box_format, "xyxy", height, width)


def _areas(first: Any, second: Any) -> Any:
    """The area that boxes have in common, and that of each."""
    (left1, top1, right1, bottom1), (left2, top2, right2, bottom2) = first, second
    across = ops.maximum(ops.minimum(right1, right2) - ops.maximum(left1, left2), 0)
    down = ops.maximum(ops.minimum(bottom1, bottom2) - ops.maximum(top1, top2), 0)
    return across * down, (right1 - left1) * (bottom1 - top1), (right2 - left2) * (bottom2 - top2)
