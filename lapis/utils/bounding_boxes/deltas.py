"""Boxes as differences from anchors, as detectors learn them."""

from typing import Any

import lapis.ops as ops
from lapis.core.config import epsilon
from lapis.layers.preprocessing.image.bounding_boxes import convert_format


def encode_box_to_deltas(
    anchors: Any,
    boxes: Any,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Any:
    """How far each box lies from its anchor: the middle in sizes of the anchor, the size as a logarithm.

    Args:
        anchors: `(..., 4)`.
        boxes: `(..., 4)`, one for each anchor.
        anchor_format: the format of `anchors`; see `convert_format`.
        box_format: that of `boxes`.
        encoding_format: `"center_yxhw"` or `"center_xywh"`, the order of the four differences.
        variance: four numbers that the differences are divided by.
        image_shape: `(height, width, channels)`, needed for formats in fractions of the image.

    >>> encode_box_to_deltas([[0.0, 0.0, 2.0, 2.0]], [[1.0, 0.0, 3.0, 2.0]], "xyxy", "xyxy").tolist()
    [[0.0, 0.5, 0.0, 0.0]]
    """
    variance = _variance(variance)
    _check("encoding_format", encoding_format)
    height, width = image_shape[:2] if image_shape is not None else (None, None)
    anchors = convert_format(anchors, anchor_format, encoding_format, height, width)
    boxes = convert_format(boxes, box_format, encoding_format, height, width)
    size = ops.maximum(anchors[..., 2:], epsilon())
    moved = (boxes[..., :2] - anchors[..., :2]) / size
    deltas = ops.concatenate([moved, ops.log(ops.maximum(boxes[..., 2:], epsilon()) / size)], axis=-1)
    return deltas if variance is None else deltas / variance


def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Any:
    """The boxes that lie `boxes_delta` from their anchors: what `encode_box_to_deltas` does, backwards.

    Args:
        anchors: `(..., 4)`, or a dict of such by level.
        boxes_delta: `(..., 4)`, or a dict with the same levels.
        anchor_format: the format of `anchors`; see `convert_format`.
        box_format: that of the boxes that come out.
        encoded_format: `"center_yxhw"` or `"center_xywh"`, the order of the four differences.
        variance: four numbers that the differences are multiplied by.
        image_shape: `(height, width, channels)`, needed for formats in fractions of the image.

    >>> decode_deltas_to_boxes([[0.0, 0.0, 2.0, 2.0]], [[0.0, 0.5, 0.0, 0.0]], "xyxy", "xyxy").tolist()
    [[1.0, 0.0, 3.0, 2.0]]
    """
    variance = _variance(variance)
    _check("encoded_format", encoded_format)
    height, width = image_shape[:2] if image_shape is not None else (None, None)

    def decode(anchor: Any, deltas: Any) -> Any:
        anchor = convert_format(anchor, anchor_format, encoded_format, height, width)
        deltas = ops.convert_to_tensor(deltas)
        deltas = deltas if variance is None else deltas * variance
        size = anchor[..., 2:]
        parts = [deltas[..., :2] * size + anchor[..., :2], ops.exp(deltas[..., 2:]) * size]
        return convert_format(ops.concatenate(parts, axis=-1), encoded_format, box_format, height, width)

    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        return {level: decode(anchor, boxes_delta[level]) for level, anchor in anchors.items()}
    return decode(anchors, boxes_delta)


def _variance(variance: Any) -> Any:
    if variance is None:
        return None
    variance = ops.convert_to_tensor(variance, "float32")
    if variance.shape[-1] != 4:
        raise ValueError(f"variance must hold four numbers, and has the shape {variance.shape}.")
    return variance


def _check(argument: str, value: str) -> None:
    if value not in ("center_xywh", "center_yxhw"):
        raise ValueError(f"{argument} is {value!r}; expected 'center_xywh' or 'center_yxhw'.")
