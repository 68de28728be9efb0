"""A Lapis model and a Keras model with the same weights, trained on the same batches."""

import numpy as np

import lapis
from tests.descriptors import f32, i32
from tests.oracle import keras

X, Y = f32(64, 8), i32(64, high=3)


def twins(make, compile_model):
    """A compiled Lapis model and a compiled Keras model with its weights."""
    ours, theirs = make(lapis), make(keras)
    ours.set_weights(theirs.get_weights())
    compile_model(lapis, ours)
    compile_model(keras, theirs)
    return ours, theirs


def assert_same_logs(ours, theirs, tolerance=1e-4):
    assert list(ours) == list(theirs)
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=tolerance, atol=tolerance, err_msg=name)


def fit_both(make, compile_model, *data, **options):
    """Train both without shuffling and compare their curves."""
    ours, theirs = twins(make, compile_model)
    curves = []
    for model in (ours, theirs):
        history = model.fit(*data, **{"epochs": 3, "batch_size": 16, "shuffle": False, "verbose": 0, **options})
        curves.append(history.history)
    assert_same_logs(*curves)
    assert all(type(value) is float for values in curves[0].values() for value in values)
    for mine, other in zip(ours.get_weights(), theirs.get_weights()):
        np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-4)
    return ours, theirs, curves[0]


def classifier(k, activation="softmax"):
    inputs = k.Input((8,), name="features")
    x = k.layers.Dense(16, activation="relu", name="hidden")(inputs)
    return k.Model(inputs, k.layers.Dense(3, activation=activation, name="classes")(x))


def compile_classifier(k, model):
    model.compile(k.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])


def two_headed(k, outputs=list):
    a, b = k.Input((4,), name="a"), k.Input((3,), name="b")
    x = k.layers.Dense(8, activation="tanh", name="body")(k.layers.Concatenate(name="both")([a, b]))
    score, kind = k.layers.Dense(1, name="score")(x), k.layers.Dense(3, activation="softmax", name="kind")(x)
    return k.Model([a, b], {"score": score, "kind": kind} if outputs is dict else [score, kind])


A, B, SCORE, KIND = f32(40, 4, seed=1), f32(40, 3, seed=2), f32(40, 1, seed=3), i32(40, high=3, seed=4)
MSE_CE = ["mse", "sparse_categorical_crossentropy"]
