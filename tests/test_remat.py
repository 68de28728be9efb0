"""Rematerialization: the same numbers, and less kept for the way back."""

from contextlib import nullcontext
from typing import Any

import jax
import numpy as np
import pytest

import lapis
from lapis import layers, ops
from lapis.graph import get_mask
from lapis.training.fingerprint import fingerprint

pytestmark = pytest.mark.usefixtures("quick_compilation")
SCOPES = {
    "full": lambda: lapis.RematScope("full"),
    "activations": lambda: lapis.RematScope("activations"),
    "larger_than": lambda: lapis.RematScope("larger_than", 30),
    "list_of_layers": lambda: lapis.RematScope("list_of_layers", layer_names=["norm", "out"]),
}


def _model(scope: Any) -> lapis.Model:
    lapis.utils.clear_session(free_memory=False)
    lapis.utils.set_random_seed(1)
    with scope:
        return lapis.Sequential(
            [
                lapis.Input((4, 4, 2)),
                layers.Conv2D(3, 2, activation="relu"),
                layers.BatchNormalization(name="norm"),
                layers.Dropout(0.4, seed=2),
                layers.Flatten(),
                layers.Dense(3, "softmax", kernel_regularizer="l2", activity_regularizer="l2", name="out"),
            ]
        )


def _trained(scope: Any) -> list[np.ndarray]:
    """Losses, weights, moving averages and seeds after a few steps."""
    model = _model(scope)
    model.compile("sgd", "sparse_categorical_crossentropy")
    x = np.random.default_rng(0).uniform(size=(8, 4, 4, 2)).astype("float32")
    history = model.fit(x, np.arange(8) % 3, batch_size=4, verbose=0)
    return [np.asarray(history.history["loss"]), *(variable.numpy() for variable in model.variables)]


def test_training_is_the_same() -> None:
    plain = _trained(nullcontext())
    for mode, scope in SCOPES.items():
        for mine, wanted in zip(_trained(scope()), plain, strict=True):
            np.testing.assert_allclose(mine, wanted, atol=1e-6, err_msg=mode)


def _kept(layer: Any, x: Any) -> int:
    """How many numbers are kept for the way back."""
    weights = [variable.value for variable in layer.trainable_variables]
    _, back = jax.vjp(lambda w, x: layer.stateless_call(w, [], x)[0], weights, x)
    return sum(leaf.size for leaf in jax.tree.leaves(back))


class _Deep(layers.Layer):
    """A layer whose inner values are many times its inputs."""

    def call(self, x: Any) -> Any:
        for _ in range(5):
            x = ops.sin(x) * ops.cos(x)
        return x


def test_less_is_kept() -> None:
    x = ops.ones((8, 4))
    with lapis.RematScope("full"):
        lean = _Deep()
    with lapis.RematScope("larger_than", 31):
        leaner = _Deep()
    with lapis.RematScope("larger_than", 32):
        wasteful = _Deep()
    for layer in (lean, leaner, wasteful, usual := _Deep()):
        layer(x)
    assert _kept(lean, x) == _kept(leaner, x) == x.size
    assert _kept(wasteful, x) == _kept(usual, x) >= 10 * x.size


def test_which_layers_take_part() -> None:
    with lapis.RematScope("list_of_layers", layer_names=["in"]):
        inside, outside = layers.Dense(1, name="in"), layers.Dense(1, name="out")
    with lapis.RematScope("full"), lapis.RematScope(None):
        off = layers.Dense(1)
    assert [layer._remat_mode is None for layer in (inside, outside, off)] == [False, True, True]
    assert layers.Dense(1)._remat_mode is None
    with pytest.raises(ValueError, match="mode is 'all'; expected one of 'full'"):
        lapis.RematScope("all")


def test_programs_are_not_shared_with_models_outside_the_scope() -> None:
    assert fingerprint(_model(lapis.RematScope("full"))) != fingerprint(_model(nullcontext()))


def test_masks_losses_and_assignments_come_out() -> None:
    class Counting(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.supports_masking = True
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x: Any, mask: Any = None) -> Any:
            self.calls.assign_add(1.0)
            self.add_loss(ops.sum(x))
            return x * ops.cast(mask, x.dtype)[..., None]

    with lapis.RematScope():
        layer = Counting()
    y = layer(layers.Masking()(ops.array([[[1.0], [0.0]]])))
    assert get_mask(y).tolist() == [[True, False]]
    assert (float(layer.calls.value), [float(loss) for loss in layer.losses]) == (1.0, [1.0])
    _, (calls,), losses = layer.stateless_call(
        [], [layer.calls.value], ops.ones((1, 2, 1)), mask=ops.ones((1, 2)), return_losses=True
    )
    assert (float(calls), [float(loss) for loss in losses]) == (2.0, [2.0])


def test_remat_of_a_function_and_of_a_symbolic_call() -> None:
    function = lapis.remat(lambda x, by, *, flag: {"y": ops.tanh(x) * by, "flag": flag})
    gradient = jax.grad(lambda x: function(x, 2.0, flag=None)["y"])(0.5)
    assert float(gradient) == pytest.approx(2 * (1 - np.tanh(0.5) ** 2))
    assert function(ops.ones(2), 1, flag=True)["flag"] is True
    assert function(lapis.Input((3,)), 2.0, flag=None)["y"].shape == (None, 3)
