"""Native layer normalization against its formula in operations of JAX, with every kind of derivative."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lapis
from lapis.kernels import layer_norm
from tests.kernel_checks import close, close_under_transformations, with_gradient

pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.skipif(not layer_norm.serves(jnp.ones((64, 64)), [1], 1e-3), reason="the native kernels are not there"),
]


def _native(x, gamma, beta):
    return layer_norm.normalize(x, gamma, beta, [x.ndim - 1], 1e-3)


def _plain(x, gamma, beta):
    return layer_norm._reference(x, gamma, beta, 1e-3)[0]


def _arguments(rows: int, width: int, mean: float = 0.0) -> tuple:
    random = np.random.default_rng([rows, width])
    x = random.normal(size=(rows, width)) + mean
    return tuple(jnp.asarray(a, "float32") for a in (x, random.normal(size=width), random.normal(size=width)))


@settings(max_examples=12, deadline=None, derandomize=True)
@given(rows=st.integers(1, 300), width=st.integers(1, 200))
def test_values_and_gradients(rows, width):
    arguments = _arguments(rows, width)
    close(with_gradient(_native, arguments), with_gradient(_plain, arguments))


def test_other_transformations():
    close_under_transformations(_native, _plain, _arguments(70, 33), 1e-4)


def test_a_large_mean_costs_no_digits():
    x, gamma, beta = _arguments(64, 64, mean=1000.0)
    exact = np.asarray(x, "float64")
    exact = (exact - exact.mean(-1, keepdims=True)) / np.sqrt(exact.var(-1, keepdims=True) + 1e-3)
    np.testing.assert_allclose(_native(x, gamma, beta), exact * gamma + beta, atol=1e-3)


def test_several_axes_and_neither_scale_nor_shift():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(30, 4, 5, 6)), "float32")
    flat = x.reshape(30, 4, 30)
    expected = _plain(flat, jnp.ones(30), jnp.zeros(30)).reshape(x.shape)
    close(lapis.ops.layer_normalization(x, axis=(2, 3), epsilon=1e-3), expected)


def test_what_is_not_a_number_stays_in_its_row():
    x, gamma, beta = _arguments(64, 64)
    hidden = jnp.isnan(_native(x.at[3, 2].set(jnp.nan), gamma, beta))
    assert hidden[3].all() and hidden.sum() == 64
