"""Files that real Keras wrote load with equal predictions, and the reverse."""

import warnings
from typing import Any

import numpy as np
import pytest

import lapis
from lapis.core import nest
from tests.oracle import keras
from tests.saving_models import (
    MODELS,
    many_outputs,
    randomize,
    recurrent,
    sequential,
    tower,
    with_operations,
)

# Real Keras, not we, raises these.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
PAIRS = pytest.mark.parametrize(("writer", "reader"), [(keras, lapis), (lapis, keras)], ids=["ours-reads", "keras-reads"])
# Keras reads its own file to another model, or not at all: calls inside nested models shift its count of calls.
MISREAD_BY_KERAS = {"shared", "shared_at_depths"}
# Keras cannot read such a file of its own either: it takes the operations for layers.
NOT_IN_H5 = {"with_operations"}
# The older layout has no place for the shapes that a subclass was built with.
UNBUILT_IN_H5 = {"tower"}


def predict(model: Any, x: Any) -> list[np.ndarray]:
    out = model(x)
    leaves = [out[key] for key in sorted(out)] if isinstance(out, dict) else nest.flatten(out)
    return [np.asarray(leaf).astype("float32") for leaf in leaves]


def assert_equal_outputs(a: Any, b: Any, x: Any) -> None:
    for one, other in zip(predict(a, x), predict(b, x), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.fixture(autouse=True)
def _both_know_the_custom_classes():
    for k in (lapis, keras):
        MODELS["custom"][0](k)
        MODELS["tower"][0](k)
    yield


@PAIRS
@pytest.mark.parametrize("name", MODELS)
def test_keras_archive(tmp_path, name, writer, reader):
    if reader is keras and name in MISREAD_BY_KERAS:
        pytest.skip("real Keras misreads its own file")
    make, x = MODELS[name]
    model = make(writer)
    randomize(model)
    model.save(tmp_path / "m.keras")
    loaded = reader.saving.load_model(tmp_path / "m.keras")
    assert_equal_outputs(model, loaded, x)


@PAIRS
@pytest.mark.parametrize("name", [name for name in MODELS if name not in NOT_IN_H5 | UNBUILT_IN_H5])
def test_older_hdf5(tmp_path, name, writer, reader):
    if reader is keras and name in MISREAD_BY_KERAS:
        pytest.skip("real Keras misreads its own file")
    make, x = MODELS[name]
    model = make(writer)
    randomize(model)
    model.save(tmp_path / "m.h5")
    loaded = reader.saving.load_model(tmp_path / "m.h5")
    assert_equal_outputs(model, loaded, x)


def test_operations_in_older_hdf5(tmp_path):
    make, x = MODELS["with_operations"]
    model = make(keras)
    randomize(model)
    model.save(tmp_path / "m.h5")
    assert_equal_outputs(model, lapis.saving.load_model(tmp_path / "m.h5"), x)


@PAIRS
@pytest.mark.parametrize("name", MODELS)
def test_weights(tmp_path, name, writer, reader):
    make, x = MODELS[name]
    model, other = make(writer), make(reader)
    randomize(model)
    randomize(other, seed=1)
    model.save_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5")
    assert_equal_outputs(model, other, x)


@PAIRS
@pytest.mark.parametrize("by_name", [False, True])
def test_older_weights(tmp_path, by_name, writer, reader):
    make, x = MODELS["normalized"]
    keras.utils.clear_session()
    lapis.core.naming.reset()
    model, other = make(writer), make(reader)
    randomize(model)
    randomize(other, seed=1)
    model.save(tmp_path / "m.h5")
    other.load_weights(tmp_path / "m.h5", by_name=by_name)
    assert_equal_outputs(model, other, x)


def compiled(k: Any, make: Any, optimizer: Any) -> Any:
    model = make(k)
    randomize(model)
    losses = {"left": "mse", "right": k.losses.Huber()} if make is many_outputs else "mse"
    metrics = {"left": ["mae"]} if make is many_outputs else ["mae", k.metrics.RootMeanSquaredError()]
    model.compile(optimizer(k), loss=losses, metrics=metrics)
    return model


OPTIMIZERS = {
    "adam_schedule": lambda k: k.optimizers.Adam(k.optimizers.schedules.ExponentialDecay(0.01, 2, 0.5)),
    "sgd": lambda k: k.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
    "rmsprop": lambda k: "rmsprop",
    "adamw": lambda k: k.optimizers.AdamW(1e-3, use_ema=True, clipnorm=1.0),
}
TRAINED = [
    (sequential, "adam_schedule"),
    (sequential, "adamw"),
    (many_outputs, "sgd"),
    (recurrent, "rmsprop"),
    (with_operations, "adamw"),
    (tower, "adam_schedule"),
]


def batch(model: Any, make: Any) -> tuple[Any, Any]:
    x = MODELS[make.__name__][1]
    out = model(x)
    draw = np.random.default_rng(5)
    if isinstance(out, dict):
        return x, {key: draw.normal(size=tuple(out[key].shape)).astype("float32") for key in sorted(out)}
    return x, draw.normal(size=tuple(out.shape)).astype("float32")


@PAIRS
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(("make", "optimizer"), TRAINED, ids=lambda x: getattr(x, "__name__", x))
def test_training_goes_on(tmp_path, make, optimizer, suffix, writer, reader):
    if suffix == ".h5" and make in (with_operations, tower):
        pytest.skip("not in the older layout")
    model = compiled(writer, make, OPTIMIZERS[optimizer])
    if make is tower:  # draws differ between the libraries
        model.steps[1].rate = 0.0
    x, y = batch(model, make)
    for _ in range(3):
        model.train_on_batch(x, y)
    model.save(tmp_path / f"m{suffix}")
    loaded = reader.saving.load_model(tmp_path / f"m{suffix}")
    if make is tower:
        loaded.steps[1].rate = 0.0
    for _ in range(2):
        expected, found = (np.asarray(m.train_on_batch(x, y)).ravel() for m in (model, loaded))
        assert found[0] == pytest.approx(expected[0], rel=1e-4)
    assert_equal_outputs(model, loaded, x)


@PAIRS
def test_names_in_the_weights_file(tmp_path, writer, reader):
    import h5py

    def paths(k: Any, make: Any) -> dict[str, tuple]:
        file_name = tmp_path / f"{k.__name__}.weights.h5"
        make(k).save_weights(file_name)
        found: dict[str, tuple] = {}
        with h5py.File(file_name) as file:
            file.visititems(lambda path, x: found.update({path: x.shape}) if hasattr(x, "shape") else None)
        return {path: shape for path, shape in found.items() if "seed_generator" not in path}

    for make, _ in MODELS.values():
        assert paths(writer, make) == paths(reader, make)


def test_layers_under_the_names_of_keras(tmp_path):
    """Every layer of the table keeps its variables where Keras keeps those of its own."""
    import h5py
    from keras.src.saving.saving_lib import H5IOStore, _save_state

    from lapis.saving.state import save_state
    from tests.descriptors import LAYER_FAMILIES, rows

    def of_keras(layer: Any) -> dict[str, tuple]:
        store = H5IOStore(tmp_path / "keras.h5", mode="w")
        _save_state(layer, store, None, "", set())
        store.close()
        return read(tmp_path / "keras.h5")

    def of_lapis(layer: Any) -> dict[str, tuple]:
        with h5py.File(tmp_path / "lapis.h5", "w") as file:
            save_state(layer, file)
        return read(tmp_path / "lapis.h5")

    def read(path: Any) -> dict[str, tuple]:
        found: dict[str, tuple] = {}
        with h5py.File(path) as file:
            file.visititems(lambda name, x: found.update({name: x.shape}) if hasattr(x, "shape") else None)
        return {name: shape for name, shape in found.items() if "seed_generator" not in name}

    different = {}
    for row in rows(*LAYER_FAMILIES):
        ours, theirs = row.make(lapis), row.make(keras)
        if not hasattr(ours, "save_own_variables"):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for layer in (ours, theirs):
                layer(*row.inputs, **row.kwargs)
        if of_lapis(ours) != of_keras(theirs):
            different[row.name] = (of_lapis(ours), of_keras(theirs))
    assert not different
