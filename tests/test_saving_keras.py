"""Files that real Keras wrote load with equal predictions, and the reverse."""

from typing import Any

import h5py
import numpy as np
import pytest

import lapis
from lapis.core import nest
from lapis.saving.state import save_state
from tests.descriptors import Row, rows
from tests.oracle import keras

from keras.src.saving.saving_lib import H5IOStore, _save_state  # isort: skip
from tests.saving_models import (
    MODELS,
    many_outputs,
    randomize,
    sequential,
    tower,
    with_operations,
)

# Real Keras, not we, raises these.
pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
DIRECTIONS = [pytest.param(keras, lapis, id="ours-reads"), pytest.param(lapis, keras, id="keras-reads")]
PAIRS = pytest.mark.parametrize(("writer", "reader"), DIRECTIONS)
# Keras reads its own file to another model, or not at all: calls inside nested models shift its count of calls. It is
# not asked to read these.
MISREAD_BY_KERAS = {"shared", "shared_at_depths"}
# Keras cannot read such a file of its own either: it takes the operations for layers.
NOT_IN_H5 = {"with_operations"}
# The older layout has no place for the shapes that a subclass was built with.
UNBUILT_IN_H5 = {"tower"}


def cases(names: Any) -> Any:
    """Each model with each direction."""
    found = [
        pytest.param(name, *pair.values, id=f"{name}-{pair.id}")
        for name in names
        for pair in DIRECTIONS
        if not (pair.id == "keras-reads" and name in MISREAD_BY_KERAS)
    ]
    return pytest.mark.parametrize(("name", "writer", "reader"), found)


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


@cases(MODELS)
def test_keras_archive(tmp_path, name, writer, reader):
    make, x = MODELS[name]
    model = make(writer)
    randomize(model)
    model.save(tmp_path / "m.keras")
    loaded = reader.saving.load_model(tmp_path / "m.keras")
    assert_equal_outputs(model, loaded, x)


@cases([name for name in MODELS if name not in NOT_IN_H5 | UNBUILT_IN_H5])
def test_older_hdf5(tmp_path, name, writer, reader):
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
@pytest.mark.parametrize("name", ["nested", "shared", "custom", "tower"])
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


def test_dropout_still_drops(tmp_path):
    """Keras writes `training=False` into calls where nobody gave it."""
    x = keras.Input((64,))
    keras.Model(x, keras.layers.Dropout(0.5)(x)).save(tmp_path / "m.keras")
    loaded = lapis.saving.load_model(tmp_path / "m.keras")
    ones = np.ones((2, 64), "float32")
    assert np.asarray(loaded(ones, training=True)).min() == 0
    np.testing.assert_array_equal(loaded(ones), ones)


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
    (sequential, "adam_schedule", ".keras"),
    (many_outputs, "sgd", ".keras"),
    (with_operations, "adamw", ".keras"),
    (tower, "adam_schedule", ".keras"),
    (sequential, "adamw", ".h5"),
    (many_outputs, "sgd", ".h5"),
]


def batch(model: Any, make: Any) -> tuple[Any, Any]:
    x = MODELS[make.__name__][1]
    out = model(x)
    draw = np.random.default_rng(5)
    if isinstance(out, dict):
        return x, {key: draw.normal(size=tuple(out[key].shape)).astype("float32") for key in sorted(out)}
    return x, draw.normal(size=tuple(out.shape)).astype("float32")


@PAIRS
@pytest.mark.parametrize(("make", "optimizer", "suffix"), TRAINED, ids=lambda x: getattr(x, "__name__", x))
def test_training_goes_on(tmp_path, make, optimizer, suffix, writer, reader):
    model = compiled(writer, make, OPTIMIZERS[optimizer])
    if make is tower:  # draws differ between the libraries
        model.steps[1].rate = 0.0
    x, y = batch(model, make)
    for _ in range(2):
        model.train_on_batch(x, y)
    model.save(tmp_path / f"m{suffix}")
    loaded = reader.saving.load_model(tmp_path / f"m{suffix}")
    if make is tower:
        loaded.steps[1].rate = 0.0
    assert_equal_outputs(model, loaded, x)
    if suffix == ".h5" and reader is keras:  # Keras cannot train what it has read from this layout, its own included
        return
    for _ in range(2):
        expected, found = (np.asarray(m.train_on_batch(x, y)).ravel() for m in (model, loaded))
        assert found[0] == pytest.approx(expected[0], rel=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_names_in_the_weights_file(tmp_path, name):
    for k in (lapis, keras):
        MODELS[name][0](k).save_weights(tmp_path / f"{k.__name__}.weights.h5")
    assert arrays_in(tmp_path / "lapis.weights.h5") == arrays_in(tmp_path / "keras.weights.h5")


def arrays_in(path: Any) -> dict[str, tuple]:
    found: dict[str, tuple] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, x: found.update({name: x.shape}) if isinstance(x, h5py.Dataset) else None)
    return {name: shape for name, shape in found.items() if "seed_generator" not in name}


WAYS_TO_KEEP = {
    *("BatchNormalization", "Bidirectional", "ConvLSTM1D", "EinsumDense", "Embedding", "GRU", "PReLU", "RNN"),
    *("SpectralNormalization", "StackedRNNCells", "TimeDistributed"),
}


def first_rows() -> list[Row]:
    """One row for each class that keeps variables in a way of its own."""
    found: dict[type, Row] = {}
    for row in rows("core", "activation", "normalization", "rnn"):
        made = row.make(lapis)
        if type(made).__name__ in WAYS_TO_KEEP:
            found.setdefault(type(made), row)
    return list(found.values())


@pytest.mark.filterwarnings("ignore")
def test_layers_under_the_names_of_keras(tmp_path):
    """Each layer of the table keeps its variables where Keras keeps those of its own."""
    for row in first_rows():
        ours, theirs = row.make(lapis), row.make(keras)
        for k, layer in ((lapis, ours), (keras, theirs)):
            specs = nest.map_structure(lambda x, k=k: k.Input(batch_shape=x.shape, dtype=x.dtype), list(row.inputs))
            layer(*specs, **row.kwargs)
        with h5py.File(tmp_path / "lapis.h5", "w") as file:
            save_state(ours, file)
        store = H5IOStore(tmp_path / "keras.h5", mode="w")
        _save_state(theirs, store, None, "", set())
        store.close()
        assert arrays_in(tmp_path / "lapis.h5") == arrays_in(tmp_path / "keras.h5"), row.name
