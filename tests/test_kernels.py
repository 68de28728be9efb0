"""The native kernels against their references in JAX: random geometries, derivatives, transformations, threads."""

import concurrent.futures
import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax
from jax.test_util import check_grads

import lapis.ops as ops
from lapis.kernels import build, choice, convolution, library, loops, pooling
from lapis.kernels.geometry import Geometry
from lapis.ops.convolution import conv_affine
from tests.kernel_checks import close, draw_axes, random_array

pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.skipif(not library.available(), reason=f"no native kernels here: {library.library().reason or ''}"),
]
ROOT = pathlib.Path(__file__).parent.parent
some = settings(max_examples=12, deadline=None, derandomize=True)
many = settings(max_examples=40, deadline=None, derandomize=True)


@st.composite
def cases(draw):
    """Inputs, kernel, bias and geometry of a convolution."""
    groups, kind = draw(st.integers(1, 4)), draw(st.sampled_from(["plain", "grouped", "depthwise"]))
    channels, filters = draw(st.sampled_from([1, 3, 5, 8, 16])), draw(st.sampled_from([1, 2, 7, 8, 24]))
    if kind == "plain":
        groups = 1
    elif kind == "depthwise":
        groups, channels, filters = draw(st.sampled_from([2, 5, 8, 16])), 1, draw(st.integers(1, 2))
    sizes, window, strides, pads, dilation = draw_axes(draw, 6)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x = random_array(rng, draw(st.integers(0, 3)), *sizes, channels * groups)
    w = random_array(rng, *window, channels, filters * groups)
    return x, w, random_array(rng, filters * groups), Geometry(strides, pads, dilation, groups)


def _check_case(x, w, b, geometry):
    """Values and gradients, by themselves, mapped and in a loop."""
    rng = np.random.default_rng(0)

    def affine(x, w, b, relu=True):
        return convolution.convolve_affine(x, w, b, geometry, relu)

    def affine_reference(x, w, b, relu=True):
        y = convolution.reference(x, w, geometry) + b
        return jax.nn.relu(y) if relu else y

    pairs = [
        (lambda x, w, b: convolution.convolve(x, w, geometry), lambda x, w, b: convolution.reference(x, w, geometry)),
        (affine, affine_reference),
        (lambda *a: affine(*a, relu=False), lambda *a: affine_reference(*a, relu=False)),
    ]
    for native, reference in pairs:
        weights = random_array(rng, *jax.eval_shape(reference, x, w, b).shape)
        results = []
        for function in (native, reference):

            def weighed(x, w, b, function=function, weights=weights):
                return jnp.sum(weights * function(x, w, b))

            results.append((jax.jit(function)(x, w, b), jax.jit(jax.grad(weighed, (0, 1, 2)))(x, w, b)))
        close(*results)
    if choice.native_dtype(x.shape, w.shape, x.dtype, geometry):
        assert "conv_general_dilated" not in str(jax.make_jaxpr(jax.jit(affine))(x, w, b))


@some
@given(cases())
def test_convolution(case):
    _check_case(*case)


@pytest.mark.slow
@many
@given(cases())
def test_convolution_at_length(case):
    _check_case(*case)


@some
@given(cases())
def test_transposed_convolution(case):
    x, w, _, geometry = case
    y = jax.eval_shape(lambda x, w: convolution.reference(x, w, geometry), x, w)
    y = random_array(np.random.default_rng(1), *y.shape)
    native = jax.jit(lambda y, w: convolution.transpose(y, w, geometry, x.shape[1:-1]))
    close(native(y, w), jax.linear_transpose(lambda x: convolution.reference(x, w, geometry), x)(y)[0])


def _small():
    rng = np.random.default_rng(0)
    geometry = Geometry((2, 1), ((1, 0), (0, 2)), (1, 2), 2)
    return random_array(rng, 2, 5, 6, 4), random_array(rng, 2, 2, 2, 6), random_array(rng, 6), geometry


def test_derivatives_of_second_order():
    x, w, b, geometry = _small()
    limits = {"atol": 0.05, "rtol": 0.05, "eps": 1e-2}
    check_grads(lambda *a: jnp.sin(convolution.convolve_affine(*a, geometry)), (x, w, b), 2, **limits)
    check_grads(lambda *a: jnp.sin(convolution.convolve(*a, geometry)), (x, w), 2, **limits)


@pytest.mark.parametrize("by", [0, 1, 2, (0, 2), (1, 2)])
def test_gradient_by_some_arguments(by):
    x, w, b, geometry = _small()

    def reference(x, w, b):
        return jax.nn.relu(convolution.reference(x, w, geometry) + b)

    def gradient(function):
        return jax.jit(jax.grad(lambda *a: jnp.sum(jnp.sin(function(*a))), by))(x, w, b)

    close(gradient(lambda *a: convolution.convolve_affine(*a, geometry, True)), gradient(reference))


def test_hessian_like_the_reference():
    x, w, b, geometry = _small()

    def loss(function):
        return lambda w, b: jnp.sum(jnp.tanh(function(x, w, b)) ** 2)

    def reference(x, w, b):
        return jax.nn.relu(convolution.reference(x, w, geometry) + b)

    native = jax.jit(jax.hessian(loss(lambda *a: convolution.convolve_affine(*a, geometry, True)), (0, 1)))
    close(native(w, b), jax.jit(jax.hessian(loss(reference), (0, 1)))(w, b))


@pytest.mark.parametrize("mapped", [(0, None, None), (1, None, None), (0, 0, 0), (None, 0, None), (None, None, 0)])
def test_vmap(mapped):
    x, w, b, geometry = _small()
    arguments = [
        a if axis is None else jnp.stack([a, 2 * a, -a], axis) for a, axis in zip((x, w, b), mapped, strict=True)
    ]

    def both(function):
        def gradient(*a):
            y, pull = jax.vjp(function, *a)
            return y, pull(jnp.cos(y))

        return jax.jit(jax.vmap(gradient, mapped))

    native = both(lambda *a: convolution.convolve_affine(*a, geometry, True))
    close(native(*arguments), both(lambda x, w, b: jax.nn.relu(convolution.reference(x, w, geometry) + b))(*arguments))


def test_in_a_loop():
    x, w, b, geometry = _small()

    def step(w, x):
        gradient = jax.grad(lambda w: jnp.sum(convolution.convolve_affine(x, w, b, geometry, True) ** 2))(w)
        return w - 1e-3 * gradient, jnp.sum(gradient)

    stepped, sums = w, []
    for _ in range(4):
        stepped, total = jax.jit(step)(stepped, x)
        sums.append(total)
    looped, totals = jax.jit(lambda w, xs: lax.scan(step, w, xs))(w, jnp.stack([x] * 4))
    np.testing.assert_array_equal(looped, stepped)
    np.testing.assert_array_equal(totals, jnp.stack(sums))


def test_eager_and_compiled_agree():
    x, w, b, geometry = _small()
    compiled = jax.jit(lambda *a: convolution.convolve_affine(*a, geometry))(x, w, b)
    np.testing.assert_array_equal(convolution.convolve_affine(x, w, b, geometry), compiled)


def test_relu_keeps_what_is_not_a_number():
    x, w, b, geometry = _small()
    x = x.at[0, 2, 3, 1].set(jnp.nan)
    y = convolution.convolve_affine(x, w, b, geometry, True)
    expected = jax.nn.relu(convolution.reference(x, w, geometry) + b)
    assert np.isnan(expected).any()
    np.testing.assert_allclose(y, expected, atol=1e-5)
    huge = convolution.convolve_affine(jnp.full_like(x, 1e38), jnp.full_like(w, 1e3), b, geometry, True)
    assert np.isinf(huge).any() and not np.isnan(huge).any()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision(dtype):
    rng = np.random.default_rng(0)
    x, w, b = (random_array(rng, *shape).astype(dtype) for shape in [(2, 8, 8, 16), (3, 3, 16, 8), (8,)])
    y, pull = jax.vjp(lambda *a: conv_affine(*a, relu=True), x, w, b)
    assert y.dtype == dtype and [g.dtype for g in pull(y)] == [dtype] * 3
    exact = conv_affine(*(a.astype("float32") for a in (x, w, b)), relu=True)
    np.testing.assert_allclose(y.astype("float32"), exact, rtol=0.01, atol=0.05)


def test_concurrent_programs():
    """Several threads run different programs at once; each gives what it gives alone."""
    rng = np.random.default_rng(0)
    programs = []
    for channels in (3, 8, 16, 24):
        geometry = Geometry((1, 1), ((1, 1), (1, 1)), (1, 1))
        x, w = random_array(rng, 4, 12, 12, channels), random_array(rng, 3, 3, channels, 16)

        def run(x, w, geometry=geometry):
            y, pull = jax.vjp(lambda x, w: convolution.convolve(x, w, geometry), x, w)
            return y, pull(y)

        programs.append((jax.jit(run), x, w))
    alone = [jax.tree.map(np.asarray, run(x, w)) for run, x, w in programs]

    def repeat(i):
        run, x, w = programs[i % len(programs)]
        return [jax.tree.map(np.asarray, run(x, w)) for _ in range(20)]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for i, results in enumerate(pool.map(repeat, range(8))):
            for result in results:
                jax.tree.map(np.testing.assert_array_equal, result, alone[i % len(programs)])


@pytest.mark.slow
def test_more_geometries_than_are_kept():
    """What the bounded cache has forgotten is made again."""
    w, geometry = random_array(np.random.default_rng(0), 1, 2, 3), Geometry((1,), ((0, 0),), (1,))
    sizes = [*range(1, 1060), 1, 2]
    for start in range(0, len(sizes), 100):
        inputs = [np.full((1, size, 2), size, "float32") for size in sizes[start : start + 100]]
        found = jax.jit(lambda inputs: [convolution.convolve(x, w, geometry) for x in inputs])(inputs)
        for x, y in zip(inputs, found, strict=True):
            np.testing.assert_allclose(y, x @ np.asarray(w[0]), rtol=1e-5)


@st.composite
def pools(draw):
    rank = draw(st.integers(1, 3))
    axes = []
    for _ in range(rank):
        width, stride = draw(st.integers(1, 4)), draw(st.integers(1, 4))
        pads = (draw(st.integers(0, width - 1)), draw(st.integers(0, width - 1)))
        axes.append((draw(st.integers(width, width + 5)), width, stride, pads))
    windows = pooling.Windows(*map(tuple, zip(*axes)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    # Few different values, so that many are equal.
    values = rng.integers(0, 4, (draw(st.integers(1, 3)), *windows.sizes, draw(st.sampled_from([1, 3, 8, 70]))))
    return jnp.asarray(values, jnp.float32), windows


def _check_pools(x, windows):
    def spread(y, windows):
        return pooling._reference_spread(x, y, windows)

    _check_pool(x, windows, pooling.max_pool, _max_by_hand, pooling._reference, spread)
    mean_references = pooling._reference_mean, pooling._reference_mean_spread
    _check_pool(x, windows, pooling.average_pool, _mean_by_hand, *mean_references)


def _check_pool(x, windows, native, by_hand, reference, spread):
    """The native function, and what other platforms run, against XLA's operation, with gradients."""

    def both(function):
        def gradient(x):
            y, pull = jax.vjp(lambda x: function(x, windows), x)
            return y, pull(jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape))[0]

        return jax.jit(gradient)(x)

    expected = both(by_hand)
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, atol=1e-6), both(native), expected)
    np.testing.assert_allclose(jax.jit(lambda x: reference(x, windows))(x), expected[0], atol=1e-6)
    y = jnp.cos(jnp.arange(expected[0].size, dtype=x.dtype)).reshape(expected[0].shape)
    np.testing.assert_allclose(jax.jit(lambda y: spread(y, windows))(y), expected[1], atol=1e-6)


def _max_by_hand(x, windows):
    """By XLA's operation, whose gradient goes to the first of equal values."""
    return _reduce_window(x, -jnp.inf, lax.max, windows)


def _mean_by_hand(x, windows):
    return _reduce_window(x, 0.0, lax.add, windows) / _reduce_window(jnp.ones_like(x), 0.0, lax.add, windows)


def _reduce_window(x, start, combine, windows):
    widths, strides, pads = (1, *windows.widths, 1), (1, *windows.strides, 1), ((0, 0), *windows.padding, (0, 0))
    return lax.reduce_window(x, start, combine, widths, strides, pads)


@some
@given(pools())
def test_pools(case):
    _check_pools(*case)


@pytest.mark.slow
@many
@given(pools())
def test_pools_at_length(case):
    _check_pools(*case)


@some
@given(pools(), st.sampled_from(["bfloat16", "float16"]))
def test_pools_in_half_precision(case, dtype):
    """Values and gradients are those of float32, rounded once."""
    x, (sizes, widths, strides, pads) = case
    windows = pooling.Windows(sizes, widths, strides, tuple((0, 0) for _ in pads))
    x = (x + 0.3).astype(dtype)
    computed = pooling.native_dtype(x.shape, x.dtype, windows)
    apart = all(stride >= width for stride, width in zip(strides, widths))
    assert computed == (dtype if dtype == "bfloat16" and apart else "float32")
    for pool in (ops.max_pool, ops.average_pool):

        def gradient(x, pool=pool):
            y, pull = jax.vjp(lambda x: pool(x, widths, strides), x)
            return y, pull(jnp.cos(jnp.arange(y.size, dtype="float32")).astype(dtype).reshape(y.shape).astype(y.dtype))[
                0
            ]

        for found, wanted in zip(gradient(x), gradient(x.astype("float32"))):
            assert found.dtype == dtype
            np.testing.assert_array_equal(found, wanted.astype(dtype))


@pytest.mark.parametrize("pool", [pooling.max_pool, pooling.average_pool])
def test_pools_derivatives_and_vmap(pool):
    x = jnp.asarray(np.random.default_rng(0).permutation(300).reshape(2, 5, 6, 5), jnp.float32) / 300
    windows = pooling.Windows((5, 6), (2, 3), (1, 2), ((0, 1), (1, 1)))
    check_grads(lambda x: jnp.sin(pool(x, windows)), (x,), 2, atol=0.05, rtol=0.05, eps=1e-4)
    xs = jnp.stack([x, -x], 1)
    gradient = jax.grad(lambda x: jnp.sum(jnp.sin(pool(x, windows))))
    each = jnp.stack([gradient(x), gradient(-x)], 1)
    np.testing.assert_allclose(jax.vmap(gradient, 1, 1)(xs), each, atol=1e-6)


def test_max_pool_keeps_what_is_not_a_number():
    x = jnp.array([1.0, jnp.nan, 3.0, 2.0, -jnp.inf, -jnp.inf]).reshape(1, 6, 1)
    y, pull = jax.vjp(lambda x: ops.max_pool(x, 2), x)
    np.testing.assert_array_equal(y.ravel(), [np.nan, 3, -np.inf])
    np.testing.assert_array_equal(pull(jnp.ones_like(y))[0].ravel(), [0, 1, 1, 0, 1, 0])


def test_slow_in_loops_finds_what_is_deep_inside():
    x, w, _, geometry = _small()

    @jax.custom_vjp
    def wrapped(x):
        return lax.cond(x.sum() > 0, lambda x: convolution.reference(x, w, geometry), lambda x: 0 * _native(x), x)

    def _native(x):
        return convolution.convolve(x, w, geometry)

    wrapped.defvjp(lambda x: (wrapped(x), None), lambda _, g: (g,))
    nested = jax.make_jaxpr(lambda x: lax.scan(lambda c, _: (c, jax.jit(wrapped)(x)), 0.0, None, 3))(x)
    assert loops.slow_in_loops(nested)
    assert not loops.slow_in_loops(jax.make_jaxpr(jax.grad(lambda x: _native(x).sum()))(x))


_WITHOUT = """
import jax, jax.numpy as jnp
import lapis
from lapis.kernels import available, slow_in_loops
layer = lapis.layers.Conv2D(4, 3, activation="relu")
assert not available()
layer.build((None, 8, 8, 3))
program = jax.make_jaxpr(lambda x: layer(x))(jnp.ones((2, 8, 8, 3)))
assert "conv_general_dilated" in str(program) and slow_in_loops(program)
print(layer(jnp.ones((2, 8, 8, 3))).shape)
"""


def test_without_the_library():
    environment = {**os.environ, "LAPIS_KERNELS": "0"}
    command = [sys.executable, "-c", _WITHOUT]
    result = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "(2, 6, 6, 4)"
    assert result.stderr.count("LAPIS_KERNELS is 0") == 1


def test_doctor():
    command = [sys.executable, "-m", "lapis.kernels"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "convolution 2D, float32: native" in result.stdout
    off = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "LAPIS_KERNELS": "0"})
    assert "LAPIS_KERNELS is 0" in off.stdout


def test_the_build_says_what_is_missing(monkeypatch):
    assert build.missing() is None or isinstance(build.missing(), str)
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert "CXX" in str(build.missing())
