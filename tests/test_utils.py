"""The small helpers, beside those of Keras."""

import io
import pickle
import random

import numpy as np
import pytest
from PIL import Image

import lapis
from lapis import utils
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")


def same(name, *args, **kwargs):
    ours, theirs = (getattr(k.utils, name)(*args, **kwargs) for k in (lapis, keras))
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    return ours


def test_to_categorical():
    same("to_categorical", [0, 2, 1])
    same("to_categorical", np.array([[0], [3]]), num_classes=5)
    same("to_categorical", np.array([[0, 1], [2, 0]], "uint8"))
    rows = utils.to_categorical(lapis.ops.convert_to_tensor([0, 2]), 3)
    assert lapis.ops.is_tensor(rows) and np.asarray(rows).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert utils.to_categorical(lapis.Input((1,), dtype="int32"), 4).shape == (None, 4)
    for wrong in ([-1, 0], [0, 3]):
        with pytest.raises(ValueError, match="between 0 and num_classes - 1 = 2"):
            utils.to_categorical(wrong, 3)
    with pytest.raises(ValueError, match="num_classes"):
        utils.to_categorical(lapis.Input((1,), dtype="int32"))


def test_normalize():
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    same("normalize", x)
    same("normalize", x, axis=1, order=1)
    assert utils.normalize(x, axis=0).tolist() == [[1, 1], [0, 0]]
    tensor = utils.normalize(lapis.ops.convert_to_tensor(x.astype("float32")))
    np.testing.assert_allclose(tensor, [[0.6, 0.8], [0, 0]], atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"maxlen": 2},
        {"maxlen": 5, "padding": "post", "value": 9},
        {"maxlen": 2, "truncating": "post"},
        {"dtype": "float32", "value": 0.5},
    ],
    ids=str,
)
def test_pad_sequences(options):
    same("pad_sequences", [[1, 2, 3], [], [4], [5, 6]], **options)
    same("pad_sequences", [[[1, 2], [3, 4]], [[5, 6]]], **options)


def test_pad_sequences_more():
    words = utils.pad_sequences([["a"], ["bc", "d"]], dtype=object, value="-")
    assert words.tolist() == [["-", "a"], ["bc", "d"]]
    assert utils.pad_sequences([]).shape == (0, 0)
    assert utils.pad_sequences([[1, 2]], maxlen=0).shape == (1, 0)
    for arguments, message in (
        ({"sequences": 3}, "sequence of sequences"),
        ({"sequences": [1, 2]}, "must hold sequences"),
        ({"sequences": [[1]], "padding": "mid"}, "`padding` must be"),
        ({"sequences": [[1]], "value": "x"}, "use dtype=object"),
        ({"sequences": [[[1, 2]], [[1]]]}, "elements of shape"),
    ):
        with pytest.raises(ValueError, match=message):
            utils.pad_sequences(**arguments)


def test_set_random_seed():
    def draw():
        utils.set_random_seed(11)
        layer = lapis.layers.Dense(3)
        layer.build((None, 2))
        kernel = np.asarray(layer.kernel)
        return random.random(), np.random.rand(), np.asarray(lapis.random.normal((2,))).tolist(), kernel.tolist()

    assert draw() == draw()
    for wrong in ("1", 1.5, True):
        with pytest.raises(ValueError, match="must be an integer"):
            utils.set_random_seed(wrong)


def test_clear_session():
    lapis.config.set_dtype_policy("mixed_float16")
    lapis.layers.Dropout(0.5)
    utils.clear_session()
    assert lapis.config.dtype_policy().name == "float32"
    assert lapis.layers.Dropout(0.5).name == "dropout"


def test_source_inputs():
    a, b, c = (lapis.Input((2,), name=name) for name in "abc")
    x = lapis.layers.add([lapis.layers.Dense(2)(a), b])
    found = utils.get_source_inputs(lapis.ops.multiply(x, a))
    assert [t.name for t in found] == ["a", "b"]
    assert utils.get_source_inputs(c)[0] is c
    assert utils.is_keras_tensor(x) and not utils.is_keras_tensor(np.zeros(2))


def test_split_dataset():
    x, y = np.arange(10), np.arange(10) * 2
    (x1, y1), (x2, y2) = utils.split_dataset((x, y), left_size=0.7)
    assert (x1.tolist(), x2.tolist()) == (list(range(7)), [7, 8, 9]) and (y2 == 2 * x2).all() and len(y1) == 7
    left, right = utils.split_dataset({"x": x}, right_size=3, shuffle=True, seed=1)
    assert sorted([*left["x"], *right["x"]]) == x.tolist() and left["x"].tolist() != list(range(7))
    again, _ = utils.split_dataset({"x": x}, right_size=3, shuffle=True, seed=1)
    assert (again["x"] == left["x"]).all()
    left, right = utils.split_dataset(((i, -i) for i in range(5)), left_size=2, right_size=2)
    assert left == [(0, 0), (1, -1)] and right == [(3, -3), (4, -4)]
    for arguments, kind in (
        ({}, ValueError),
        ({"left_size": 0.0}, ValueError),
        ({"left_size": 10}, ValueError),
        ({"left_size": 8, "right_size": 8}, ValueError),
        ({"left_size": "a"}, TypeError),
    ):
        with pytest.raises(kind):
            utils.split_dataset(x, **arguments)
    with pytest.raises(ValueError, match="equally many"):
        utils.split_dataset((x, y[:3]), left_size=2)
    with pytest.raises(TypeError, match="iterate"):
        utils.split_dataset(3, left_size=2)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_and_arrays(channels, data_format):
    x = np.random.RandomState(0).uniform(0, 400, (4, 5, channels))
    x = x.transpose(2, 0, 1) if data_format == "channels_first" else x
    ours = utils.array_to_img(x, data_format=data_format)
    scaled = np.asarray(x, "float32") - np.float32(x.min())
    scaled = scaled / scaled.max() * 255
    back = utils.img_to_array(ours, data_format=data_format)
    assert back.dtype == np.float32 and back.shape == x.shape and np.abs(back - np.floor(scaled)).max() <= 1
    theirs = keras.utils.img_to_array(ours, data_format=data_format)
    assert (back == theirs).all()


def test_image_files(tmp_path):
    x = np.random.RandomState(0).randint(0, 255, (6, 8, 3))
    utils.save_img(tmp_path / "a.png", x, scale=False)
    for options in (
        {},
        {"color_mode": "grayscale"},
        {"color_mode": "rgba"},
        {"target_size": (3, 5)},
        {"target_size": (3, 3), "interpolation": "bilinear", "keep_aspect_ratio": True},
    ):
        images = [k.utils.load_img(tmp_path / "a.png", **options) for k in (lapis, keras)]
        assert images[0].mode == images[1].mode
        assert (np.asarray(images[0]) == np.asarray(images[1])).all()
    assert utils.load_img(io.BytesIO((tmp_path / "a.png").read_bytes())).size == (8, 6)
    assert utils.load_img(str(tmp_path / "a.png")).size == (8, 6)
    with pytest.warns(UserWarning, match="without it"):
        utils.save_img(tmp_path / "a.jpg", np.zeros((2, 2, 4)))
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.mode == "RGB"
    assert utils.array_to_img(np.full((2, 2, 1), 300), scale=False).mode == "I"
    for call, kind in (
        (lambda: utils.array_to_img(np.zeros((2, 2))), ValueError),
        (lambda: utils.array_to_img(np.zeros((2, 2, 2))), ValueError),
        (lambda: utils.load_img(tmp_path / "a.png", color_mode="cmyk"), ValueError),
        (lambda: utils.load_img(tmp_path / "a.png", interpolation="best"), ValueError),
        (lambda: utils.load_img(3), TypeError),
    ):
        with pytest.raises(kind):
            call()


def test_config():
    ours, theirs = (k.utils.Config(a=1, b={"c": 2}) for k in (lapis, keras))
    for config in (ours, theirs):
        config.d = 3
        config["e"] = 4
        config.update(f=5)
        assert config.pop("f") == 5
        del config["e"]
        config.freeze()
        with pytest.raises(ValueError, match="frozen"):
            config.a = 2
        config.unfreeze()
    assert ours.as_dict() == theirs.as_dict() and ours.to_json() == theirs.to_json() and repr(ours) == repr(theirs)
    assert list(ours) == list(theirs) and len(ours) == 3 and "a" in ours and ours.get("z", 7) == 7 and not ours.frozen
    assert pickle.loads(pickle.dumps(ours)).as_dict() == ours.as_dict()
    with pytest.raises(AttributeError, match="no setting 'alpha'"):
        _ = ours.alpha


def test_names():
    assert utils.Sequence is utils.PyDataset
    assert utils.custom_object_scope is utils.CustomObjectScope
    assert utils.standardize_dtype("float32") == "float32"
    assert utils.unpack_x_y_sample_weight(utils.pack_x_y_sample_weight(1, 2)) == (1, 2, None)
    assert utils.is_interactive_logging_enabled()
