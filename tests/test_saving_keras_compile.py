"""What a model is compiled with goes both ways in files between Lapis and real Keras, and so does what it has learnt.

All losses, metrics, regularizers, constraints, initializers and schedules of the tables, many in each file, and every
optimizer with its state.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import lapis
from tests.descriptors import Row, f32, later_ones_slow, rows
from tests.oracle import keras
from tests.rows.optimizers import SCHEDULES
from tests.test_regularizers_constraints import _CONSTRAINTS, _REGULARIZERS

# Keras's own variables answer NumPy in an old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
PAIRS = pytest.mark.parametrize(
    ("writer", "reader"),
    [pytest.param(keras, lapis, id="ours-reads"), pytest.param(lapis, keras, id="keras-reads")],
)
SUFFIXES = pytest.mark.parametrize("suffix", [".keras", ".h5"])


def plain(config: Any) -> Any:
    """Tuples and lists alike, and float32 numbers as they round."""
    if isinstance(config, dict):
        return {key: plain(value) for key, value in config.items() if key not in ("shared_object_id", "module")}
    if hasattr(config, "tolist"):
        config = config.tolist()
    if isinstance(config, (list, tuple)):
        return [plain(value) for value in config]
    return pytest.approx(config, rel=1e-6) if isinstance(config, float) else config


def assert_same_config(one: Any, other: Any, label: str = "") -> None:
    """All that Keras's config tells is the same in ours; where Keras leaves an argument out, ours tells it."""
    ours, theirs = (plain(x.get_config()) for x in sorted((one, other), key=lambda x: x.__module__.startswith("keras")))
    assert {key: ours.get(key, "nothing") for key in theirs} == theirs, label


def kept(model: Any, reader: Any, path: Any) -> Any:
    """The model as the reader has it from a file."""
    model.save(path)
    return reader.saving.load_model(path)


def fan(k: Any, count: int) -> Any:
    """A model of so many outputs."""
    x = k.Input((3,))
    return k.Model(x, {f"o{i}": k.layers.Identity(name=f"o{i}")(x) for i in range(count)})


# What real Keras cannot write or read itself, and why: by the one that writes, and the format's ending.
_WEIGHED = {
    "AUC(multi_label=True,label_weights=[0.2, 0.5, 1.3])",
    "AUC(label_weights=[0.2, 0.5, 1.3])",
    "AUC(label_weights=[0.2, 0.5, 1.3],thresholds=[0.1, 0.7])",
}
_UNNAMED = {"CategoricalGeneralizedCrossEntropy()", "CategoricalGeneralizedCrossEntropy(q=0.3)"}
LEFT_OUT = {
    ("keras", ".h5"): _WEIGHED,  # an array goes into no JSON
    ("lapis", ".keras"): _WEIGHED,  # it asks for an array where a list stands
    ("lapis", ".h5"): _WEIGHED | _UNNAMED,  # a loss that its table of names lacks
}


def rows_for(kind: str, writer: Any, suffix: str) -> list[Row]:
    return [row for row in rows(kind) if row.name not in LEFT_OUT.get((writer.__name__, suffix), ())]


@PAIRS
@SUFFIXES
def test_losses(tmp_path, writer, reader, suffix):
    found = rows_for("losses", writer, suffix)
    model = fan(writer, len(found))
    losses = {f"o{i}": row.make(writer) for i, row in enumerate(found)}
    model.compile("sgd", loss=losses)
    loaded = kept(model, reader, tmp_path / f"m{suffix}")
    config = loaded.get_compile_config()["loss"]
    for i, row in enumerate(found):
        assert config[f"o{i}"]["class_name"] == type(losses[f"o{i}"]).__name__
        loss = reader.saving.deserialize_keras_object(config[f"o{i}"])
        assert_same_config(loss, losses[f"o{i}"], row.name)


@PAIRS
@SUFFIXES
def test_metrics(tmp_path, writer, reader, suffix):
    found = rows_for("metrics", writer, suffix)
    model = fan(writer, len(found))
    metrics = {f"o{i}": [row.make(writer)] for i, row in enumerate(found)}
    model.compile("sgd", loss="mse", metrics=metrics)
    loaded = kept(model, reader, tmp_path / f"m{suffix}")
    config = loaded.get_compile_config()["metrics"]
    for i, row in enumerate(found):
        (one,) = config[f"o{i}"]
        assert one["class_name"] == type(metrics[f"o{i}"][0]).__name__
        metric = reader.saving.deserialize_keras_object(one)
        assert_same_config(metric, metrics[f"o{i}"][0], row.name)


# Bases, and what makes no matrix of any size.
NOT_OF_KERNELS = {"Constant", "Initializer", "RandomInitializer", "STFT"}


def initializers(k: Any) -> list[Any]:
    found = [getattr(k.initializers, cls.__name__) for cls in keras.src.initializers.ALL_OBJECTS]
    made = [cls() for cls in found if cls.__name__ not in NOT_OF_KERNELS]
    return [*made, k.initializers.Constant(2.5), k.initializers.VarianceScaling(2.0, "fan_out", "uniform", seed=3)]


@PAIRS
@SUFFIXES
def test_what_layers_hold(tmp_path, writer, reader, suffix):
    """Initializers, regularizers and constraints."""
    kinds: dict[str, list[Any]] = {
        "kernel_initializer": initializers(writer),
        "kernel_regularizer": [make(writer) for make in _REGULARIZERS.values()],
        "kernel_constraint": [make(writer) for make in _CONSTRAINTS.values()],
    }
    x = writer.Input((6,))
    held = {f"{kind}_{i}": (kind, obj) for kind, objects in kinds.items() for i, obj in enumerate(objects)}
    outputs = [writer.layers.Dense(5, name=name, **{kind: obj})(x) for name, (kind, obj) in held.items()]
    loaded = kept(writer.Model(x, outputs), reader, tmp_path / f"m{suffix}")
    weights = f32(6, 5)
    for name, (kind, obj) in held.items():
        other = getattr(loaded.get_layer(name), kind)
        assert type(other).__name__ == type(obj).__name__
        assert_same_config(other, obj, name)
        if kind != "kernel_initializer":
            np.testing.assert_allclose(obj(jnp.asarray(weights)), other(jnp.asarray(weights)), rtol=1e-5)


@PAIRS
@pytest.mark.parametrize("row", SCHEDULES, ids=str)
def test_schedules(tmp_path, writer, reader, row):
    model = writer.Sequential([writer.Input((3,)), writer.layers.Dense(1)])
    schedule = row.make(writer.optimizers.schedules)
    model.compile(writer.optimizers.SGD(schedule), "mse")
    model.optimizer.build(model.trainable_variables)
    loaded = kept(model, reader, tmp_path / "m.keras").optimizer._learning_rate
    assert_same_config(loaded, schedule)
    for step in (0, 3, 30):
        np.testing.assert_allclose(np.asarray(loaded(step)), np.asarray(schedule(step)), rtol=1e-6)


# What real Keras cannot do itself, and why.
OPTIMIZERS_NOT_FROM_FILES = {
    "SGD(callable)": "a function that is not registered is in its config",
}
OPTIMIZERS = [row for row in rows("optimizers") if row.name not in OPTIMIZERS_NOT_FROM_FILES]
SHAPES = [(4, 3), (3,), (3, 2), (2,)]
GRADIENTS = [[f32(*shape, seed=10 * step + i) for i, shape in enumerate(SHAPES)] for step in range(4)]


def stepped(model: Any, gradients: list[np.ndarray]) -> None:
    """One step of the model's optimizer along these gradients."""
    optimizer, variables = model.optimizer, model.trainable_variables
    given = [jnp.asarray(gradient) for gradient in gradients]
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer.apply(given, variables)
        return
    # Outside of a compiled program Keras's loss scaling fails on JAX.
    before = [v.value for v in optimizer.variables], given, [v.value for v in variables]
    after = optimizer.stateless_apply(*before)
    for variable, value in zip([*variables, *optimizer.variables], [*after[0], *after[1]], strict=True):
        variable.assign(value)


def assert_same_numbers(one: Any, other: Any, rounding: float = 1e-6) -> None:
    assert [tuple(v.shape) for v in one] == [tuple(v.shape) for v in other]
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(np.asarray(a.value), np.asarray(b.value), rtol=rounding, atol=rounding)


def class_of(row: Row) -> str:
    return row.name.partition("(")[0]


@PAIRS
@pytest.mark.parametrize("row", later_ones_slow(OPTIMIZERS, class_of), ids=str)
def test_optimizers(tmp_path, writer, reader, row):
    model = writer.Sequential([writer.Input((4,)), writer.layers.Dense(3), writer.layers.Dense(2)])
    model.compile(row.make(writer), "mse")
    model.optimizer.build(model.trainable_variables)
    for gradients in GRADIENTS[:3]:
        stepped(model, gradients)
    loaded = kept(model, reader, tmp_path / "m.keras")
    assert type(loaded.optimizer).__name__ == type(model.optimizer).__name__
    assert_same_numbers(model.optimizer.variables, loaded.optimizer.variables, 0)
    stepped(model, GRADIENTS[3])
    stepped(loaded, GRADIENTS[3])
    rounding = 1e-5 if "Muon" in row.name else 1e-6
    assert_same_numbers(model.optimizer.variables, loaded.optimizer.variables, rounding)
    assert_same_numbers(model.trainable_variables, loaded.trainable_variables, rounding)


ONE_OF_EACH = list({class_of(row): row for row in OPTIMIZERS}.values())


@pytest.mark.slow
@PAIRS
@pytest.mark.parametrize("row", ONE_OF_EACH, ids=str)
def test_training_goes_on(tmp_path, writer, reader, row):
    model = writer.Sequential([writer.Input((4,)), writer.layers.Dense(3), writer.layers.Dense(2)])
    model.compile(row.make(writer), "mse")
    x, y = f32(8, 4), f32(8, 2)
    for _ in range(2):
        model.train_on_batch(x, y)
    loaded = kept(model, reader, tmp_path / "m.keras")
    for one in (model, loaded):
        one.train_on_batch(x, y)
    assert_same_numbers(model.optimizer.variables, loaded.optimizer.variables, 1e-5)
    assert_same_numbers(model.trainable_variables, loaded.trainable_variables, 1e-5)
