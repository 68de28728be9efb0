"""Images with boxes and masks: the pixels drawn, those of Keras where it draws them, galleries as figures and files."""

import builtins

import matplotlib
import numpy as np
import pytest
from PIL import Image

from lapis import visualization
from tests.oracle import keras

matplotlib.use("Agg")

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 30, 40, 3)).astype("uint8")
MASKS = np.random.default_rng(1).integers(-1, 4, (2, 30, 40, 1))
BOXES = {
    "boxes": np.array([[[5, 10, 20, 25], [22, 4, 30, 9]], [[1, 1, 9, 9], [0, 0, 0, 0]]], "float32"),
    "labels": np.array([[0, 1], [1, -1]]),
}
BLACK = np.zeros((2, 30, 40, 3), "uint8")


def test_boxes() -> None:
    drawn = visualization.draw_bounding_boxes(BLACK, BOXES, "xyxy", color=(1, 2, 3), line_thickness=1)
    expected = BLACK.copy()
    for i, left, top, right, bottom in ((0, 5, 10, 20, 25), (0, 22, 4, 30, 9), (1, 1, 1, 9, 9)):
        inside = expected[i, top + 1 : bottom, left + 1 : right].copy()
        expected[i, top : bottom + 1, left : right + 1] = (1, 2, 3)
        expected[i, top + 1 : bottom, left + 1 : right] = inside
    np.testing.assert_array_equal(drawn, expected)
    turned = visualization.draw_bounding_boxes(
        BLACK.transpose(0, 3, 1, 2), BOXES, "xyxy", color=(1, 2, 3), line_thickness=1, data_format="channels_first"
    )
    np.testing.assert_array_equal(turned.transpose(0, 2, 3, 1), expected)
    relative = {**BOXES, "boxes": BOXES["boxes"] / [40, 30, 40, 30]}
    thick = visualization.draw_bounding_boxes(BLACK, relative, "rel_xyxy", color=(9, 9, 9), line_thickness=2)
    assert thick[0, 9, 4].tolist() == [9] * 3 and thick[0, 26, 21].tolist() == [9] * 3
    assert not thick[0, 12, 7].any() and not thick[0, 8, 3].any()
    full = visualization.draw_bounding_boxes(BLACK, BOXES, "xyxy", line_thickness=-1)
    assert (full[0, 10:26, 5:21] == 128).all()


def test_values_and_channels() -> None:
    nothing = {"boxes": np.zeros((2, 1, 4)), "labels": np.full((2, 1), -1)}
    np.testing.assert_array_equal(visualization.draw_bounding_boxes(IMAGES, nothing, "xyxy"), IMAGES)
    np.testing.assert_array_equal(visualization.draw_bounding_boxes(IMAGES * 1.0, nothing, "xyxy"), IMAGES)
    ones = visualization.draw_bounding_boxes(np.ones((1, 3, 3, 3)), {k: v[:1] for k, v in nothing.items()}, "xyxy")
    assert (ones == 255).all() and ones.dtype == np.uint8
    for channels in (1, 4):
        drawn = visualization.draw_bounding_boxes(np.zeros((2, 30, 40, channels)), BOXES, "xyxy", color=(7, 8, 9))
        assert drawn[0, 10, 5].tolist() == [7, 8, 9, 255][:channels]


def test_names_of_classes() -> None:
    big = np.zeros((2, 90, 160, 3), "uint8")
    boxes = {"boxes": np.array([[[10, 60, 80, 80]], [[10, 5, 80, 80]]]), "labels": np.array([[0], [1]])}
    plain, named = (
        visualization.draw_bounding_boxes(big, boxes, "xyxy", names) for names in (None, {0: "dog", 1: "cat"})
    )
    places = np.argwhere((plain != named).any(-1))
    above, within = places[places[:, 0] == 0], places[places[:, 0] == 1]
    assert above[:, 1].max() < 60 and above[:, 1].min() >= 20 and above[:, 2].min() >= 10
    assert within[:, 1].min() > 5 and within[:, 1].max() < 60
    boxes["confidences"] = np.array([[0.5], [0.25]])
    sure = visualization.draw_bounding_boxes(big, boxes, "xyxy", {0: "dog"})
    assert np.argwhere((sure != plain).any(-1))[:, 2].max() > above[:, 2].max()


@pytest.mark.parametrize(
    "options",
    [
        {"num_classes": 4},
        {"num_classes": 3, "blend": False},
        {"num_classes": 4, "alpha": 0.3, "ignore_index": 1},
        {"num_classes": 2, "color_mapping": {0: (1, 2, 3), 1: (200, 0, 9)}},
    ],
    ids=lambda options: "-".join(options),
)
def test_masks_are_those_of_keras(options) -> None:
    ours = visualization.draw_segmentation_masks(IMAGES, MASKS, **options)
    theirs = np.asarray(keras.visualization.draw_segmentation_masks(IMAGES, MASKS, **options))
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == theirs.dtype


def test_masks() -> None:
    every = visualization.draw_segmentation_masks(IMAGES, MASKS, num_classes=4)
    np.testing.assert_array_equal(visualization.draw_segmentation_masks(IMAGES, MASKS), every)
    turned = (x.transpose(0, 3, 1, 2) for x in (IMAGES, MASKS))
    np.testing.assert_array_equal(
        visualization.draw_segmentation_masks(*turned, num_classes=4, data_format="channels_first"), every
    )


def test_gallery() -> None:
    labels = {0: "cat", 1: "dog"}
    five = np.concatenate([IMAGES, IMAGES, IMAGES])[:5]
    figure = visualization.plot_image_gallery(five, [0, 1, 0, 1, 2], [1] * 5, labels, show=False)
    shown = [axis for axis in figure.axes if axis.images]
    assert len(figure.axes) == 6 and len(shown) == 5
    np.testing.assert_array_equal(shown[3].images[0].get_array(), five[3])
    assert shown[4].get_title() == "Label: Unknown  Pred: dog"
    matplotlib.pyplot.close(figure)
    turned = (five / 255).transpose(0, 3, 1, 2)
    figure = visualization.plot_image_gallery(
        turned, rows=1, cols=2, value_range=(0, 1), show=False, data_format="channels_first"
    )
    for axis, image in zip(figure.axes, five):
        np.testing.assert_allclose(axis.images[0].get_array(), image, atol=1)
    assert len(figure.axes) == 2
    matplotlib.pyplot.close(figure)


def test_galleries_of_boxes_and_masks(tmp_path) -> None:
    figure = visualization.plot_bounding_box_gallery(
        BLACK, "xyxy", BOXES, BOXES, pred_color=(1, 2, 3), legend=True, show=False
    )
    assert figure.axes[0].images[0].get_array()[10, 5].tolist() == [1, 2, 3]
    assert [text.get_text() for text in figure.legends[0].texts] == ["Ground Truth", "Prediction"]
    matplotlib.pyplot.close(figure)
    figure = visualization.plot_segmentation_mask_gallery(IMAGES, 4, y_true=MASKS, y_pred=MASKS, show=False)
    drawn = visualization.draw_segmentation_masks(IMAGES, MASKS, 4)
    assert len(figure.axes) == 6
    np.testing.assert_array_equal(figure.axes[3].images[0].get_array(), IMAGES[1])
    np.testing.assert_array_equal(figure.axes[5].images[0].get_array(), drawn[1])
    matplotlib.pyplot.close(figure)
    path = tmp_path / "gallery.png"
    assert visualization.plot_image_gallery(IMAGES, path=path) is None
    with Image.open(path) as image:
        assert image.size[0] > 100
    assert not matplotlib.pyplot.get_fignums()


def test_errors(monkeypatch) -> None:
    with pytest.raises(ValueError, match="rank 4"):
        visualization.draw_bounding_boxes(IMAGES[0], BOXES, "xyxy")
    with pytest.raises(TypeError, match="dict"):
        visualization.draw_bounding_boxes(IMAGES, BOXES["boxes"], "xyxy")
    with pytest.raises(ValueError, match="labels"):
        visualization.draw_bounding_boxes(IMAGES, {"boxes": BOXES["boxes"]}, "xyxy")
    with pytest.raises(TypeError, match="whole numbers"):
        visualization.draw_segmentation_masks(IMAGES, MASKS * 1.0)
    with pytest.raises(ValueError, match="label_map"):
        visualization.plot_image_gallery(IMAGES, y_true=[0, 1])
    with pytest.raises(ValueError, match="not both"):
        visualization.plot_image_gallery(IMAGES, path="x.png", show=True)
    with pytest.raises(ValueError, match="not both"):
        visualization.plot_bounding_box_gallery(IMAGES, "xyxy", legend=True, legend_handles=[1])
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"lapis\[plot\]"):
        visualization.plot_image_gallery(IMAGES)
