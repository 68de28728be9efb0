"""What is built on editing: batch normalization folded, activations exchanged, layers frozen, low-rank adaptation."""

from typing import Any

import numpy as np
import pytest

import lapis
from lapis import layers, surgery
from tests.nested_models import four_levels, inputs_of, many_outputs, settle, shared_layers, stack_of_models
from tests.oracle import keras

_FOLDED = [
    ("Dense", lambda: layers.Dense(5), (6,), -1),
    ("Dense on sequences, no bias", lambda: layers.Dense(5, use_bias=False), (4, 6), -1),
    ("Conv1D", lambda: layers.Conv1D(4, 3), (8, 3), -1),
    ("Conv2D", lambda: layers.Conv2D(4, 3, strides=2, padding="same"), (8, 8, 3), -1),
    ("Conv2D, no bias", lambda: layers.Conv2D(4, 3, use_bias=False), (8, 8, 3), 3),
    ("Conv2D in groups", lambda: layers.Conv2D(6, 3, groups=3), (8, 8, 3), -1),
    ("Conv2D, channels first", lambda: layers.Conv2D(4, 3, data_format="channels_first"), (3, 8, 8), 1),
    ("Conv3D", lambda: layers.Conv3D(4, 2), (4, 4, 4, 2), -1),
    ("Conv1DTranspose", lambda: layers.Conv1DTranspose(4, 3), (8, 3), -1),
    ("Conv2DTranspose", lambda: layers.Conv2DTranspose(4, 3, strides=2), (5, 5, 3), -1),
    ("DepthwiseConv2D", lambda: layers.DepthwiseConv2D(3, depth_multiplier=2), (8, 8, 3), -1),
    ("DepthwiseConv1D, no bias", lambda: layers.DepthwiseConv1D(3, use_bias=False), (8, 3), -1),
    ("SeparableConv2D", lambda: layers.SeparableConv2D(4, 3, depth_multiplier=2), (8, 8, 3), -1),
    ("SeparableConv1D", lambda: layers.SeparableConv1D(4, 3), (8, 3), -1),
]


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize(("name", "make", "shape", "axis"), _FOLDED, ids=[row[0] for row in _FOLDED])
def test_batch_normalization_is_folded(name: str, make: Any, shape: tuple, axis: int, scale: bool) -> None:
    norm = layers.BatchNormalization(axis=axis, scale=scale, center=scale)
    model = settle(lapis.Sequential([lapis.Input(shape), make(), norm, layers.ReLU()]))
    x = inputs_of(model)
    before = model.predict(x, verbose=0)
    new = surgery.fold_batch_normalization(model)
    assert not new.find(layers.BatchNormalization) and len(new.layers) == 2 and len(model.layers) == 3
    np.testing.assert_allclose(new.predict(x, verbose=0), before, atol=1e-5)


def _after(*tail: Any, activation: Any = None, axis: int = -1) -> Any:
    """A convolution, batch normalization, and what uses the convolution besides."""
    i = lapis.Input((6, 6, 3))
    c = layers.Conv2D(3, 3, padding="same", activation=activation, name="c")(i)
    n = layers.BatchNormalization(name="n", axis=axis)(c)
    return lapis.Model(i, [n, *(f(c) for f in tail)])


def _called_twice() -> Any:
    i, c, n = lapis.Input((6, 6, 3)), layers.Conv2D(3, 3, padding="same"), layers.BatchNormalization()
    return lapis.Model(i, n(c(c(i))))


def _norm_in_training() -> Any:
    i = lapis.Input((6, 6, 3))
    return lapis.Model(i, layers.BatchNormalization()(layers.Conv2D(3, 3)(i), training=True))


def _tapped() -> Any:
    """A convolution in a nested model, whose output something outside uses too."""
    inner = _after()
    i = lapis.Input((6, 6, 3))
    return lapis.Model(i, [inner(i)[0], surgery.inside(lapis.tree.flatten(inner(i))[0], "c")])


@pytest.mark.parametrize(
    "make",
    [
        lambda: _after(lambda c: c),
        lambda: _after(layers.ReLU()),
        lambda: _after(activation="relu"),
        lambda: _after(axis=1),
        _called_twice,
        _norm_in_training,
        _tapped,
        lambda: lapis.Sequential([lapis.Input((6,)), layers.BatchNormalization(), layers.Dense(3)]),
    ],
    ids=["output", "used", "activation", "axis", "shared", "training", "tapped", "before"],
)
def test_batch_normalization_is_left_where_it_cannot_be_folded(make: Any) -> None:
    model = settle(make())
    count = len(model.find(layers.BatchNormalization))
    new = surgery.fold_batch_normalization(model)
    assert len(new.find(layers.BatchNormalization)) == count >= 1
    x = inputs_of(model)
    for mine, theirs in zip(lapis.tree.flatten(new(x)), lapis.tree.flatten(model(x)), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_batch_normalization_in_nested_models_is_folded() -> None:
    model = settle(four_levels())
    x = inputs_of(model)
    new = surgery.fold_batch_normalization(model)
    assert len(new.find(layers.BatchNormalization)) == 0 < len(model.find(layers.BatchNormalization))
    np.testing.assert_allclose(new(x), model(x), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "norms"), [("MobileNetV2", 52), ("ResNet50", 53), ("EfficientNetB0", 49)])
def test_batch_normalization_of_published_architectures_is_folded(name: str, norms: int) -> None:
    theirs = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=10)
    model = settle(lapis.models.model_from_json(theirs.to_json()))
    assert len(model.find(layers.BatchNormalization)) == norms
    new = surgery.fold_batch_normalization(model)
    assert not new.find(layers.BatchNormalization)
    x = inputs_of(model)
    np.testing.assert_allclose(new.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-5)


def _activated() -> Any:
    i = lapis.Input((5, 4))
    x = layers.Dense(4, "relu", name="a")(i)
    x = layers.ReLU(name="b")(lapis.ops.relu(x - 0.1))
    x = layers.Bidirectional(layers.SimpleRNN(3, activation="relu"), name="c")(x)
    x = layers.ReLU(max_value=6.0, name="six")(layers.Activation("relu", name="d")(x))
    return settle(lapis.Model(i, layers.Dense(2, "tanh", name="e")(x)))


def test_activations_are_exchanged() -> None:
    model = _activated()
    new = surgery.replace_activations(model, "relu", lapis.activations.tanh)
    x = inputs_of(model)
    y = lapis.ops.tanh(model.get_layer("a")(x) * 0 + x @ model.get_layer("a").kernel + model.get_layer("a").bias)
    y = lapis.ops.tanh(lapis.ops.tanh(y - 0.1))
    twin = layers.Bidirectional(layers.SimpleRNN(3, activation="tanh"))
    twin.build(y.shape)
    twin.set_weights(model.get_layer("c").get_weights())
    y = lapis.ops.relu(lapis.ops.tanh(twin(y)))
    np.testing.assert_allclose(new(x), model.get_layer("e")(y), atol=1e-5)
    assert isinstance(new.get_layer("six"), layers.ReLU)
    back = surgery.replace_activations(new, "tanh", "relu")
    assert back.get_layer("e").activation is lapis.activations.relu


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("gelu", "relu", "uses the activation 'gelu' nowhere"),
        ("reul", "relu", "no activation named 'reul'. Did you mean"),
    ],
)
def test_activations_that_are_not_there(old: str, new: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        surgery.replace_activations(_activated(), old, new)


@pytest.mark.parametrize(
    ("make", "pattern", "frozen", "left"),
    [
        (four_levels, "enc/seq/block/c1", ["enc/seq/block/c1"], 8),
        (four_levels, "enc/seq", ["enc/seq"], 2),
        (four_levels, "**/c?", ["enc/seq/block/c1", "enc/seq/block/c2"], 6),
        (four_levels, layers.Dense, ["head"], 8),
        (four_levels, lambda place: place.path.endswith("bn"), ["enc/seq/block/bn"], 8),
        (many_outputs, "mha/query", ["mha/query"], 18),
        (shared_layers, "dense", ["dense"], 2),
    ],
)
def test_freezing(make: Any, pattern: Any, frozen: list[str], left: int) -> None:
    model = make()
    before = len(model.trainable_weights)
    assert surgery.freeze(model, pattern) == frozen
    assert len(model.trainable_weights) == left < before
    surgery.unfreeze(model, pattern)
    assert len(model.trainable_weights) == before


def test_unfreezing_opens_the_way_and_no_more() -> None:
    model = four_levels()
    surgery.freeze(model, "**")
    assert not model.trainable_weights
    surgery.unfreeze(model, "enc/seq/block/c2")
    assert [w.path for w in model.trainable_weights] == ["c2/kernel", "c2/bias"]
    model.compile("sgd", "mse")
    before = [w.numpy() for w in model.weights]
    model.fit(inputs_of(model, 4), np.ones((4, 2), "float32"), verbose=0)
    changed = [w.path for w, old in zip(model.weights, before) if not np.array_equal(w.numpy(), old)]
    assert changed == ["c2/kernel", "c2/bias"]
    with pytest.raises(ValueError, match=r"nothing at the path .enc/seq/c2.* Did you mean"):
        surgery.freeze(model, "enc/seq/c2")


@pytest.mark.parametrize(
    ("make", "pattern", "adapted"),
    [
        (stack_of_models, "**", ["d1", "d2", "top"]),
        (stack_of_models, "middle/inner/d?", ["d1", "d2"]),
        (many_outputs, "mha/*", ["query", "key", "value", "attention_output"]),
        (many_outputs, layers.Embedding, ["embed"]),
        (four_levels, "**/c1", ["c1"]),
    ],
)
def test_low_rank_adaptation(make: Any, pattern: Any, adapted: list[str]) -> None:
    model = settle(make())
    x = inputs_of(model)
    new = surgery.add_lora(model, pattern, rank=2, alpha=3.0)
    for mine, theirs in zip(lapis.tree.flatten(new(x)), lapis.tree.flatten(model(x)), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    enabled = [layer for layer in new._flatten_layers() if getattr(layer, "lora_enabled", False)]
    assert sorted(layer.name for layer in enabled) == sorted(adapted)
    assert {(layer.lora_rank, layer.lora_alpha) for layer in enabled} == {(2, 3.0)}
    assert len(new.trainable_weights) == 2 * len(adapted)
    assert all("lora" in w.path for w in new.trainable_weights)
    assert not any(getattr(layer, "lora_enabled", False) for layer in model._flatten_layers())


def test_low_rank_adaptation_trains_the_thin_matrices_alone() -> None:
    model = settle(stack_of_models())
    new = surgery.add_lora(model, "middle/inner/d1", rank=1)
    new.compile("sgd", "mse")
    before = [w.numpy() for w in new.weights]
    new.fit(inputs_of(new, 8), np.ones((8, 3), "float32"), epochs=2, verbose=0)
    changed = {w.path.split("/")[-1] for w, old in zip(new.weights, before) if not np.array_equal(w.numpy(), old)}
    assert changed == {"lora_kernel_a", "lora_kernel_b"}
    kept = surgery.add_lora(model, "top", freeze_others=False)
    assert len(kept.trainable_weights) == len(model.trainable_weights) - 1 + 2


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("middle", "No layer at 'middle' can be adapted: there are Functional"), ("tops", "Did you mean 'top'")],
)
def test_low_rank_adaptation_of_nothing(pattern: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        surgery.add_lora(stack_of_models(), pattern)
