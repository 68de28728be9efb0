"""Files that Keras 2.15 wrote load with equal predictions, and training goes on as it would have there.

`tests/fixtures/keras2/make.py` made them; each archive holds one model in all of Keras 2's layouts.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import lapis
from lapis import layers, ops
from lapis.saving import legacy_ops
from lapis.saving.legacy_config import optimizer_to_modern, to_modern
from lapis.saving.legacy_layers import hard_sigmoid_of_keras_2

FOLDER = Path(__file__).parent / "fixtures" / "keras2"
NAMES = sorted(path.stem for path in FOLDER.glob("*.zip"))
WITHOUT_H5 = {"lookups", "text"}  # Keras 2 has no such file of layers with vocabularies
COMPILED = [name for name in NAMES if name not in {"lookups", "operations", "others", "preprocessing", "text"}]
# Keras 2 kept nothing of its former optimizers in archives.
WITHOUT_STATE = {("custom", ".keras")}


def cases(names: list[str]) -> list[Any]:
    found = [(name, suffix) for name in names for suffix in (".h5", ".keras") if (name, suffix) not in WITHOUT_STATE]
    return [case for case in found if case[0] not in WITHOUT_H5 or case[1] == ".keras"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All files, unpacked."""
    folder = tmp_path_factory.mktemp("keras2")
    for name in NAMES:
        with zipfile.ZipFile(FOLDER / f"{name}.zip") as file:
            file.extractall(folder)
    return folder


@lapis.saving.register_keras_serializable("keras2")
class Scaled(layers.Layer):
    """The user's own layer in one of the models."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units)

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(name="scale", shape=(input_shape[-1],))
        self.dense.build(input_shape)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs * self.scale)

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units}


class Example:
    """What a model is called with, and what Keras 2 got."""

    def __init__(self, folder: Path, name: str) -> None:
        with np.load(folder / f"{name}.npz") as file:
            arrays = {key: file[key] for key in sorted(file)}

        def named(start: str) -> list[np.ndarray]:
            return [value for key, value in arrays.items() if key.startswith(start)]

        x = named("x")
        self.x: Any = dict(zip("ab", x)) if name == "many" else x[0] if len(x) == 1 else x
        targets = named("target")
        self.targets: Any = dict(zip(("left", "right"), targets)) if name == "many" else targets
        self.outputs, self.after = named("y"), named("after")


def assert_predicts(model: Any, x: Any, expected: list[np.ndarray], tolerance: float = 1e-5) -> None:
    found = model(x, training=False)
    found = [found[key] for key in sorted(found)] if isinstance(found, dict) else lapis.tree.flatten(found)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(one), other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("name", "suffix"), cases(NAMES))
def test_predictions(folder, name, suffix):
    example = Example(folder, name)
    model = lapis.saving.load_model(folder / f"{name}{suffix}", compile=False)
    assert_predicts(model, example.x, example.outputs)


@pytest.mark.parametrize(("name", "suffix"), cases(COMPILED))
def test_training_goes_on(folder, name, suffix):
    example = Example(folder, name)
    model = lapis.saving.load_model(folder / f"{name}{suffix}")
    assert int(np.asarray(model.optimizer.iterations)) == 2
    targets = example.targets[0] if len(example.targets) == 1 else example.targets
    model.train_on_batch(example.x, targets)
    # In Keras 2 the moving variance of a small batch is that of the population it was drawn from.
    assert_predicts(model, example.x, example.after, 1e-3 if name == "convolution" else 1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_weights_alone(folder, name):
    example = Example(folder, name)
    for suffix in (".weights.h5", "_weights.h5")[: 1 if name in WITHOUT_H5 else 2]:
        model = lapis.saving.load_model(folder / f"{name}.keras", compile=False)
        for weight in model.weights:
            weight.assign(np.zeros(weight.shape, weight.dtype))
        assert model.load_weights(folder / f"{name}{suffix}").complete
        assert_predicts(model, example.x, example.outputs)


@pytest.mark.parametrize("name", NAMES)
def test_they_can_be_saved_anew(folder, tmp_path, name):
    example = Example(folder, name)
    lapis.saving.load_model(folder / f"{name}.keras", compile=False).save(tmp_path / "m.keras")
    assert_predicts(lapis.saving.load_model(tmp_path / "m.keras"), example.x, example.outputs)


def test_what_a_former_optimizer_left_out(folder):
    with pytest.warns(UserWarning, match="optimizer state does not fit Adam, which starts afresh"):
        model = lapis.saving.load_model(folder / "custom.keras")
    assert int(np.asarray(model.optimizer.iterations)) == 0


def test_compiled_as_it_was(folder):
    for suffix in (".h5", ".keras"):
        model = lapis.saving.load_model(folder / f"many{suffix}")
        config = model.get_compile_config()
        assert config["loss_weights"] == {"left": 2.0, "right": 0.5}
        assert model.optimizer.clipnorm == 1.0
        example = Example(folder, "many")
        logs = model.evaluate(example.x, example.targets, verbose=0, return_dict=True)
        assert {"left_mae", "left_root_mean_squared_error", "right_auc"} <= logs.keys()


# What the files above do not hold


def sequential_config(class_name: str, **config: Any) -> dict:
    layer = {"class_name": class_name, "config": {"name": "it", "batch_input_shape": [None, 3], **config}}
    return {"class_name": "Sequential", "config": {"name": "m", "layers": [layer]}}


def test_layers_that_are_no_more():
    with pytest.raises(ValueError, match=r"'it' is a LocallyConnected1D.*Build the model from its code"):
        to_modern(sequential_config("LocallyConnected1D"), is_keras_2=True)


def test_hard_sigmoid_was_another(tmp_path):
    x = np.linspace(-4, 4, 9, dtype="float32")
    np.testing.assert_allclose(hard_sigmoid_of_keras_2(x), np.clip(0.2 * x + 0.5, 0, 1), rtol=1e-6)
    config = sequential_config("Activation", activation="hard_sigmoid", trainable=True, dtype="float32")
    for is_keras_2, function in ((True, hard_sigmoid_of_keras_2), (False, ops.hard_sigmoid)):
        model = lapis.saving.deserialize_keras_object(to_modern(config, is_keras_2))
        np.testing.assert_array_equal(model(x.reshape(3, 3)), function(x.reshape(3, 3)))
        model.save(tmp_path / "m.keras")
        again = lapis.saving.load_model(tmp_path / "m.keras")
        np.testing.assert_array_equal(again(x.reshape(3, 3)), function(x.reshape(3, 3)))


def test_rates_that_fell_by_themselves():
    config = {"class_name": "SGD", "config": {"lr": 0.1, "decay": 0.5, "momentum": 0.0}}
    optimizer = lapis.optimizers.get(optimizer_to_modern(config))
    for step in range(3):
        optimizer.iterations.assign(step)
        assert float(np.asarray(optimizer.learning_rate)) == pytest.approx(0.1 / (1 + 0.5 * step))


# The function, its further arguments as files have them, what it is.
FUNCTIONS = [
    ("nn.gelu", {"approximate": True}, lambda x: ops.gelu(x, approximate=True)),
    ("nn.gelu", {}, lambda x: ops.gelu(x, approximate=False)),
    ("nn.leaky_relu", {}, lambda x: np.where(x > 0, x, 0.2 * x)),
    ("nn.softmax", {"axis": 1}, lambda x: ops.softmax(x, axis=1)),
    ("nn.log_softmax", {"axis": None}, lambda x: ops.log_softmax(x)),
    ("split", {"num_or_size_splits": [1, 3], "axis": 1, "num": None}, lambda x: np.split(x, [1], 1)),
    ("split", {"num_or_size_splits": 2, "axis": -1}, lambda x: np.split(x, 2, -1)),
    ("unstack", {"axis": 1, "num": None}, lambda x: list(np.moveaxis(x, 1, 0))),
    ("math.argmax", {"axis": -1}, lambda x: x.argmax(-1)),
    ("math.argmin", {}, lambda x: x.argmin(0)),
    ("math.cumsum", {"axis": 1, "exclusive": False, "reverse": False}, lambda x: x.cumsum(1)),
    ("math.reduce_std", {"axis": [1, 2], "keepdims": True}, lambda x: x.std((1, 2), keepdims=True)),
    ("math.reduce_any", {"axis": None}, lambda x: x.any()),
    ("compat.v1.gather", {"indices": [0, 2], "axis": 1, "batch_dims": 0}, lambda x: x[:, [0, 2]]),
    ("linalg.matmul", {"b": [[1.0, 2.0]], "transpose_a": False}, lambda x: x[..., :1] @ np.array([[1.0, 2.0]])),
    ("tile", {"multiples": [1, 2, 1]}, lambda x: np.tile(x, (1, 2, 1))),
    ("repeat", {"repeats": 2, "axis": 1}, lambda x: np.repeat(x, 2, 1)),
    ("reverse", {"axis": [1]}, lambda x: x[:, ::-1]),
    (
        "compat.v1.pad",
        {"paddings": [[0, 0], [1, 0], [0, 2]], "mode": "REFLECT"},
        lambda x: np.pad(x, ((0, 0), (1, 0), (0, 2)), "reflect"),
    ),
    ("broadcast_to", {"shape": [2, 5, 4, 2]}, lambda x: np.broadcast_to(x, (2, 5, 4, 2))),
    ("compat.v1.where_v2", {"x": 1.0, "y": -1.0}, lambda x: np.where(x, 1.0, -1.0)),
    ("__operators__.eq", {"y": 0.5}, lambda x: x == 0.5),
    ("math.floormod", {"y": 0.3}, lambda x: np.mod(x, np.float32(0.3))),
    ("math.divide_no_nan", {"y": 0.0}, lambda x: np.zeros_like(x)),
]


@pytest.mark.parametrize(
    ("function", "arguments", "expected"), FUNCTIONS, ids=lambda x: x if isinstance(x, str) else ""
)
def test_functions_of_tensorflow(function, arguments, expected):
    x = np.random.default_rng(0).normal(size=(5, 4, 2)).astype("float32")
    if "matmul" in function:
        x = x[..., :1]
    wanted = expected(x)
    wanted = wanted if isinstance(wanted, list) else [wanted]
    config = to_modern(graph(function, arguments, x.shape[1:], len(wanted)), is_keras_2=True)
    found = lapis.saving.deserialize_keras_object(config)(x)
    for one, other in zip(lapis.tree.flatten(found), wanted, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-5, atol=1e-6)


def graph(function: str, arguments: dict, shape: tuple, outputs: int = 1) -> dict:
    """The config of a model that Keras 2 recorded from one call of a TensorFlow function."""
    config = {"name": "tf.it", "trainable": True, "dtype": "float32", "function": function}
    nodes = [["x", 0, 0, {**arguments, "name": None}]]
    inputs = {"batch_input_shape": [5 if function == "broadcast_to" else None, *shape], "dtype": "float32", "name": "x"}
    layer = {"class_name": "TFOpLambda", "config": config, "name": "tf.it", "inbound_nodes": nodes}
    graph_layers = [{"class_name": "InputLayer", "config": inputs, "name": "x", "inbound_nodes": []}, layer]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["tf.it", 0, i] for i in range(outputs)]}
    return {"class_name": "Functional", "config": {"name": "m", "layers": graph_layers, **ends}}


def test_every_function_of_the_table_is_there():
    known = {"keras.src.ops." + op.class_name for op in legacy_ops._OPS.values()}
    for name in known:
        lapis.ops.keras_names.from_keras("keras.src.ops", name.rpartition(".")[2], {})


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        ("signal.fft", {}, r"'tf.it' is a TFOpLambda.*'signal.fft' there, which has no counterpart"),
        ("sparse.add", {"b": 1.0}, "no counterpart"),
        ("reshape", {"shape": ["x", 0, 0]}, "'shape' that is computed in the graph"),
        ("linalg.matmul", {"b": [[1.0]], "transpose_b": True}, "transpose_b=True, which has no counterpart"),
    ],
)
def test_functions_that_are_refused(function, arguments, words):
    with pytest.raises(ValueError, match=f"{words}.*lapis.ops.*load_weights"):
        to_modern(graph(function, arguments, (4,)), is_keras_2=True)


def test_version_3_is_not_taken_for_2(tmp_path):
    lapis.Sequential([lapis.Input((3,)), layers.Activation("hard_sigmoid")]).save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as file:
        assert json.loads(file.attrs["model_config"])
    x = np.ones((1, 3), "float32")
    np.testing.assert_allclose(lapis.saving.load_model(tmp_path / "m.h5")(x), 4 / 6, rtol=1e-6)
