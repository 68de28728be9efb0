"""Statistics that normalization layers keep, step by step beside real Keras, and their errors."""

import jax
import numpy as np
import pytest

import lapis
from tests.descriptors import f32, flags
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")

CONFIGS = {
    "plain": {},
    "renorm": {"renorm": True, "renorm_clipping": {"rmax": 2.0, "dmax": 0.5}, "renorm_momentum": 0.7},
    "channels first": {"axis": 1, "momentum": 0.5},
}


@pytest.mark.parametrize(
    ("config", "masked"),
    [("plain", False), ("plain", True), ("renorm", False), ("renorm", True), ("channels first", False)],
)
def test_moving_statistics_over_compiled_steps(config: str, masked: bool) -> None:
    mask = flags(6, 4) if masked else None
    layers = [k.layers.BatchNormalization(**CONFIGS[config]) for k in (lapis, keras)]
    states = []
    for layer in layers:
        layer.build((None, 4, 3))
        weights = [v.value for v in layer.trainable_variables]
        step = jax.jit(
            lambda state, x, layer=layer, weights=weights: layer.stateless_call(
                weights, state, x, training=True, mask=mask
            )
        )
        state = [v.value for v in layer.non_trainable_variables]
        for seed in range(4):
            y, state = step(state, f32(6, 4, 3, seed=seed))
        states.append([y, *state])
    for ours, theirs in zip(*states, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "shape", "power_iterations"),
    [(lambda k: k.layers.Dense(4), (5, 3), 1), (lambda k: k.layers.Conv2D(4, 2), (2, 4, 4, 3), 3)],
    ids=["Dense", "Conv2D"],
)
def test_spectral_normalization_over_steps(make, shape: tuple, power_iterations: int) -> None:
    layers = [k.layers.SpectralNormalization(make(k), power_iterations) for k in (lapis, keras)]
    x = f32(*shape)
    for layer in layers:
        layer.build((None, *shape[1:]))
    layers[0].set_weights([np.asarray(w) for w in layers[1].weights])
    gradients = []
    for layer in layers:
        fixed = [v.value for v in layer.non_trainable_variables]

        def loss(weights, layer=layer, fixed=fixed):
            return (layer.stateless_call(weights, fixed, x, training=True)[0] ** 3).sum()

        gradients.append(jax.grad(loss)([v.value for v in layer.trainable_variables]))
    for ours, theirs in zip(*gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    for _ in range(3):
        ours, theirs = (layer(x, training=True) for layer in layers)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    for mine, other in zip(layers[0].weights, layers[1].weights, strict=True):
        np.testing.assert_allclose(mine.numpy(), np.asarray(other), rtol=1e-5, atol=1e-5)


def test_spectral_normalization_leaves_a_zero_kernel() -> None:
    layer = lapis.layers.SpectralNormalization(lapis.layers.Dense(4, kernel_initializer="zeros"))
    assert not np.asarray(layer(f32(5, 3), training=True)).any()


def test_a_frozen_layer_neither_uses_nor_keeps_the_statistics_of_the_batch() -> None:
    layer = lapis.layers.BatchNormalization()
    x = f32(6, 3, low=1.0, high=5.0)
    layer(x, training=True)
    before = [w.numpy() for w in layer.non_trainable_variables]
    layer.trainable = False
    frozen = layer(x, training=True)
    np.testing.assert_array_equal(frozen, layer(x, training=False))
    for variable, value in zip([layer.moving_mean, layer.moving_variance], before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_synchronized_statistics_are_the_same_on_one_device() -> None:
    x = f32(6, 3)
    plain, synchronized = (lapis.layers.BatchNormalization(synchronized=value) for value in (False, True))
    np.testing.assert_array_equal(plain(x, training=True), synchronized(x, training=True))
    assert synchronized.get_config()["synchronized"] is True


def test_one_masked_channel() -> None:
    layer = lapis.layers.BatchNormalization()
    y = layer(f32(6, 4, 1), training=True, mask=flags(6, 4))
    assert y.shape == (6, 4, 1) and layer.moving_mean.shape == (1,)


def test_config_after_build_equals_keras() -> None:
    def configs(k):
        for layer in (
            k.layers.LayerNormalization(axis=(2, 1), name="a"),
            k.layers.RMSNormalization(name="b"),
            k.layers.GroupNormalization(-1, name="c"),
        ):
            layer.build((2, 4, 3))
            yield layer.get_config()

    assert list(configs(lapis)) == list(configs(keras))


@pytest.mark.parametrize(
    ("error", "make", "words"),
    [
        (ValueError, lambda k: k.BatchNormalization(axis=3)(lapis.Input((4, 3))), "out of bounds"),
        (ValueError, lambda k: k.BatchNormalization()(lapis.Input((4, None))), "known size"),
        (ValueError, lambda k: k.BatchNormalization()(f32(2, 4, 3), mask=flags(2, 4, 3)), "one axis less"),
        (ValueError, lambda k: k.BatchNormalization(renorm=True, renorm_clipping={"rmx": 1}), "rmx"),
        (
            ValueError,
            lambda k: k.BatchNormalization(renorm=True, renorm_clipping={"rmin": 2, "rmax": 1}),
            "rmin <= rmax",
        ),
        (ValueError, lambda k: k.BatchNormalization(renorm=True, renorm_clipping={"dmax": -1}), "dmax >= 0"),
        (TypeError, lambda k: k.LayerNormalization(axis="last"), "axis='last'"),
        (ValueError, lambda k: k.LayerNormalization(axis=-3)(lapis.Input((4,))), "out of bounds"),
        (ValueError, lambda k: k.GroupNormalization(groups=0), "positive integer"),
        (ValueError, lambda k: k.GroupNormalization(groups=2)(lapis.Input((4, 3))), "must divide"),
        (ValueError, lambda k: k.GroupNormalization(groups=8)(lapis.Input((4, 3))), "must divide"),
        (ValueError, lambda k: k.UnitNormalization(axis=4)(lapis.Input((4, 3))), "out of bounds"),
        (ValueError, lambda k: k.SpectralNormalization(k.Flatten())(lapis.Input((4, 3))), "has neither"),
        (ValueError, lambda k: k.SpectralNormalization(k.Dense(2), power_iterations=0), "power_iterations"),
    ],
)
def test_errors(error, make, words) -> None:
    with pytest.raises(error, match=words):
        make(lapis.layers)
