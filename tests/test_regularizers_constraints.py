"""Regularizers and constraints against real Keras: values, gradients, configs, names, errors."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lapis
from lapis import constraints, regularizers
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")

_REGULARIZERS = {
    "l1": lambda k: k.regularizers.L1(0.1),
    "l2": lambda k: k.regularizers.L2(0.1),
    "l1l2": lambda k: k.regularizers.L1L2(l1=0.1, l2=0.2),
    "l1l2-nothing": lambda k: k.regularizers.L1L2(),
    "l1l2-none": lambda k: k.regularizers.L1L2(None, 0.3),
    "orthogonal-rows": lambda k: k.regularizers.OrthogonalRegularizer(0.3),
    "orthogonal-columns": lambda k: k.regularizers.OrthogonalRegularizer(mode="columns"),
}
_CONSTRAINTS = {
    "max-norm": lambda k: k.constraints.MaxNorm(),
    "max-norm-axes": lambda k: k.constraints.MaxNorm(0.5, axis=[0, 1]),
    "non-neg": lambda k: k.constraints.NonNeg(),
    "unit-norm": lambda k: k.constraints.UnitNorm(),
    "unit-norm-axis": lambda k: k.constraints.UnitNorm(axis=1),
    "min-max-norm": lambda k: k.constraints.MinMaxNorm(0.5, 0.8),
    "min-max-norm-rate": lambda k: k.constraints.MinMaxNorm(0.5, 0.8, rate=0.3, axis=1),
    "anything": lambda k: k.constraints.Constraint(),
}
_W = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")


def _close(a: object, b: object) -> bool:
    """Equal, numbers up to float32 rounding: Keras keeps some factors in float32."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_close(a[key], b[key]) for key in a)
    return a == pytest.approx(b, rel=1e-6) if isinstance(b, float) else a == b


@pytest.mark.parametrize("name", _REGULARIZERS)
def test_penalty_equals_keras(name: str) -> None:
    mine, other = _REGULARIZERS[name](lapis), _REGULARIZERS[name](keras)
    np.testing.assert_allclose(mine(jnp.asarray(_W)), other(jnp.asarray(_W)), rtol=1e-5)
    gradients = [jax.grad(lambda w, penalty=penalty: penalty(w) * 1.0)(jnp.asarray(_W)) for penalty in (mine, other)]
    np.testing.assert_allclose(*gradients, rtol=1e-4, atol=1e-6)
    assert mine(lapis.Variable(_W)).shape == ()
    assert mine(jnp.asarray(_W, "bfloat16")).dtype == "bfloat16"


@pytest.mark.parametrize("name", _CONSTRAINTS)
def test_constrained_weight_equals_keras(name: str) -> None:
    mine, other = _CONSTRAINTS[name](lapis), _CONSTRAINTS[name](keras)
    np.testing.assert_allclose(mine(jnp.asarray(_W)), other(jnp.asarray(_W)), rtol=1e-5)
    np.testing.assert_allclose(mine(lapis.Variable(_W)), other(jnp.asarray(_W)), rtol=1e-5)
    assert mine(jnp.asarray(_W, "bfloat16")).dtype == "bfloat16"


@pytest.mark.parametrize(("namespace", "make"), [*(("regularizers", m) for m in _REGULARIZERS.values())])
def test_regularizer_configs(namespace: str, make) -> None:
    _check_config(namespace, make)


@pytest.mark.parametrize(("namespace", "make"), [*(("constraints", m) for m in _CONSTRAINTS.values())])
def test_constraint_configs(namespace: str, make) -> None:
    _check_config(namespace, make)


def _check_config(namespace: str, make) -> None:
    ours, theirs = getattr(lapis, namespace), getattr(keras, namespace)
    data = ours.serialize(make(lapis))
    assert _close(data, theirs.serialize(make(keras)))
    again = ours.deserialize(json.loads(json.dumps(data)))
    assert ours.serialize(again) == data
    assert _close(theirs.deserialize(json.loads(json.dumps(data))).get_config(), data["config"])
    assert ours.serialize(ours.deserialize(json.loads(json.dumps(theirs.serialize(make(keras))))))
    assert ours.serialize(ours.get(json.loads(json.dumps(data)))) == data


@pytest.mark.parametrize("namespace", ["regularizers", "constraints"])
def test_names_and_aliases_are_those_of_keras(namespace: str) -> None:
    ours, theirs = getattr(lapis, namespace), getattr(keras, namespace)
    for name, cls in getattr(keras.src, namespace).ALL_OBJECTS_DICT.items():
        assert type(ours.get(name)).__name__ == cls.__name__, name
    assert {name for name in dir(theirs) if not name.startswith("_")} <= set(dir(ours))
    assert ours.get(None) is None
    assert ours.get(abs) is abs
    with pytest.raises(ValueError, match="typo"):
        ours.get("typo")
    with pytest.raises(ValueError, match=r"3 is no"):
        ours.get(3)


def test_defaults_by_name() -> None:
    assert regularizers.get("l1").l1 == regularizers.get("l2").l2 == 0.01
    assert constraints.get("max_norm").get_config() == {"max_value": 2, "axis": 0}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: regularizers.L1(-0.1), "l1"),
        (lambda: regularizers.L2(float("nan")), "l2"),
        (lambda: regularizers.L1L2(l2="1"), "l2"),
        (lambda: regularizers.OrthogonalRegularizer(float("inf")), "factor"),
        (lambda: regularizers.OrthogonalRegularizer(mode="all"), "columns"),
        (lambda: regularizers.OrthogonalRegularizer()(jnp.ones((2, 2, 2))), r"\(2, 2, 2\)"),
    ],
)
def test_errors(make, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_penalties_of_a_layer() -> None:
    layer = lapis.layers.Dense(
        4, kernel_initializer="ones", kernel_regularizer="l1", activity_regularizer=regularizers.L2(0.5)
    )
    layer(np.ones((2, 3), "float32"))
    activity, weights = (float(loss) for loss in layer.losses)
    assert weights == pytest.approx(0.12) and activity == pytest.approx(0.5 * 8 * 9 / 2)


def test_base_classes_say_what_is_missing() -> None:
    assert regularizers.Regularizer()(jnp.ones(2)) == 0.0
    with pytest.raises(NotImplementedError, match="get_config"):
        regularizers.Regularizer().get_config()
    with pytest.raises(NotImplementedError, match="__call__"):
        lapis.initializers.Initializer()((2,))
