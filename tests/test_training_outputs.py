"""Losses and metrics of several outputs against real Keras: names, order, numbers."""

import jax
import numpy as np
import pytest

from tests.descriptors import f32
from tests.training_twins import (
    KIND,
    MSE_CE,
    SCORE,
    A,
    B,
    assert_same_logs,
    fit_both,
    twins,
    two_headed,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras's own, with NumPy 2

ONE_HOT = np.eye(3, dtype="float32")[KIND]
BY_NAME = {
    "loss": {"kind": MSE_CE[1], "score": "mse"},
    "loss_weights": {"kind": 0.5, "score": 2.0},
    "metrics": {"kind": ["accuracy"]},
    "weighted_metrics": {"score": ["mae"], "kind": "accuracy"},
}
OUTPUT_CASES = {
    "one_loss_for_all": (list, {"loss": "mse"}, [SCORE, ONE_HOT]),
    "list": (list, {"loss": MSE_CE, "loss_weights": [0.3, 2.0], "metrics": ["mae", "accuracy"]}, [SCORE, KIND]),
    "lists_of_metrics": (list, {"loss": MSE_CE, "metrics": [["mae", "mse"], ["acc"]]}, (SCORE, KIND)),
    "none_for_one": (list, {"loss": ["mse", None], "metrics": [None, "accuracy"]}, [SCORE, KIND]),
    "target_left_out": (list, {"loss": [None, MSE_CE[1]], "metrics": [None, ["accuracy"]]}, [None, KIND]),
    "one_target_for_one_loss": (list, {"loss": ["mse", None], "metrics": [["mae"], None]}, SCORE),
    "repeated_names": (
        list,
        {"loss": MSE_CE, "metrics": [["mae", "mae"], []], "weighted_metrics": ["mae", []]},
        [SCORE, KIND],
    ),
    "by_name": (list, BY_NAME, {"score": SCORE, "kind": KIND}),
    "dict_of_outputs": (dict, BY_NAME, {"score": SCORE, "kind": KIND}),
    "dict_with_one_loss": (dict, {"loss": "mse", "metrics": {"kind": "mae"}}, {"score": SCORE, "kind": ONE_HOT}),
}


@pytest.mark.parametrize("case", OUTPUT_CASES)
def test_several_outputs(case):
    outputs, options, y = OUTPUT_CASES[case]
    ours, theirs, _ = fit_both(
        lambda k: two_headed(k, outputs),
        lambda k, model: model.compile(k.optimizers.SGD(0.05), **options),
        *([A, B], y),
        batch_size=20,
        epochs=2,
    )
    mine, other = (m.evaluate([A, B], y, verbose=0) for m in (ours, theirs))
    np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)
    assert ours.metrics_names == theirs.metrics_names
    mine, other = (m.predict({"a": A, "b": B}, verbose=0) for m in (ours, theirs))
    for left, right in zip(jax.tree.leaves(mine), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-3, atol=1e-4)


def test_nested_outputs():
    def make(k):
        inputs = k.Input((4,))
        a, b, c = (k.layers.Dense(1, name=name)(inputs) for name in "abc")
        return k.Model(inputs, {"p": {"q": a, "r": b}, "s": c})

    def compile_model(k, model):
        losses = {"p": {"q": "mse", "r": "mae"}, "s": "mse"}
        model.compile("sgd", losses, metrics={"p": {"q": "mae", "r": ["mse"]}, "s": None})

    y = {"p": {"q": SCORE, "r": SCORE}, "s": SCORE}
    _, _, curve = fit_both(make, compile_model, A, y)
    assert "p/q_loss" in curve


@pytest.mark.parametrize("outputs", [dict, list])
@pytest.mark.parametrize("order", ["kind score", "score kind"])
def test_the_order_of_metrics_is_keras_s(outputs, order):
    losses = {"score": "mse", "kind": "sparse_categorical_crossentropy"}

    def compile_model(k, model):
        model.compile("sgd", {name: losses[name] for name in order.split()}, metrics={"kind": ["accuracy"]})

    ours, theirs = twins(lambda k: two_headed(k, outputs), compile_model)
    logs = [m.evaluate([A, B], {"score": SCORE, "kind": KIND}, verbose=0) for m in (ours, theirs)]
    np.testing.assert_allclose(*logs, rtol=1e-4)
    assert ours.metrics_names == theirs.metrics_names


def test_outputs_without_names_and_metrics_that_are_arrays():
    def make(k):
        class Own(k.Model):
            def __init__(self):
                super().__init__()
                self.score = k.layers.Dense(1)
                self.kind = k.layers.Dense(3, activation="softmax")

            def call(self, x):
                return self.score(x), self.kind(x)

        model = Own()
        model(A[:1])
        return model

    def compile_model(k, model):
        model.compile("sgd", ["mse", "categorical_crossentropy"], metrics=[["mae"], [k.metrics.F1Score(name="f1")]])

    ours, theirs = twins(make, compile_model)
    curves = [m.fit(A, (SCORE, ONE_HOT), shuffle=False, epochs=2, verbose=0).history for m in (ours, theirs)]
    assert_same_logs(*curves)
    assert list(curves[0]) == ["categorical_crossentropy_loss", "f1", "loss", "mae", "mse_loss"]
    assert isinstance(curves[0]["f1"][0], np.ndarray) and curves[0]["f1"][0].shape == (3,)


def test_dict_inputs_by_name_and_weights_per_output():
    def compile_model(k, model):
        model.compile("rmsprop", MSE_CE, weighted_metrics=["mae", "accuracy"])

    weights = [f32(40, seed=5, low=0), f32(40, seed=6, low=0)]
    for given in (weights, weights[0]):
        options = {"sample_weight": given, "batch_size": 20}
        fit_both(two_headed, compile_model, {"b": B, "a": A}, [SCORE, KIND], **options)
