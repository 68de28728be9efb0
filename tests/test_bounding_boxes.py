"""Bounding boxes against Keras: formats, movements, overlap, coding."""

import numpy as np
import pytest

import lapis
from lapis.layers.preprocessing.image.bounding_boxes import FORMATS
from tests.descriptors import f32
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")
OURS, THEIRS = lapis.utils.bounding_boxes, keras.utils.bounding_boxes


def _boxes(*shape, seed=0):
    """Boxes `xyxy` in an image of 40 rows and 60 columns, some beyond its edges."""
    start = f32(*shape, 2, seed=seed, low=-10, high=50)
    return np.concatenate([start, start + f32(*shape, 2, seed=seed + 1, low=1, high=30)], -1)


def _agree(name, *args, tolerance=1e-5, **kwargs):
    ours, theirs = getattr(OURS, name)(*args, **kwargs), getattr(THEIRS, name)(*args, **kwargs)
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)
    assert ours.dtype == theirs.dtype
    return np.asarray(ours)


@pytest.mark.parametrize("source", FORMATS)
def test_convert_format(source):
    boxes = np.asarray(THEIRS.convert_format(_boxes(2, 3), "xyxy", source, 40, 60))
    for target in FORMATS:
        there = _agree("convert_format", boxes, source, target, height=40, width=60)
        np.testing.assert_allclose(OURS.convert_format(there, target, source, 40, 60), boxes, rtol=1e-4, atol=1e-4)


def test_convert_format_takes_dicts_and_sizes_for_each_image_and_leaves_its_input_alone():
    given = {"boxes": _boxes(2, 3), "labels": np.zeros((2, 3))}
    before = given["boxes"].copy()
    sizes = np.array([40, 80]).reshape(2, 1, 1), np.array([60, 30]).reshape(2, 1, 1)
    found = OURS.convert_format(given, "XYXY", "rel_xyxy", *sizes)
    np.testing.assert_allclose(found["boxes"], before / [[[60, 40, 60, 40]], [[30, 80, 30, 80]]], rtol=1e-6)
    assert given["boxes"] is not found["boxes"] and found["labels"] is given["labels"]
    np.testing.assert_array_equal(given["boxes"], before)
    assert OURS.convert_format(before, "xyxy", "xyxy", dtype="float16").dtype == "float16"


def test_convert_format_errors():
    for k in (OURS, THEIRS):
        with pytest.raises(ValueError, match=r"4"):
            k.convert_format(np.zeros((2, 3)), "xyxy", "yxyx")
        with pytest.raises(ValueError, match="source"):
            k.convert_format(np.zeros((2, 4)), "xxyy", "yxyx")
        with pytest.raises(ValueError, match="height"):
            k.convert_format(np.zeros((2, 4)), "xyxy", "rel_xyxy", width=3)


@pytest.mark.parametrize("form", ["xyxy", "rel_xyxy"])
def test_clip_to_image_size(form):
    boxes = _boxes(2, 6)
    boxes[0, 0], boxes[0, 1], boxes[1, 5] = [70, 50, 80, 60], [-5, 10, 20, 50], [30, 20, 40, 30]
    boxes = boxes if form == "xyxy" else (boxes / [60, 40, 60, 40]).astype("float32")
    given = {"boxes": boxes, "labels": np.arange(12).reshape(2, 6)}
    ours, theirs = (k.clip_to_image_size(dict(given), 40, 60, bounding_box_format=form) for k in (OURS, THEIRS))
    for key in ("boxes", "labels"):
        np.testing.assert_allclose(ours[key], theirs[key], rtol=1e-6)
    assert ours["labels"][0, 0] == -1 and ours["labels"][1, 5] == 11
    assert "labels" not in OURS.clip_to_image_size({"boxes": boxes}, 40, 60)
    one_hot = OURS.clip_to_image_size({"boxes": boxes, "labels": np.ones((2, 6, 3))}, 40, 60, form)["labels"]
    np.testing.assert_array_equal(one_hot[0, :2], [[-1] * 3, [1] * 3])


def test_clip_to_image_size_errors():
    for k in (OURS, THEIRS):
        with pytest.raises(ValueError, match="height"):
            k.clip_to_image_size({"boxes": _boxes(2)}, height=3)
        with pytest.raises(NotImplementedError):
            k.clip_to_image_size({"boxes": _boxes(2)}, 3, 3, "xywh")


def test_affine_transform():
    numbers = [f32(2, seed=s, low=-30, high=30) for s in range(3)]
    moves = [f32(2, seed=s, low=-0.3, high=0.3) for s in range(2)]
    scale = f32(2, low=0.5, high=2)
    args = (_boxes(2, 4), numbers[0], *moves, scale, numbers[1], numbers[2], 40, 60)
    _agree("affine_transform", *args, tolerance=2e-4)
    _agree("affine_transform", *args, center_x=0.2, center_y=0.7, tolerance=2e-4)


def test_crop_and_pad():
    _agree("crop", _boxes(2, 4), 5, 7, 20, 30)
    _agree("pad", _boxes(4), 5, 7)
    for name in ("crop", "pad"):
        for k in (OURS, THEIRS):
            with pytest.raises(NotImplementedError):
                getattr(k, name)(_boxes(2), 1, 1, 5, 5, bounding_box_format="xywh")


def test_compute_iou():
    for first in ((3,), (2, 3)):
        for second in ((4,), (2, 4)):
            found = _agree("compute_iou", _boxes(*first), _boxes(*second, seed=3), "xyxy")
            assert found.shape == ((2, 3, 4) if len(first + second) > 2 else (3, 4))
    one, other = np.abs(f32(2, 3, 4)), np.abs(f32(2, 4, 4, seed=1))
    _agree("compute_iou", one, other, "rel_xywh", image_shape=(40, 60, 3))
    one[0, 1] = -1
    masked = _agree("compute_iou", one, other, "xyxy", use_masking=True, mask_val=-5)
    assert (masked[0, 1] == -5).all() and (masked[1] > -5).all()
    for k in (OURS, THEIRS):
        with pytest.raises(ValueError, match="image_shape"):
            k.compute_iou(one, other, "rel_xyxy")
        with pytest.raises(ValueError, match="boxes2"):
            k.compute_iou(one, np.zeros((1, 2, 3, 4)), "xyxy")


def test_compute_ciou():
    one, other = _boxes(2, 3), _boxes(2, 3, seed=3)
    expected = _agree("compute_ciou", one, other, "xyxy")
    relative = [OURS.convert_format(boxes, "xyxy", "rel_xyxy", 40, 60) for boxes in (one, other)]
    found = OURS.compute_ciou(*relative, "rel_xyxy", image_shape=(40, 60, 3))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="image_shape"):
        OURS.compute_ciou(*relative, "rel_xyxy")


@pytest.mark.parametrize("coding", ["center_yxhw", "center_xywh"])
@pytest.mark.parametrize("variance", [None, [0.1, 0.1, 0.2, 0.2]])
def test_deltas(coding, variance):
    anchors, boxes = _boxes(5), np.asarray(OURS.convert_format(_boxes(5, seed=3), "xyxy", "rel_xywh", 40, 60))
    rest = {"variance": variance, "image_shape": (40, 60, 3)}
    deltas = _agree("encode_box_to_deltas", anchors, boxes, "xyxy", "rel_xywh", coding, **rest)
    again = _agree("decode_deltas_to_boxes", anchors, deltas, "xyxy", "rel_xywh", coding, **rest)
    np.testing.assert_allclose(again, boxes, rtol=1e-4, atol=1e-4)
    levels = OURS.decode_deltas_to_boxes({"a": anchors}, {"a": deltas}, "xyxy", "rel_xywh", coding, **rest)
    np.testing.assert_array_equal(levels["a"], again)


def test_deltas_errors():
    for k in (OURS, THEIRS):
        with pytest.raises(ValueError, match="variance"):
            k.encode_box_to_deltas(_boxes(2), _boxes(2), "xyxy", "xyxy", variance=[1.0])
        with pytest.raises(ValueError, match="encoding_format"):
            k.encode_box_to_deltas(_boxes(2), _boxes(2), "xyxy", "xyxy", "xyxy")
        with pytest.raises(ValueError, match="encoded_format"):
            k.decode_deltas_to_boxes(_boxes(2), _boxes(2), "xyxy", "xyxy", "xyxy")
