"""Native moments and sums of columns against their formulas in operations of JAX, with every kind of derivative."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lapis
from lapis.kernels import columns
from tests.kernel_checks import close, close_under_transformations, with_gradient

pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.skipif(not columns.serves(jnp.ones((128, 128)), (0,)), reason="the native kernels are not there"),
]


def _native(x, gamma, beta):
    mean, variance = columns.moments(x)
    return columns.scale(x, mean, gamma * jax.lax.rsqrt(variance + 1e-3), beta)


def _plain(x, gamma, beta):
    mean = jnp.mean(x, 0)
    return (x - mean) * gamma * jax.lax.rsqrt(jnp.mean(jnp.square(x - mean), 0) + 1e-3) + beta


def _moments(x):
    return jnp.concatenate(columns.moments(x))


def _plain_moments(x):
    return jnp.concatenate([jnp.mean(x, 0), jnp.var(x, 0)])


def _arguments(rows: int, width: int, mean: float = 0.0) -> tuple:
    random = np.random.default_rng([rows, width])
    x = random.normal(size=(rows, width)) + mean
    return tuple(jnp.asarray(a, "float32") for a in (x, random.normal(size=width), random.normal(size=width)))


@settings(max_examples=12, deadline=None, derandomize=True)
@given(rows=st.integers(1, 2000), width=st.integers(1, 200))
def test_values_and_gradients(rows, width):
    arguments = _arguments(rows, width)
    close(with_gradient(_native, arguments), with_gradient(_plain, arguments), 1e-4)
    close(with_gradient(_moments, arguments[:1]), with_gradient(_plain_moments, arguments[:1]))


def test_rows_wider_than_what_stays_near():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(37, 5000)), "float32")
    close(with_gradient(_moments, (x,)), with_gradient(_plain_moments, (x,)))


def test_other_transformations():
    close_under_transformations(_native, _plain, _arguments(70, 33), 1e-4)


def test_a_large_mean_costs_no_digits():
    x, _, _ = _arguments(4000, 24, mean=1000.0)
    exact = np.asarray(x, "float64")
    mean, variance = columns.moments(x)
    np.testing.assert_allclose(mean, exact.mean(0), rtol=1e-6)
    np.testing.assert_allclose(variance, exact.var(0), rtol=3e-5)


def test_what_is_not_a_number_stays_in_its_column():
    x, gamma, beta = _arguments(640, 64)
    hidden = jnp.isnan(_native(x.at[300, 2].set(jnp.nan), gamma, beta))
    assert hidden[:, 2].all() and hidden.sum() == 640


def test_the_layer_gives_the_same_with_and_without(monkeypatch):
    """Outputs, moving averages and gradients of a layer large enough for the native sums."""
    x = np.random.default_rng(0).normal(2.0, 3.0, (8, 16, 16, 32)).astype("float32")

    layer = lapis.layers.BatchNormalization()
    layer.build(x.shape)
    weights = [[w.value for w in part] for part in (layer.trainable_variables, layer.non_trainable_variables)]

    def outcome():
        (y, averages), pull = jax.vjp(lambda x: layer.stateless_call(*weights, x, training=True), jnp.asarray(x))
        return y, averages, pull((jnp.cos(y), [jnp.zeros_like(a) for a in averages]))

    native = outcome()
    monkeypatch.setattr(columns, "serves", lambda *_: False)
    close(native, outcome())
