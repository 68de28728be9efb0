"""Fingerprints: equal models have equal ones, and whatever changes what a model computes changes its fingerprint."""

import inspect
from collections import defaultdict

import jax.numpy as jnp
import numpy as np
import pytest

import lapis
from lapis.core.changes import changed
from lapis.training.fingerprint import _base, compile_fingerprint, fingerprint, steady_fingerprint
from tests.descriptors import LAYER_FAMILIES, rows

layers = lapis.layers
ROWS = [row for row in rows(*LAYER_FAMILIES) if not row.name.startswith("Lambda")]


def of_row(row):
    """A model of the row's layer alone."""
    inputs = [
        lapis.tree.map_structure(lambda x: lapis.Input(batch_shape=x.shape, dtype=x.dtype.name), x) for x in row.inputs
    ]
    return lapis.Model(inputs, row.make(lapis)(*inputs, **row.kwargs))


def mark(model):
    return fingerprint(model, by_name=False)


def mlp(units=4, activation="relu", out=2, **kwargs):
    i = lapis.Input((3,))
    h = layers.Dense(units, activation=activation, **kwargs)(i)
    return lapis.Model(i, layers.Dense(out)(h))


def test_equal_models_are_equal_whatever_their_layers_are_called():
    first, second = mlp(), mlp()
    assert first.layers[1].name != second.layers[1].name
    assert mark(first) == mark(second) is not None
    assert fingerprint(first) != fingerprint(second)  # by name, their inputs differ
    second.layers[1].kernel.assign(np.ones((3, 4)))
    assert mark(first) == mark(second)


def test_every_layer_has_one_and_rows_that_share_it_are_the_same():
    found = defaultdict(list)
    for row in ROWS:
        model, again = of_row(row), of_row(row)
        text = _base(model)  # without the names of several outputs
        if row.name.startswith("JaxLayer"):  # whose function is unknown
            assert text is None
            continue
        assert text is not None, row.name
        assert text == _base(again), row.name
        found[text].append((row, model))
    assert len(found) > 0.7 * len(ROWS)
    for same in found.values():
        (_, first), *others = same
        for row, other in others:
            config, twin = (
                [{k: v for k, v in layer.get_config().items() if not _is_nameless(k)} for layer in model.layers]
                for model in (first, other)
            )
            assert _without_names(config) == _without_names(twin), row.name


def _is_nameless(key):
    return key.endswith("initializer") or key in ("name", "seed")


def _without_names(config):
    if isinstance(config, dict):
        return {k: _without_names(v) for k, v in config.items() if not _is_nameless(k)}
    return [_without_names(v) for v in config] if isinstance(config, (list, tuple)) else config


# Attributes that only say how the layer came about, or that are worked out from others.
_NO_SAY = {"name", "seed"}


@pytest.mark.parametrize("family", LAYER_FAMILIES)
def test_changing_any_attribute_of_a_layer_shows(family):
    for row in rows(family):
        if row.name.startswith("Lambda"):
            continue
        model = of_row(row)
        layer = model.layers[-1]
        before = mark(model)
        for key in inspect.signature(type(layer).__init__).parameters:
            value = layer.__dict__.get(key)
            if key in _NO_SAY or not isinstance(value, (bool, int, float, str)):
                continue
            setattr(layer, key, (not value) if isinstance(value, bool) else value + type(value)(1))
            assert mark(model) != before, (row.name, key)
            setattr(layer, key, value)
            assert mark(model) == before, (row.name, key)


def residual(order):
    i = lapis.Input((4,))
    a, b = layers.Dense(4)(i), layers.Dense(4, activation="tanh")(i)
    return lapis.Model(i, layers.Subtract()([a, b] if order else [b, a]))


def shared(is_shared):
    a, b = lapis.Input((4,)), lapis.Input((4,))
    first = layers.Dense(4)
    second = first if is_shared else layers.Dense(4)
    return lapis.Model([a, b], layers.Add()([first(a), second(b)]))


def frozen(place):
    model = mlp()
    if place is not None:
        model.layers[place].trainable = False
    return model


def called(training):
    i = lapis.Input((4,))
    return lapis.Model(i, layers.Dropout(0.5, seed=1)(i, training=training))


def constant(value):
    i = lapis.Input((4,))
    return lapis.Model(i, i * value)


def twice(swap):
    i = lapis.Input((4,))
    inner = lapis.Sequential([lapis.Input((4,)), layers.Dense(4), layers.ReLU()])
    relu = layers.ReLU()
    return lapis.Model(i, relu(inner(i)) if swap else inner(relu(i)))


def outputs(as_dict):
    i = lapis.Input((4,))
    a, b = layers.Dense(1, name="a")(i), layers.Dense(1, name="b")(i)
    return lapis.Model(i, {"x": a, "y": b} if as_dict else [a, b])


DIFFERENT = {
    "units": (lambda: mlp(4), lambda: mlp(5)),
    "activation": (lambda: mlp(), lambda: mlp(activation="tanh")),
    "bias": (lambda: mlp(), lambda: mlp(use_bias=False)),
    "order of arguments": (lambda: residual(True), lambda: residual(False)),
    "sharing": (lambda: shared(True), lambda: shared(False)),
    "regularizer": (lambda: mlp(), lambda: mlp(kernel_regularizer="l2")),
    "strength": (
        lambda: mlp(kernel_regularizer=lapis.regularizers.L2(0.1)),
        lambda: mlp(kernel_regularizer=lapis.regularizers.L2(0.2)),
    ),
    "constraint": (lambda: mlp(), lambda: mlp(kernel_constraint="non_neg")),
    "activity": (lambda: mlp(), lambda: mlp(activity_regularizer="l2")),
    "frozen": (lambda: frozen(None), lambda: frozen(1)),
    "which is frozen": (lambda: frozen(1), lambda: frozen(2)),
    "policy": (lambda: mlp(), lambda: mlp(dtype="mixed_bfloat16")),
    "training": (lambda: called(True), lambda: called(False)),
    "training given": (lambda: called(None), lambda: called(False)),
    "constant": (lambda: constant(2.0), lambda: constant(3.0)),
    "type of constant": (lambda: constant(2.0), lambda: constant(2)),
    "boolean constant": (lambda: constant(True), lambda: constant(1)),
    "array": (lambda: constant(np.ones(4, "float32")), lambda: constant(np.zeros(4, "float32"))),
    "jax array": (lambda: constant(jnp.ones(4)), lambda: constant(jnp.zeros(4))),
    "nesting": (lambda: twice(True), lambda: twice(False)),
    "structure of outputs": (lambda: outputs(True), lambda: outputs(False)),
    "rate": (
        lambda: lapis.Sequential([lapis.Input((4,)), layers.Dropout(0.1)]),
        lambda: lapis.Sequential([lapis.Input((4,)), layers.Dropout(0.2)]),
    ),
    "input's type": (
        lambda: lapis.Sequential([lapis.Input((4,)), layers.ReLU()]),
        lambda: lapis.Sequential([lapis.Input((4,), dtype="float16"), layers.ReLU()]),
    ),
    "input's shape": (
        lambda: lapis.Sequential([lapis.Input((4,)), layers.ReLU()]),
        lambda: lapis.Sequential([lapis.Input((4, 1)), layers.ReLU()]),
    ),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_what_differs_has_another(case):
    first, second = DIFFERENT[case]
    assert None is not mark(first()) == mark(first())
    assert mark(first()) != mark(second()) is not None


def test_settings_of_the_process_count():
    model = mlp()
    before = mark(model)
    epsilon = lapis.config.epsilon()
    lapis.config.set_epsilon(1e-3)
    try:
        assert mark(model) != before
    finally:
        lapis.config.set_epsilon(epsilon)
    assert mark(model) == before


class Own(layers.Layer):
    def call(self, x):
        return x + 1


class OwnDense(layers.Dense):
    pass


class OwnModel(lapis.Model):
    pass


def _own_activation(x):
    return x * 2


def _with_method():
    model = mlp()
    model.layers[1].call = lambda x: x
    return model


def _own_subclass():
    i = lapis.Input((4,))
    return OwnModel(i, layers.Dense(2)(i))


def _with_variable():
    i = lapis.Input((4,))
    return lapis.Model(i, lapis.ops.multiply(i, lapis.Variable(np.ones(4, "float32"))))


FOREIGN = {
    "layer": lambda: lapis.Sequential([lapis.Input((4,)), Own()]),
    "subclass of a layer": lambda: lapis.Sequential([lapis.Input((4,)), OwnDense(2)]),
    "nested": lambda: lapis.Sequential([lapis.Input((4,)), lapis.Sequential([lapis.Input((4,)), Own()])]),
    "wrapped": lambda: lapis.Sequential([lapis.Input((4, 4)), layers.TimeDistributed(Own())]),
    "Lambda": lambda: lapis.Sequential([lapis.Input((4,)), layers.Lambda(lambda x: x)]),
    "activation": lambda: mlp(activation=_own_activation),
    "regularizer": lambda: mlp(kernel_regularizer=_own_activation),
    "constraint": lambda: mlp(kernel_constraint=_own_activation),
    "method of an object": _with_method,
    "model": _own_subclass,
    "loose variable": _with_variable,
    "not built": lambda: lapis.Sequential([layers.Dense(2)]),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_is_not_ours_has_none(case):
    assert fingerprint(FOREIGN[case]()) is None


def test_a_function_put_into_a_class_of_ours(monkeypatch):
    model = mlp()
    monkeypatch.setattr(layers.Dense, "call", lambda self, x: x)
    changed()
    assert fingerprint(model) is None


def test_own_initializers_do_not_matter():
    assert mark(mlp(kernel_initializer=lambda shape, dtype=None: np.ones(shape))) == mark(mlp())


def test_arrays_that_may_change_are_not_steady():
    array = np.ones(4, "float32")
    model = constant(array)
    before = mark(model)
    assert before is not None and steady_fingerprint(model) is None
    array[0] = 5.0
    assert mark(model) != before
    assert steady_fingerprint(constant(jnp.ones(4))) is not None


def compiled(optimizer="adam", loss="mse", **kwargs):
    model = mlp()
    model.compile(optimizer=optimizer, loss=loss, **kwargs)
    model.train_on_batch(np.ones((4, 3)), np.ones((4, 2)))
    return compile_fingerprint(model, by_name=False)


def test_what_was_compiled():
    usual = compiled()
    assert usual is not None
    assert usual == compiled() == compiled(lapis.optimizers.Adam(0.1))
    others = [
        compiled("sgd"),
        compiled(lapis.optimizers.Adam(beta_1=0.5)),
        compiled(lapis.optimizers.Adam(clipnorm=1.0)),
        compiled(lapis.optimizers.Adam(lapis.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9))),
        compiled(lapis.optimizers.Adam(lapis.optimizers.schedules.ExponentialDecay(0.1, 20, 0.9))),
        compiled(loss="mae"),
        compiled(loss_weights=0.5),
        compiled(metrics=["mae"]),
        compiled(metrics=[lapis.metrics.MeanAbsoluteError(name="other")]),
        compiled(weighted_metrics=["mae"]),
        compiled(loss=lapis.losses.Huber(0.5)),
        compiled(loss=lapis.losses.Huber(0.7)),
        compiled(jit_compile=False),
    ]
    assert None not in others
    assert len({usual, *others}) == len(others) + 1


def test_what_was_compiled_of_the_users_own():
    assert compiled(loss=lambda y_true, y_pred: lapis.ops.mean(y_true - y_pred, axis=-1)) is None
    assert compiled(lapis.optimizers.SGD(lambda: 0.1)) is None
    assert compiled(metrics=[lambda y_true, y_pred: lapis.ops.mean(y_pred, axis=-1)]) is None
    model = mlp()
    model.compile("sgd", "mse")
    model.train_step = lambda *args: None
    assert compile_fingerprint(model) is None


def test_exclusions_from_decay_go_by_name():
    def decaying(name):
        i = lapis.Input((3,))
        model = lapis.Model(i, layers.Dense(2, name=name)(i))
        optimizer = lapis.optimizers.AdamW()
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        model.compile(optimizer, "mse")
        optimizer.build(model.trainable_variables)
        return compile_fingerprint(model, by_name=False)

    assert decaying("a") == decaying("a") != decaying("b")
