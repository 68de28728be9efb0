"""VGG16 and VGG19 beside real Keras, with the weights in the layout of the published files."""

import json

import h5py
import numpy as np
import pytest

import lapis
import lapis.applications
from lapis.applications import imagenet_utils, published
from tests.descriptors import f32
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")

MODES = ["caffe", "tf", "torch"]


def _write_published_layout(path, model) -> None:
    """Random weights the way the published `.h5` files hold them: by layer, named as the first Keras versions did."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}_{kind}_1:0" for kind in "Wb"[: len(layer.weights)]]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights, strict=True):
                fan_in = int(np.prod(weight.shape[:-1])) or 1
                group[name] = rng.normal(0, fan_in**-0.5, weight.shape).astype("float32")


@pytest.mark.parametrize("name", ["VGG16", "VGG19"])
def test_vgg_equals_keras_with_weights_in_the_published_layout(name: str, tmp_path) -> None:
    path = tmp_path / "weights.h5"
    arguments = {"include_top": False, "pooling": "avg", "input_shape": (32, 40, 3)}
    _write_published_layout(path, getattr(lapis.applications, name)(weights=None, **arguments))
    ours, theirs = (getattr(k.applications, name)(weights=str(path), **arguments) for k in (lapis, keras))
    assert [layer.name for layer in ours.layers][1:-1] == [layer.name for layer in theirs.layers][1:-1]
    assert [w.path for w in ours.weights] == [w.path for w in theirs.weights]
    x = f32(1, 32, 40, 3, high=255.0, low=0.0)
    images = [getattr(k.applications, name.lower()).preprocess_input(x.copy()) for k in (lapis, keras)]
    np.testing.assert_allclose(images[0], images[1], rtol=1e-6)
    np.testing.assert_allclose(ours(images[0]), theirs(images[1]), rtol=1e-4, atol=1e-4)


def test_vgg19_with_top_has_the_published_shapes() -> None:
    model = lapis.applications.VGG19(weights=None)
    assert model.count_params() == 143_667_240
    assert (model.name, model.input_shape, model.output_shape) == ("vgg19", (None, 224, 224, 3), (None, 1000))
    assert [layer.name for layer in model.layers[-5:]] == ["block5_pool", "flatten", "fc1", "fc2", "predictions"]


def test_vgg_on_a_given_tensor() -> None:
    start = lapis.Input((None, None, 1))
    x = lapis.layers.Concatenate()([start, start, start])
    model = lapis.applications.VGG16(weights=None, include_top=False, input_tensor=x, pooling="max", name="seen")
    assert model.inputs[0] is start and model.output_shape == (None, 512) and model.name == "seen"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_preprocess_input(mode: str, data_format: str, batched: bool, dtype: str) -> None:
    shape = (4, 5, 3) if data_format == "channels_last" else (3, 4, 5)
    x = f32(*(2, *shape) if batched else shape, low=0, high=255).astype(dtype)
    expected = keras.applications.imagenet_utils.preprocess_input(x.copy(), data_format, mode)
    before = x.copy()
    got = imagenet_utils.preprocess_input(x, data_format, mode)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(x, before)
    tensor = imagenet_utils.preprocess_input(lapis.ops.convert_to_tensor(x), data_format, mode)
    np.testing.assert_allclose(tensor, expected, rtol=1e-5, atol=1e-4)
    symbolic = imagenet_utils.preprocess_input(lapis.Input(batch_shape=x.shape, dtype=dtype), data_format, mode)
    assert symbolic.shape == x.shape and symbolic.dtype == "float32"


def test_decode_predictions(tmp_path, monkeypatch) -> None:
    path = tmp_path / "index.json"
    path.write_text(json.dumps({str(i): [f"n{i:08d}", f"thing{i}"] for i in range(1000)}))
    monkeypatch.setattr(imagenet_utils, "published_file", lambda *_: str(path))
    imagenet_utils._class_names.cache_clear()
    scores = np.zeros((2, 1000), "float32")
    scores[0, [3, 7]] = 0.2, 0.8
    scores[1, 999] = 1.0
    best = lapis.applications.vgg19.decode_predictions(scores, top=2)
    imagenet_utils._class_names.cache_clear()
    assert [entry[:2] for entry in best[0]] == [("n00000007", "thing7"), ("n00000003", "thing3")]
    assert best[1][0] == ("n00000999", "thing999", 1.0)
    with pytest.raises(ValueError, match=r"\(images, 1000\)"):
        imagenet_utils.decode_predictions(scores[:, :10])


def test_without_a_network_another_file_of_the_name_is_used_with_a_warning(tmp_path, monkeypatch) -> None:
    def unreachable(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setenv("LAPIS_HOME", str(tmp_path))
    monkeypatch.setattr(published, "get_file", unreachable)
    with pytest.raises(ConnectionError):
        published.published_file("weights.h5", "https://example.com/weights.h5", "0" * 32)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "weights.h5").write_bytes(b"")
    with pytest.warns(UserWarning, match="cannot be downloaded now"):
        path = published.published_file("weights.h5", "https://example.com/weights.h5", "0" * 32)
    assert path == str(tmp_path / "models" / "weights.h5")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"weights": "nowhere.h5"}, "`weights` must be"),
        ({"weights": "imagenet", "classes": 10}, "1000 classes"),
        ({"weights": "imagenet", "classifier_activation": "relu"}, "`classifier_activation` must be"),
        ({"weights": "imagenet", "input_shape": (64, 64, 3)}, "need input_shape"),
        ({"weights": "imagenet", "input_shape": (64, 64, 1), "include_top": False}, "3 channels"),
        ({"weights": None, "input_shape": (16, 64, 3), "include_top": False}, "32 x 32 or larger"),
        ({"weights": None, "input_shape": (None, 64, 3)}, "all sizes must be known"),
        ({"weights": None, "input_shape": (64, 3)}, "three integers"),
    ],
)
def test_errors(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        lapis.applications.VGG19(**arguments)
    with pytest.raises(ValueError, match="`mode` must be"):
        imagenet_utils.preprocess_input(f32(2, 2, 3), mode="keras")
