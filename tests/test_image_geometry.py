"""Layers that move pixels: against Keras draw by draw, and boxes and masks against the images they belong to."""

import numpy as np
import pytest

import lapis
from lapis import layers, ops
from tests.descriptors import f32, i32
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")
BOXES = np.array([[[1, 2, 5, 6], [3, 0, 7, 4]], [[2, 2, 4, 7], [0, 5, 3, 8]]], "float32")
RANDOM = {
    "RandomFlip": lambda k, **kw: k.layers.RandomFlip(**kw),
    "RandomFlip-horizontal": lambda k, **kw: k.layers.RandomFlip("horizontal", **kw),
    "RandomRotation": lambda k, **kw: k.layers.RandomRotation(0.2, **kw),
    "RandomTranslation": lambda k, **kw: k.layers.RandomTranslation(0.2, (-0.3, 0.1), **kw),
    "RandomZoom": lambda k, **kw: k.layers.RandomZoom(0.3, (-0.3, 0.1), **kw),
    "RandomShear-x": lambda k, **kw: k.layers.RandomShear((0.1, 0.4), **kw),
    "RandomShear-y": lambda k, **kw: k.layers.RandomShear(y_factor=(0.1, 0.4), **kw),
    "RandomPerspective": lambda k, **kw: k.layers.RandomPerspective((0.5, 1.0), 0.8, **kw),
}
every_random = pytest.mark.parametrize("make", RANDOM.values(), ids=RANDOM)


def _data():
    boxes = {"boxes": BOXES.copy(), "labels": np.array([[1, 2], [3, 4]], "int32")}
    return {
        "images": f32(2, 8, 8, 1, low=0, high=1),
        "segmentation_masks": f32(2, 8, 8, 1, seed=1).round(),
        "labels": np.array([5, 6], "int32"),
        "bounding_boxes": boxes,
    }


def _flat(data):
    boxes = {f"boxes/{key}": value for key, value in data.get("bounding_boxes", {}).items()}
    return {**{key: value for key, value in data.items() if key != "bounding_boxes"}, **boxes}


def _compare(ours, theirs, tolerance=2e-5):
    ours, theirs = _flat(ours), _flat(theirs)
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        np.testing.assert_allclose(ours[key], value, rtol=tolerance, atol=tolerance, err_msg=key)
        assert ours[key].dtype == value.dtype, key


@every_random
def test_the_draws_and_what_they_do_are_those_of_keras(make):
    ours, theirs = (make(k, seed=3, bounding_box_format="xyxy") for k in (lapis, keras))
    data = _data()
    drawn = theirs.get_random_transformation(data)
    mine = ours.get_random_transformation(data)
    assert mine.keys() == drawn.keys()
    for key, value in drawn.items():
        np.testing.assert_allclose(mine[key], value, rtol=1e-5, atol=1e-5, err_msg=key)
    moved = {
        "images": ours.transform_images(data["images"], drawn),
        "segmentation_masks": ours.transform_segmentation_masks(data["segmentation_masks"], drawn),
        "bounding_boxes": ours.transform_bounding_boxes(data["bounding_boxes"], drawn),
    }
    expected = {
        "images": theirs.transform_images(data["images"], drawn),
        "segmentation_masks": theirs.transform_segmentation_masks(data["segmentation_masks"], drawn),
    }
    boxes = {key: ops.convert_to_tensor(value) for key, value in data["bounding_boxes"].items()}
    _compare(moved, {**expected, "bounding_boxes": theirs.transform_bounding_boxes(boxes, drawn)})


@pytest.mark.parametrize("make", list(RANDOM.values())[1:4], ids=list(RANDOM)[1:4])
def test_calls_leave_their_input_alone_repeat_with_the_seed_and_stop_outside_training(make):
    data, one, other = _data(), *(make(lapis, seed=3, bounding_box_format="xyxy") for _ in range(2))
    found = one(data)
    _compare(_data(), data, 0)
    _compare(found, other(data), 0)
    assert any(not np.array_equal(found["images"], one(data)["images"]) for _ in range(4))
    _compare(one(data, training=False), _data(), 0)
    single = {key: value[0] for key, value in data.items() if key != "bounding_boxes"}
    single["bounding_boxes"] = {key: value[0] for key, value in data["bounding_boxes"].items()}
    alone, first = (make(lapis, seed=5, bounding_box_format="xyxy") for _ in range(2))
    for key, value in (got := alone(single)).items():
        if key != "bounding_boxes":
            assert value.shape == single[key].shape
    batch = {key: value[:1] for key, value in data.items() if key != "bounding_boxes"}
    np.testing.assert_array_equal(got["images"], first(batch)["images"][0])
    assert got["bounding_boxes"]["boxes"].shape == (2, 4)


def _framed(mask):
    """The box around the pixels of a mask `(height, width)`."""
    rows, columns = np.nonzero(np.asarray(mask) > 0.5)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(
    ("make", "slack"),
    [
        (lambda **kw: layers.RandomFlip(seed=2, **kw), 0.01),
        (lambda **kw: layers.RandomRotation(0.1, "constant", "nearest", seed=2, **kw), 1.6),
        (lambda **kw: layers.RandomTranslation(0.2, 0.2, "constant", "nearest", seed=2, **kw), 1.0),
        (lambda **kw: layers.RandomZoom(0.2, 0.2, "constant", "nearest", seed=2, **kw), 1.6),
        (lambda **kw: layers.RandomShear(0.3, 0.2, "nearest", "constant", seed=2, **kw), 1.6),
        (lambda **kw: layers.RandomPerspective(1.0, 0.5, "nearest", seed=5, **kw), 1.6),
        (lambda **kw: layers.RandomCrop(24, 30, seed=2, **kw), 0.01),
        (lambda **kw: layers.CenterCrop(20, 30, **kw), 0.01),
        (lambda **kw: layers.CenterCrop(60, 30, **kw), 1.6),
        (lambda **kw: layers.Resizing(20, 60, **kw), 1.0),
        (lambda **kw: layers.Resizing(40, 40, pad_to_aspect_ratio=True, **kw), 1.6),
        (lambda **kw: layers.Resizing(40, 40, crop_to_aspect_ratio=True, **kw), 1.6),
    ],
)
def test_boxes_and_masks_follow_the_images(make, slack, data_format):
    """Of a bright rectangle, the box goes where its pixels go, in an image that is no square."""
    image = np.zeros((3, 32, 48), "float32")
    image[:, 12:20, 16:30] = 1
    box = np.broadcast_to(np.float32([12 / 32, 16 / 48, 20 / 32, 30 / 48]), (3, 1, 4))
    images = image[..., None] if data_format == "channels_last" else image[:, None]
    boxes = {"boxes": box, "labels": np.ones((3, 1), "int32")}
    data = {"images": images, "segmentation_masks": images, "bounding_boxes": boxes}
    found = make(bounding_box_format="rel_yxyx", data_format=data_format)(data)
    image, mask = (np.squeeze(found[key], -1 if data_format == "channels_last" else 1) for key in list(data)[:2])
    assert ((mask == 0) | (mask == 1)).all()
    size = mask.shape[1:]
    moved = lapis.utils.bounding_boxes.convert_format(found["bounding_boxes"]["boxes"], "rel_yxyx", "xyxy", *size)
    for i in range(3):
        np.testing.assert_allclose(moved[i, 0], _framed(mask[i]), atol=slack)
        np.testing.assert_allclose(_framed(image[i]), _framed(mask[i]), atol=1)


@pytest.mark.parametrize(
    "make",
    [
        lambda k, **kw: k.layers.Resizing(5, 11, **kw),
        lambda k, **kw: k.layers.Resizing(6, 11, "bicubic", pad_to_aspect_ratio=True, **kw),
        lambda k, **kw: k.layers.Resizing(6, 3, crop_to_aspect_ratio=True, **kw),
        lambda k, **kw: k.layers.CenterCrop(5, 6, **kw),
        lambda k, **kw: k.layers.CenterCrop(5, 12, **kw),
    ],
)
def test_boxes_of_layers_without_chance_are_those_of_keras(make):
    found = []
    for k in (lapis, keras):
        data = _data()
        del data["segmentation_masks"]
        found.append(make(k, bounding_box_format="xywh")(data))
    _compare(*found)
    whole = [make(k)(i32(2, 9, 8, 1, high=255).astype("uint8")) for k in (lapis, keras)]
    np.testing.assert_allclose(*whole, atol=1e-4)
    assert whole[0].dtype == whole[1].dtype


def test_random_crop():
    images = np.arange(6 * 7, dtype="float32").reshape(1, 6, 7, 1).repeat(2, 0)
    ours, theirs = (k.layers.RandomCrop(3, 4, seed=1) for k in (lapis, keras))
    starts = set()
    for _ in range(8):
        cut = np.asarray(ours(images))
        np.testing.assert_array_equal(cut, theirs(images))
        np.testing.assert_array_equal(cut[0], cut[1])
        starts.add(divmod(int(cut[0, 0, 0, 0]), 7))
        np.testing.assert_array_equal(cut[0, :, :, 0] - cut[0, 0, 0, 0], images[0, :3, :4, 0])
    assert len(starts) > 4
    outside = ours(images, training=False)  # 5 rows of 6 have the proportions of the result
    np.testing.assert_array_equal(outside, ops.image.resize(images[:, :5], (3, 4)))
    np.testing.assert_allclose(lapis.layers.RandomCrop(6, 7)(images, training=False), images)
    model = lapis.Sequential([lapis.Input((6, 7, 1)), ours, layers.Flatten(), layers.Dense(1)])
    assert model.predict(images, verbose=0).shape == (2, 1)


def test_random_elastic_transform():
    images = f32(2, 12, 16, 3, low=0, high=300)
    ours = layers.RandomElasticTransform((1.0, 1.0), (0.8, 1.0), "nearest", seed=1)
    whole = np.round(images).astype("int32")
    found = ours({"images": np.float32(whole), "segmentation_masks": whole})
    assert found["segmentation_masks"].dtype == "int32" and found["images"].max() == 255
    np.testing.assert_array_equal(np.minimum(found["segmentation_masks"], 255), found["images"])
    assert np.mean(found["images"] != np.minimum(whole, 255)) > 0.1
    with pytest.raises(NotImplementedError, match="bounding boxes"):
        boxes = {"boxes": np.ones((2, 1, 4)), "labels": np.ones((2, 1))}
        layers.RandomElasticTransform(bounding_box_format="xyxy")({"images": images, "bounding_boxes": boxes})
    assert ours.get_elastic_transform_params(100, 200, 0.5) == pytest.approx((10, 2.5))


def test_what_is_drawn_is_spread_as_it_should_be():
    images = np.zeros((2000, 4, 4, 1), "float32")
    draw = lambda layer: layer.get_random_transformation(images)  # noqa: E731
    assert abs(np.mean(draw(layers.RandomFlip(seed=1))["flips"]) - 0.5) < 0.05
    angles = np.asarray(draw(layers.RandomRotation((-0.1, 0.3), seed=1))["angle"])
    assert -36 <= angles.min() < -34 and 106 < angles.max() <= 108 and abs(angles.mean() - 36) < 3
    moves = np.asarray(draw(layers.RandomTranslation(0.5, (0.25, 0.5), seed=1))["translations"])
    assert moves[:, 0].min() >= 1 and moves[:, 0].max() <= 2 and abs(moves[:, 1].mean()) < 0.1
    zoom = draw(layers.RandomZoom(0.5, seed=1))
    assert zoom["width_zoom"] is zoom["height_zoom"] and abs(np.mean(zoom["height_zoom"]) - 1) < 0.03
    shear = np.asarray(draw(layers.RandomShear((0.2, 0.4), seed=1))["shear_factor"])
    assert abs(np.mean(shear[:, 0] > 0) - 0.5) < 0.05 and np.abs(shear[:, 0]).min() >= 0.2
    chosen = draw(layers.RandomPerspective((0.25, 0.25), seed=1))["apply_perspective"]
    assert abs(np.mean(chosen) - 0.25) < 0.05


def test_max_num_bounding_boxes():
    for count in (1, 2, 3):
        ours, theirs = (
            k.layers.MaxNumBoundingBoxes(count, bounding_box_format="xyxy")(_data()) for k in (lapis, keras)
        )
        _compare(ours, theirs)
    symbolic = {"boxes": lapis.Input((None, 4)), "labels": lapis.Input((None,), dtype="int32")}
    layer = layers.MaxNumBoundingBoxes(3, -2, bounding_box_format="xyxy")
    found = layer({"images": lapis.Input((4, 4, 3)), "bounding_boxes": symbolic})["bounding_boxes"]
    assert found["boxes"].shape == (None, 3, 4) and found["labels"].shape == (None, 3)
    assert type(layer).from_config(layer.get_config()).fill_value == -2


def test_a_config_holds_what_was_given():
    for layer in (layers.RandomShear(0.2, (0.1, 0.3)), layers.RandomRotation(0.2), layers.RandomZoom(0.2, (0.1, 0.3))):
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
    assert layers.RandomShear(0.2).get_config()["x_factor"] == keras.layers.RandomShear(0.2).get_config()["x_factor"]
    assert layers.RandomFlip(bounding_box_format="xywh").get_config()["bounding_box_format"] == "xywh"


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda k: k.layers.RandomRotation(1.5), ValueError, "factor"),
        (lambda k: k.layers.RandomRotation((2.0, 3.0)), ValueError, "factor"),
        (lambda k: k.layers.RandomRotation("much"), ValueError, "factor"),
        (lambda k: k.layers.RandomRotation(0.1, fill_mode="red"), NotImplementedError, "fill_mode"),
        (lambda k: k.layers.RandomRotation(0.1, interpolation="red"), NotImplementedError, "interpolation"),
        (lambda k: k.layers.RandomTranslation(1.5, 0.1), ValueError, "number"),
        (lambda k: k.layers.RandomTranslation(0.1, (0.1, 1.1)), ValueError, "number"),
        (lambda k: k.layers.RandomTranslation(0.1, (0.1, 0.2, 0.3)), ValueError, "width_factor"),
        (lambda k: k.layers.RandomZoom(-1.0), ValueError, "height_factor"),
        (lambda k: k.layers.RandomShear(-0.1), ValueError, "number"),
        (lambda k: k.layers.RandomPerspective(2.0), ValueError, "factor"),
        (lambda k: k.layers.RandomPerspective(scale=2.0), ValueError, "scale"),
        (lambda k: k.layers.RandomElasticTransform(scale=2.0), ValueError, "scale"),
        (lambda k: k.layers.RandomElasticTransform(fill_mode="red"), NotImplementedError, "fill_mode"),
        (lambda k: k.layers.RandomFlip(factor=0.5), ValueError, "factor"),
        (lambda k: k.layers.RandomFlip(seed=1)(np.ones((2, 2))), ValueError, "image"),
        (lambda k: k.layers.RandomFlip(seed=1)(_data()), ValueError, "bounding_box_format"),
        (
            lambda k: k.layers.RandomFlip(bounding_box_format="xyxy")(
                {"images": np.ones((2, 2, 1)), "bounding_boxes": {}}
            ),
            ValueError,
            "'boxes' and 'labels'",
        ),
    ],
)
def test_errors(make, error, match):
    with pytest.raises(error, match=match):
        make(lapis)
    with pytest.raises(error):
        make(keras)


def _augmented(seed):
    lapis.utils.set_random_seed(1)
    return lapis.Sequential(
        [
            lapis.Input((10, 10, 1), dtype="uint8"),
            layers.Resizing(8, 8),
            layers.RandomFlip("horizontal", seed=seed),
            layers.RandomRotation(0.1, seed=seed),
            layers.RandomElasticTransform(seed=seed),
            layers.RandomCrop(6, 6, seed=seed),
            layers.Conv2D(2, 3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1),
        ]
    )


def test_a_model_with_augmentation_trains_and_comes_back_from_its_file(tmp_path):
    x = np.repeat(np.arange(16) % 2, 100).reshape(16, 10, 10, 1).astype("uint8") * 200
    y = x[:, 0, 0, 0] / 200.0
    losses = []
    for seed in (1, 1, 2):
        model = _augmented(seed)
        model.compile(lapis.optimizers.Adam(0.001), "mse")
        losses.append(model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0).history["loss"])
    assert losses[0] == losses[1] != losses[2]
    assert losses[0][-1] < losses[0][0]
    assert int(model.layers[1].generator.state.value[1]) > 0
    model.save(tmp_path / "model.keras")
    again = lapis.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(x, verbose=0))
    for one, other in zip(again.layers, model.layers, strict=True):
        if hasattr(one, "generator"):
            np.testing.assert_array_equal(one.generator.state.numpy(), other.generator.state.numpy())
