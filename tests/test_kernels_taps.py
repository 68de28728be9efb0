"""Convolutions that are products of matrices, by places in the window or by whole images, against references in JAX."""

import concurrent.futures

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapis.kernels import convolution, library
from lapis.kernels.geometry import Geometry
from tests.kernel_checks import close, draw_axes, random_array

pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.skipif(not library.available(), reason="the native kernels are not there"),
]
some = settings(max_examples=8, deadline=None, derandomize=True)


@st.composite
def cases(draw, strides=(1, 2, 3), channels=(32, 37, 65), filters=(32, 41, 72)):
    """Inputs, kernel, bias and geometry of a convolution with channels enough for a product of matrices."""
    sizes, window, steps, pads, dilation = draw_axes(draw, 3, strides)
    inputs, outputs = draw(st.sampled_from(channels)), draw(st.sampled_from(filters))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x = random_array(rng, draw(st.integers(0, 3)), *sizes, inputs)
    return x, random_array(rng, *window, inputs, outputs), random_array(rng, outputs), Geometry(steps, pads, dilation)


@given(cases(), st.booleans())
@some
def test_against_the_reference(case, relu):
    x, w, b, geometry = case

    def results(function):
        y, back = jax.vjp(function, x, w, b)
        return y, back(jnp.cos(jnp.arange(y.size, dtype="float32")).reshape(y.shape))

    native = results(lambda x, w, b: convolution.convolve_affine(x, w, b, geometry, relu))
    close(native, results(lambda x, w, b: convolution._reference_affine(x, w, b, geometry, relu)))
    plain = convolution.convolve(x, w, geometry)
    close(plain, convolution.reference(x, w, geometry))
    close(
        convolution._weight_gradient(x, plain, geometry, w.shape[:-2]),
        convolution._reference_weight(x, plain, geometry, w.shape[:-2]),
    )


@given(cases(strides=(1,), channels=(12, 19, 23), filters=(16, 23, 40)))
@some
def test_kernel_gradient_over_whole_images(case):
    x, w, _, geometry = case
    y = jnp.cos(convolution.reference(x, w, geometry))
    kernel, bias = convolution._weight_bias.bind(x, y, geometry=geometry, window=w.shape[:-2])
    close(kernel, convolution._reference_weight(x, y, geometry, w.shape[:-2]))
    close(bias, y.sum(tuple(range(y.ndim - 1))))
    close(convolution._weight_gradient(x, y, geometry, w.shape[:-2]), kernel)


def test_what_is_not_a_number_stays():
    geometry = Geometry((1, 1), ((1, 1), (1, 1)), (1, 1))
    x = jnp.ones((2, 3, 3, 32)).at[0, 0, 0, 5].set(jnp.nan).at[1, 2, 2, 3].set(jnp.inf)
    w = jnp.ones((3, 3, 32, 40))
    y = convolution.convolve_affine(x, w, jnp.zeros(40), geometry)
    np.testing.assert_array_equal(y, convolution._reference_affine(x, w, jnp.zeros(40), geometry, False))
    assert np.isnan(y[0, :2, :2]).all() and np.isinf(y[1, 1:, 1:]).all() and np.isfinite(y[0, 2]).all()


@pytest.mark.parametrize("stride", [1, 2])
def test_transformations(stride):
    rng = np.random.default_rng(0)
    geometry = Geometry((stride, stride), ((1, 0), (0, 1)), (1, 1))
    x, w, b = random_array(rng, 4, 5, 4, 48), random_array(rng, 2, 2, 48, 64), random_array(rng, 64)

    def loss(function, x):
        def gradient(x):
            return jax.grad(lambda *all: jnp.sum(jnp.sin(function(*all, geometry, False))), (0, 1, 2))(x, w, b)

        many = jax.vmap(gradient)(jnp.stack([x, 2 * x]))
        _, scanned = jax.lax.scan(lambda carry, x: (carry, gradient(x)), 0, jnp.stack([x, -x]))
        return many, scanned, jax.jvp(gradient, (x,), (jnp.cos(x),))[1]

    close(
        *(jax.jit(lambda x, f=f: loss(f, x))(x) for f in (convolution.convolve_affine, convolution._reference_affine))
    )


def test_same_bits_from_several_threads():
    rng = np.random.default_rng(1)
    geometry = Geometry((1, 1), ((1, 1), (1, 1)), (1, 1))
    x, y = random_array(rng, 6, 4, 4, 64), random_array(rng, 6, 4, 4, 96)
    gradient = jax.jit(lambda x, y: convolution._weight_bias.bind(x, y, geometry=geometry, window=(3, 3)))
    first = gradient(x, y)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for found in pool.map(lambda _: gradient(x, y), range(60)):
            np.testing.assert_array_equal(found[0], first[0])
            np.testing.assert_array_equal(found[1], first[1])
