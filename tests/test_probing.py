"""Activations and gradients inside of models, by path, beside JAX's own and finite differences."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lapis
from lapis import layers
from tests.nested_models import four_levels, inputs_of, many_outputs, settle, shared_layers, stack_of_models


def _mean_of_squares(outputs: Any) -> Any:
    return sum(lapis.ops.mean(lapis.ops.square(lapis.ops.cast(x, "float32"))) for x in lapis.tree.flatten(outputs))


@pytest.mark.parametrize("make", [stack_of_models, shared_layers, many_outputs], ids=lambda make: make.__name__)
def test_activations_are_those_of_features(make: Any) -> None:
    model = settle(make())
    x = inputs_of(model)
    paths = [place.path for place in model.find("**") if place.node is not None]
    found = model.inspect(x, paths)
    expected = model.features(paths)(x)
    assert set(found.activations) == set(paths) and found.gradients is None and found.value is None
    for path in paths:
        mine, theirs = lapis.tree.flatten(found.activations[path]), lapis.tree.flatten(expected[path])
        assert all(isinstance(a, np.ndarray) for a in mine)
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5, err_msg=path)


def test_gradients_are_those_that_jax_finds_layer_by_layer() -> None:
    model = settle(stack_of_models())
    x = inputs_of(model)
    d1, d2, top = (model.get_layer(path) for path in ("middle/inner/d1", "middle/inner/d2", "top"))

    def after(h: Any) -> Any:
        y = (h @ d2.kernel.value + d2.bias.value) * 2.0
        return jnp.mean((y @ top.kernel.value + top.bias.value) ** 2)

    h = jax.nn.relu(x @ d1.kernel.value + d1.bias.value)
    found = model.inspect(x, ["middle/inner/d1", "middle/multiply"], of=_mean_of_squares)
    np.testing.assert_allclose(found.gradients["middle/inner/d1"], jax.grad(after)(h), atol=1e-6)
    np.testing.assert_allclose(
        found.gradients["middle/multiply"],
        jax.grad(lambda y: jnp.mean((y @ top.kernel.value + top.bias.value) ** 2))(
            found.activations["middle/multiply"]
        ),
        atol=1e-6,
    )
    assert found.value == pytest.approx(float(after(h)), rel=1e-5)


def test_gradients_of_the_loss_at_each_call_of_a_shared_model() -> None:
    model = settle(four_levels(), 11)
    model.compile("sgd", "mse")
    x, y = inputs_of(model), np.ones((3, 2), "float32")
    found = model.inspect(x, ["head", "enc/seq/back", "enc/seq:1/back"], y=y, sample_weight=np.array([1.0, 2.0, 0.5]))
    weights = np.array([1.0, 2.0, 0.5])[:, None]
    np.testing.assert_allclose(
        found.gradients["head"], 2 * (found.activations["head"] - y) * weights / 2 / 3, atol=1e-6
    )
    assert np.abs(found.gradients["enc/seq/back"] - found.gradients["enc/seq:1/back"]).max() > 1e-5
    direction = np.random.default_rng(0).normal(size=(3, 8, 8, 3)).astype("float32")
    seq, head = model.get_layer("enc/seq"), model.get_layer("head")

    def loss(first: Any) -> float:
        out = head(lapis.ops.relu(lapis.ops.mean(seq(first), (1, 2))))
        return float(np.mean(np.mean((out - y) ** 2, -1) * weights[:, 0]))

    first, step = found.activations["enc/seq/back"], 1e-2
    slope = (loss(first + step * direction) - loss(first - step * direction)) / (2 * step)
    assert slope == pytest.approx(float(np.sum(found.gradients["enc/seq/back"] * direction)), rel=0.02, abs=1e-4)


def test_the_loss_is_the_compiled_one_and_nothing_changes() -> None:
    i = lapis.Input((4,))
    x = layers.BatchNormalization(name="bn")(layers.Dense(3, kernel_regularizer="l2", name="d")(i))
    model = lapis.Model(i, layers.Dense(1, name="out")(layers.Dropout(0.5, name="drop")(x)))
    model.compile("sgd", "mae")
    data, y = np.random.default_rng(1).normal(size=(6, 4)).astype("float32"), np.zeros((6, 1), "float32")
    before = [v.numpy() for v in model.variables]
    trained = model.inspect(data, "drop", y=y, training=True)
    assert (trained.activations["drop"] == 0).any()
    found = model.inspect(data, ["d", "drop"], y=y)
    assert not (found.activations["drop"] == 0).any()
    for variable, old in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), old)
    assert found.value == pytest.approx(model.evaluate(data, y, verbose=0), rel=1e-5)
    scale = (model.get_layer("out").get_weights()[0][:, 0] / np.sqrt(1 + 1e-3))[None]
    sign = np.sign(model(data))
    np.testing.assert_allclose(found.gradients["d"], sign * scale / 6, atol=1e-6)


def test_masks_survive_where_something_is_looked_at() -> None:
    i = lapis.Input((5,), dtype="int32")
    e = layers.Embedding(10, 4, mask_zero=True, name="e")(i)
    model = settle(lapis.Model(i, layers.GlobalAveragePooling1D(name="mean")(e)))
    x = np.array([[1, 2, 0, 0, 0], [3, 3, 3, 3, 3]])
    found = model.inspect(x, "e", of=lambda y: lapis.ops.sum(y))
    wanted = np.where(x[..., None] > 0, 1.0 / np.array([2.0, 5.0])[:, None, None], 0.0) * np.ones(4)
    np.testing.assert_allclose(found.gradients["e"], wanted, atol=1e-6)


def test_whole_numbers_have_no_gradients_and_structures_are_kept() -> None:
    model = settle(many_outputs())
    found = model.inspect(inputs_of(model), ["words", "lstm", "greater"], of=_mean_of_squares)
    assert found.gradients["words"] is None and found.gradients["greater"] is None
    assert [g.shape for g in found.gradients["lstm"]] == [(3, 5, 3), (3, 3), (3, 3)]


@pytest.mark.parametrize(
    ("make", "paths", "options", "message"),
    [
        (stack_of_models, "middel", {}, "nothing at the path 'middel'. Did you mean 'middle'"),
        (stack_of_models, "top", {"y": np.ones((3, 3))}, "'outer' is not compiled, so there is no loss for `y`"),
        (stack_of_models, "top", {"y": 1, "of": len}, "either of the loss, with `y=`, or of a function"),
        (stack_of_models, "top", {"of": lambda y: y}, r"the function gave an array of shape \(3, 3\)"),
        (lambda: lapis.Sequential([layers.Dense(2)], name="s"), "*", {}, "`inspect` needs a graph of layers, but 's'"),
    ],
)
def test_mistakes(make: Any, paths: str, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model = make()
        model.inspect(np.ones((3, 6), "float32"), paths, **options)


def test_what_runs_on_the_host_is_not_looked_into() -> None:
    i = lapis.Input((), dtype="string", name="text")
    codes = layers.StringLookup(vocabulary=["a", "b"], name="codes")(i)
    model = lapis.Model(i, layers.Embedding(4, 2, name="e")(codes))
    found = model.inspect(np.array(["a", "b"]), ["codes", "e"], of=_mean_of_squares)
    assert found.activations["codes"].tolist() == [1, 2]
    np.testing.assert_allclose(found.activations["e"], model.predict(np.array(["a", "b"]), verbose=0), atol=1e-6)
    with pytest.raises(ValueError, match=r"\['text'\] run on the host"):
        model.inspect(np.array(["a", "b"]), "text")
