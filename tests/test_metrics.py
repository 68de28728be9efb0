"""Metrics against real Keras: values over several updates, variables, configs, and the pure forms."""

import copy
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lapis.losses
import lapis.metrics
from lapis.core.serialization import custom_object_scope
from lapis.graph import set_mask
from lapis.state import Variable
from tests.descriptors import rows
from tests.oracle import keras
from tests.rows.metrics import FUNCTIONS, REAL

ROWS = rows("metrics")
ONE_PER_CLASS = list({row.name.split("(")[0]: row for row in ROWS}.values())

# Keras asks for int64 in its confusion matrices, which JAX tells.
pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning"),
]


def _close(ours, theirs, row):
    rounding = 1e-3 if "float16" in row.name else 5e-6
    assert np.shape(ours) == np.shape(theirs)
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=rounding, atol=rounding)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_value_is_that_of_keras(row):
    ours, theirs = row.make(lapis), row.make(keras)
    for update in row.inputs:
        _close(ours(*update), theirs(*update), row)
        assert ours.result().dtype == theirs.result().dtype
    assert [(v.name, v.shape, v.dtype) for v in ours.variables] == [
        (v.name, v.shape, v.dtype) for v in theirs.variables
    ]
    for variable, reference in zip(ours.variables, theirs.variables):
        _close(variable.numpy(), reference.value, row)
    ours.reset_state()
    theirs.reset_state()
    _close(ours(*row.inputs[-1]), theirs(*row.inputs[-1]), row)


@pytest.mark.parametrize("row", ONE_PER_CLASS, ids=str)
def test_compiled_updates(row):
    eager, pure = row.make(lapis), row.make(lapis)
    for metric in (eager, pure):
        metric.update_state(*row.inputs[0])  # makes the variables of those that need a shape
        metric.reset_state()
    update = jax.jit(pure.stateless_update_state)
    state = pure.stateless_reset_state()
    for arguments in row.inputs:
        eager.update_state(*arguments)
        state = update(state, *(jnp.asarray(x) for x in arguments))
    if "num_regressors" not in row.name:
        _close(jax.jit(pure.stateless_result)(state), eager.result(), row)
    _close(pure.stateless_result(state), eager.result(), row)
    assert all(not np.any(v.numpy()) for v in pure.variables), "the metric itself must stay as it was"


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_config(row):
    metric, reference = row.make(lapis), row.make(keras)
    config, theirs = metric.get_config(), reference.get_config()
    label_weights = theirs.pop("label_weights", None)
    if label_weights is not None:
        np.testing.assert_allclose(config["label_weights"], label_weights)
    assert set(config) - set(theirs) <= {"axis", "label_weights"}
    automatic = reference.name != metric.name  # counted up by how many were made before
    assert {key: config[key] for key in theirs if not (automatic and key == "name")} == {
        key: value for key, value in theirs.items() if not (automatic and key == "name")
    }
    data = lapis.metrics.serialize(metric)
    assert {key: value for key, value in data.items() if key != "config"} == {
        key: value for key, value in keras.metrics.serialize(reference).items() if key != "config"
    }
    again = lapis.metrics.deserialize(data)
    assert type(again) is type(metric) and again.get_config() == config


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name):
    ours, theirs = (getattr(k.metrics, name)(*FUNCTIONS[name]) for k in (lapis, keras))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def test_signatures_are_those_of_keras():
    for name in dir(keras.metrics):
        theirs = getattr(keras.metrics, name)
        if not callable(theirs) or name in ("serialize", "deserialize", "get"):
            continue
        ours = inspect.signature(getattr(lapis.metrics, name)).parameters
        assert [(p.name, p.default) for p in ours.values()] == [
            (p.name, p.default) for p in inspect.signature(theirs).parameters.values()
        ], name


def test_every_name_of_keras_is_known():
    for name in keras.src.metrics.ALL_OBJECTS_DICT:
        theirs = keras.src.metrics.ALL_OBJECTS_DICT[name]
        if inspect.isclass(theirs) and theirs.__name__ != "Metric":
            assert lapis.metrics.lookup.TABLE[name].__name__ == theirs.__name__
    assert isinstance(lapis.metrics.get("mse"), lapis.metrics.MeanSquaredError)
    assert lapis.metrics.get(None) is None
    with pytest.raises(ValueError, match="'auc'"):
        lapis.metrics.get("auk")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["MeanSquaredError", "MeanAbsoluteError"])
def test_mask_on_predictions(name, weighted):
    y_true, y_pred = jnp.asarray(np.arange(24.0).reshape(2, 4, 3)), jnp.zeros((2, 4, 3))
    mask = jnp.asarray([[True, True, False, True], [True, False, False, False]])
    weight = jnp.asarray(np.arange(8.0).reshape(2, 4)) if weighted else None
    set_mask(y_pred, mask)
    keras.src.backend.set_keras_mask(y_pred, mask)
    ours, theirs = (getattr(k.metrics, name)()(y_true, y_pred, weight) for k in (lapis, keras))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_a_function_that_gives_one_number_has_dealt_with_the_mask():
    y_pred = jnp.ones((2, 4, 3))
    set_mask(y_pred, jnp.asarray([[True, True, False, True], [True, False, False, False]]))
    metric = lapis.metrics.MeanMetricWrapper(lambda y_true, y_pred: jnp.mean(y_pred - y_true), name="gap")
    assert float(metric(jnp.zeros((2, 4, 3)), y_pred)) == 1.0
    assert float(metric(jnp.ones((2, 4, 3)), y_pred)) == 0.5


def test_wrapper():
    metric = lapis.metrics.MeanMetricWrapper(lapis.losses.huber, name="huber", delta=0.5)
    reference = keras.metrics.MeanMetricWrapper(keras.losses.huber, name="huber", delta=0.5)
    np.testing.assert_allclose(metric(*REAL[0]), reference(*REAL[0]), rtol=1e-6)
    assert lapis.metrics.serialize(metric) == keras.metrics.serialize(reference)
    again = lapis.metrics.deserialize(lapis.metrics.serialize(metric))
    np.testing.assert_allclose(again(*REAL[0]), metric.result(), rtol=1e-6)
    assert metric._direction == reference._direction == "down"


@pytest.mark.parametrize("name", ["AUC", "MeanSquaredError", "Precision", "F1Score", "MeanIoU", "Mean"])
def test_direction_is_that_of_keras(name):
    options = {"num_classes": 2} if name == "MeanIoU" else {}
    ours, theirs = (getattr(k.metrics, name)(**options) for k in (lapis, keras))
    assert getattr(ours, "_direction", None) == getattr(theirs, "_direction", None)


class Span(lapis.metrics.Metric):
    def __init__(self, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.highest = self.add_weight(name="highest")
        self.lowest = Variable(0.0, name="lowest", trainable=False)
        self.parts = []
        self.parts.append(lapis.metrics.Mean(name="inner"))

    def update_state(self, values):
        values = jnp.asarray(values)
        self.highest.assign(jnp.maximum(self.highest.value, jnp.max(values)))
        self.lowest.assign(jnp.minimum(self.lowest.value, jnp.min(values)))
        self.parts[0].update_state(values)

    def result(self):
        return self.highest - self.lowest


def test_subclass():
    metric = Span()
    assert metric.name == "span" and repr(metric) == "<Span name=span>"
    assert [v.path for v in metric.variables] == ["span/highest", "lowest", "inner/total", "inner/count"]
    state = jax.jit(metric.stateless_update_state)(metric.stateless_reset_state(), jnp.array([-1.0, 3.0]))
    assert [float(value) for value in state] == [3.0, -1.0, 2.0, 2.0]
    assert float(metric.stateless_result(state)) == 4.0
    assert float(metric([2.0, -2.0])) == 4.0
    again = copy.deepcopy(metric)
    again.reset_state()
    assert float(again.result()) == 0.0 and float(metric.result()) == 4.0
    with custom_object_scope({"Span": Span}):
        assert isinstance(lapis.metrics.deserialize(lapis.metrics.serialize(metric)), Span)


def test_a_part_held_twice_counts_once():
    class Pair(lapis.metrics.Metric):
        def __init__(self):
            super().__init__()
            self.first = lapis.metrics.Sum(name="part")
            self.all = {"first": self.first}

    assert [v.path for v in Pair().variables] == ["part/total"]


def test_errors():
    metrics = lapis.metrics
    for make, words in (
        (lambda: metrics.AUC(curve="ROCK"), "curve"),
        (lambda: metrics.AUC(summation_method="mean"), "summation_method"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds"),
        (lambda: metrics.AUC(num_labels=2), "multi_label"),
        (lambda: metrics.Precision(thresholds=[1.5]), "between 0 and 1"),
        (lambda: metrics.Precision(class_id=1)([1, 0], [0.1, 0.2]), "class_id"),
        (lambda: metrics.FBetaScore(average="mean"), "average"),
        (lambda: metrics.FBetaScore(beta=0.0), "beta"),
        (lambda: metrics.FBetaScore(threshold=2.0), "threshold"),
        (lambda: metrics.FBetaScore()([1.0], [1.0]), "batch, classes"),
        (lambda: metrics.R2Score(class_aggregation="mean"), "class_aggregation"),
        (lambda: metrics.R2Score()([1.0], [1.0]), "batch, outputs"),
        (lambda: metrics.IoU(2, [2]), "target_class_ids"),
        (lambda: metrics.RecallAtPrecision(1.5), "precision"),
        (lambda: metrics.Mean().stateless_result([1.0]), "2 variables"),
    ):
        with pytest.raises(ValueError, match=words):
            make()
    with pytest.raises(NotImplementedError, match="update_state"):
        metrics.Metric().update_state(1)
    with pytest.warns(UserWarning, match="float32"):
        metrics.MeanIoU(2)([0, 1], [0, 1], np.array([0.5, 0.5]))
    with pytest.warns(UserWarning, match="samples"):
        metrics.R2Score(num_regressors=6)(np.arange(6.0).reshape(3, 2), np.ones((3, 2)))


def test_super_must_be_called():
    class Forgot(lapis.metrics.Metric):
        def __init__(self):
            self.value = self.add_weight()

    with pytest.raises(RuntimeError, match="super"):
        Forgot()


def test_zeros_that_a_program_took_over_are_made_anew():
    metric = lapis.metrics.Mean()
    for _ in range(3):
        metric.update_state([4.0, 6.0])
        metric.reset_state()
        assert [float(variable.numpy()) for variable in metric.variables] == [0.0, 0.0]
        metric.variables[0].value.delete()  # as a program does that uses up its state
        metric.reset_state()
        assert float(metric.result()) == 0.0
