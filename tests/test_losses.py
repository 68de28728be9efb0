"""Losses against real Keras: values, weights, masks, reductions, configs, gradients."""

import copy
import inspect
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lapis.losses
from lapis.core.serialization import custom_object_scope, register_keras_serializable
from lapis.graph import KerasTensor, set_mask
from tests.descriptors import rows
from tests.oracle import keras
from tests.rows.losses import FUNCTIONS, SPARSE_SEQUENCE

pytestmark = pytest.mark.usefixtures("quick_compilation")

ROWS = rows("losses")


def _call(row, k, put_mask):
    y_true, y_pred = (jnp.asarray(x) for x in row.inputs)
    if row.masks:
        put_mask(y_pred, jnp.asarray(row.masks[1]))
    return row.make(k)(y_true, y_pred, **row.kwargs)


def _keras_mask(x, mask):
    x._keras_mask = mask


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_value_is_that_of_keras(row):
    ours = _call(row, lapis, set_mask)
    theirs = _call(row, keras, keras.src.backend.set_keras_mask)
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    np.testing.assert_allclose(np.asarray(ours, "float64"), np.asarray(theirs, "float64"), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("row", [row for row in ROWS if not row.masks], ids=str)
def test_compiled_and_gradient(row):
    loss, reference = row.make(lapis), row.make(keras)
    y_true, y_pred = (jnp.asarray(x) for x in row.inputs)

    def total(loss):
        return lambda y_pred: jnp.sum(loss(y_true, y_pred, **row.kwargs)).astype("float32")

    ours, theirs = (jax.jit(jax.value_and_grad(total(k)))(y_pred) for k in (loss, reference))
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-2 if loss.dtype == "bfloat16" else 2e-6, atol=1e-6)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_config(row):
    loss, reference = row.make(lapis), row.make(keras)
    config, theirs = loss.get_config(), reference.get_config()
    assert {key: config[key] for key in theirs} == theirs
    assert set(config) - set(theirs) <= {"delta", "axis"}
    again = type(loss).from_config(config)
    assert again.get_config() == config
    assert again._fn_kwargs == loss._fn_kwargs
    data = lapis.losses.serialize(loss)
    if config == theirs:
        assert data == keras.losses.serialize(reference)
    assert lapis.losses.deserialize(data).get_config() == config


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name):
    inputs = FUNCTIONS[name]
    ours, theirs = getattr(lapis.losses, name)(*inputs), getattr(keras.losses, name)(*inputs)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)
    assert lapis.losses.get(name) is getattr(lapis.losses, name)


def test_signatures_are_those_of_keras():
    for name in dir(keras.losses):
        theirs = getattr(keras.losses, name)
        if not callable(theirs) or name in ("serialize", "deserialize", "get"):
            continue
        ours = inspect.signature(getattr(lapis.losses, name)).parameters
        assert [(p.name, p.default) for p in ours.values()] == [
            (p.name, p.default) for p in inspect.signature(theirs).parameters.values()
        ], name


@pytest.mark.parametrize(
    "alias", ["mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE", "bce", "BCE", "kld", "KLD"]
)
def test_alias(alias):
    assert lapis.losses.get(alias).__name__ == keras.losses.get(alias).__name__


def test_get():
    assert lapis.losses.get(None) is None
    assert isinstance(lapis.losses.get("BinaryCrossentropy"), lapis.losses.BinaryCrossentropy)
    assert isinstance(lapis.losses.get(lapis.losses.Huber), lapis.losses.Huber)
    loss = lapis.losses.Huber(delta=2.0)
    assert lapis.losses.get(loss) is loss
    assert lapis.losses.get(lapis.losses.serialize(loss)).delta == 2.0
    with pytest.raises(ValueError, match="mean_squared_error"):
        lapis.losses.get("mean_squared_eror")


def test_wrapper_keeps_function_and_arguments():
    @register_keras_serializable("tests")
    def powered(y_true, y_pred, power):
        return jnp.mean(jnp.abs(y_true - y_pred) ** power, axis=-1)

    loss = lapis.losses.LossFunctionWrapper(powered, name="powered", power=3)
    again = lapis.losses.deserialize(lapis.losses.serialize(loss))
    values = jnp.array([[0.0, 1.0]]), jnp.array([[2.0, 1.0]])
    assert float(again(*values)) == float(loss(*values)) == 4.0
    assert again.get_config() == loss.get_config()


def test_wrapper_of_nested_outputs():
    def both(y_true, y_pred):
        return jnp.mean(jnp.abs(y_true["a"] - y_pred["a"]), -1) + jnp.mean(jnp.abs(y_true["b"] - y_pred["b"]), -1)

    loss = lapis.losses.LossFunctionWrapper(both)
    y_true = {"a": jnp.zeros(2), "b": jnp.zeros((2, 1))}
    y_pred = {"a": jnp.ones((2, 1)), "b": jnp.ones((2, 1))}
    assert float(loss(y_true, y_pred)) == 2.0


def test_subclass():
    class Offset(lapis.losses.Loss):
        def call(self, y_true, y_pred):
            return jnp.mean(y_pred - y_true, axis=-1)

    loss = Offset()
    assert loss.name == "offset" and loss.get_config() == {"name": "offset", "reduction": "sum_over_batch_size"}
    assert float(loss(jnp.zeros((2, 2)), jnp.ones((2, 2)), sample_weight=jnp.array([1.0, 3.0]))) == 2.0
    with custom_object_scope({"Offset": Offset}):
        assert isinstance(lapis.losses.deserialize(lapis.losses.serialize(loss)), Offset)


@pytest.mark.parametrize("name", ["BinaryCrossentropy", "SparseCategoricalCrossentropy", "Circle"])
def test_pickle_and_copy(name):
    loss = getattr(lapis.losses, name)(reduction="sum")
    for again in (pickle.loads(pickle.dumps(loss)), copy.deepcopy(loss)):
        assert again.get_config() == loss.get_config()


def test_symbolic():
    y_true, y_pred = KerasTensor((None, 3)), KerasTensor((None, 3))
    assert lapis.losses.mean_squared_error(y_true, y_pred).shape == (None,)
    assert lapis.losses.MeanSquaredError()(y_true, y_pred).shape == ()


def test_errors():
    with pytest.raises(ValueError, match="reduction"):
        lapis.losses.MeanSquaredError(reduction="average")
    with pytest.raises(ValueError, match="axis"):
        lapis.losses.categorical_crossentropy([[1.0, 0.0]], [[0.5, 0.5]], axis=True)
    with pytest.raises(ValueError, match="predictions of shape"):
        lapis.losses.MeanSquaredError()(np.ones((3, 2)), np.ones((4, 2)))
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        lapis.losses.CategoricalGeneralizedCrossEntropy(q=1.0)
    with pytest.raises(NotImplementedError, match="call"):
        lapis.losses.Loss()(jnp.zeros(2), jnp.zeros(2))
    with pytest.warns(SyntaxWarning, match="single class"):
        lapis.losses.categorical_crossentropy(np.ones((2, 1)), np.ones((2, 1), "float32"))


def test_sparse_axis():
    labels, y_pred = SPARSE_SEQUENCE
    last = lapis.losses.sparse_categorical_crossentropy(labels, y_pred, ignore_class=1)
    moved = lapis.losses.sparse_categorical_crossentropy(labels, np.moveaxis(y_pred, -1, 1), ignore_class=1, axis=1)
    np.testing.assert_array_equal(last, moved)
    loss = lapis.losses.SparseCategoricalCrossentropy(axis=1)
    assert type(loss).from_config(loss.get_config()).axis == 1


def test_no_weight_gives_zero():
    zero = lapis.losses.MeanSquaredError()(jnp.ones((2, 2)), jnp.zeros((2, 2)), sample_weight=jnp.zeros(2))
    assert float(zero) == 0.0
    weighted = lapis.losses.MeanSquaredError(reduction="mean_with_sample_weight")
    assert float(weighted(jnp.ones((2, 2)), jnp.zeros((2, 2)), sample_weight=jnp.zeros(2))) == 0.0
