"""Random convolutions, poolings and their gradients, against sums written out in NumPy and real Keras."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import lapis
import lapis.ops as ops
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")

some = settings(max_examples=15, deadline=None, derandomize=True, database=None)
ranks = st.integers(1, 3)
layouts = st.sampled_from(["channels_last", "channels_first"])


def _numbers(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def _to_layout(x, data_format):
    return x if data_format == "channels_last" else np.moveaxis(x, -1, 1)


def _from_layout(x, data_format):
    return x if data_format == "channels_last" else np.moveaxis(x, 1, -1)


def _pads(sizes, window, strides, padding):
    """Positions added before and after each axis, and the number of windows along it."""
    out = []
    for size, width, stride in zip(sizes, window, strides):
        if padding == "valid":
            out.append((0, 0, (size - width) // stride + 1))
        elif padding == "causal":
            out.append((width - 1, 0, -(-size // stride)))
        else:
            count = -(-size // stride)
            total = max((count - 1) * stride + width - size, 0)
            out.append((total // 2, total - total // 2, count))
    return out


def _conv_by_hand(x, w, g, strides, padding, dilation, groups):
    """`conv(x, w)`, and the gradients of `sum(conv(x, w) * g(shape))`, for channels last."""
    rank = x.ndim - 2
    window = [(k - 1) * d + 1 for k, d in zip(w.shape, dilation)]
    pads = _pads(x.shape[1:-1], window, strides, padding)
    x_padded = np.pad(x.astype("float64"), [(0, 0), *[p[:2] for p in pads], (0, 0)])
    counts = [p[2] for p in pads]
    y = np.zeros((len(x), *counts, w.shape[-1]))
    dx, dw, g = np.zeros_like(x_padded), np.zeros(w.shape), g(y.shape)
    ins, outs = w.shape[-2], w.shape[-1] // groups
    for q in itertools.product(*map(range, w.shape[:rank])):
        at = tuple(slice(i * d, i * d + (n - 1) * s + 1, s) for i, d, n, s in zip(q, dilation, counts, strides))
        for group in range(groups):
            i, o = slice(group * ins, (group + 1) * ins), slice(group * outs, (group + 1) * outs)
            here = (slice(None), *at, i)
            y[..., o] += x_padded[here] @ w[q][:, o]
            dx[here] += g[..., o] @ w[q][:, o].T
            dw[q][:, o] += np.tensordot(x_padded[here], g[..., o], (range(rank + 1), range(rank + 1)))
    inner = tuple(slice(before, size + before) for (before, _, _), size in zip(pads, x.shape[1:-1]))
    return y, dx[:, *inner], dw


@st.composite
def geometries(draw, causal=False):
    rank = 1 if causal else draw(ranks)
    strided = draw(st.booleans())
    axes = [
        (
            draw(st.integers(3, 8 - rank)),
            draw(st.integers(1, 3)),
            draw(st.integers(1, 3)) if strided else 1,
            1 if strided else draw(st.integers(1, 2)),
        )
        for _ in range(rank)
    ]
    sizes, kernel, strides, dilation = map(tuple, zip(*axes))
    padding = "causal" if causal else draw(st.sampled_from(["valid", "same"]))
    if padding == "valid":
        assume(all(size > (k - 1) * d for size, k, d in zip(sizes, kernel, dilation)))
    return sizes, kernel, strides, dilation, padding, draw(layouts), draw(st.integers(0, 99))


def _weigh(shape):
    return np.cos(np.arange(math.prod(shape))).reshape(shape)


def _run(function, data_format, *arguments):
    """`function(*arguments)` and the gradients of its sum weighted with `_weigh`, compiled as one program."""

    @jax.jit
    def both(*arguments):
        y, pull = jax.vjp(function, *arguments)
        shape = y.shape if data_format == "channels_last" else (y.shape[0], *y.shape[2:], y.shape[1])
        return y, pull(jnp.asarray(_to_layout(_weigh(shape), data_format), y.dtype))

    y, gradients = both(*arguments)
    return np.asarray(y), [np.asarray(g) for g in gradients]


def _check(function, x, w, by_hand, data_format):
    """`function(x, w)` against `by_hand = (y, dx, dw)` in channels-last layout."""
    y, (dx, dw) = _run(function, data_format, _to_layout(x, data_format), w)
    np.testing.assert_allclose(_from_layout(y, data_format), by_hand[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(_from_layout(dx, data_format), by_hand[1], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(dw, by_hand[2], rtol=1e-4, atol=1e-4)


@some
@given(geometries(), st.sampled_from([1, 2, 3]))
def test_conv(geometry, groups):
    sizes, kernel, strides, dilation, padding, data_format, seed = geometry
    rng = np.random.default_rng(seed)
    x, w = _numbers(rng, 2, *sizes, 2 * groups), _numbers(rng, *kernel, 2, 2 * groups)
    expected = _conv_by_hand(x, w, _weigh, strides, padding, dilation, groups)
    _check(lambda x, w: ops.conv(x, w, strides, padding, data_format, dilation), x, w, expected, data_format)


@settings(some, max_examples=6)
@given(geometries(causal=True))
def test_causal_conv(geometry):
    sizes, kernel, strides, dilation, padding, data_format, seed = geometry
    rng = np.random.default_rng(seed)
    x, w = _numbers(rng, 2, *sizes, 3), _numbers(rng, *kernel, 3, 2)
    expected = _conv_by_hand(x, w, _weigh, strides, padding, dilation, 1)
    _check(lambda x, w: ops.conv(x, w, strides, padding, data_format, dilation), x, w, expected, data_format)


@some
@given(geometries(), st.integers(1, 2))
def test_depthwise_conv(geometry, multiplier):
    sizes, kernel, strides, dilation, padding, data_format, seed = geometry
    rng = np.random.default_rng(seed)
    x, w = _numbers(rng, 2, *sizes, 3), _numbers(rng, *kernel, 3, multiplier)
    y, dx, dw = _conv_by_hand(x, w.reshape(*kernel, 1, -1), _weigh, strides, padding, dilation, 3)
    expected = (y, dx, dw.reshape(w.shape))
    _check(lambda x, w: ops.depthwise_conv(x, w, strides, padding, data_format, dilation), x, w, expected, data_format)


@some
@given(geometries(), st.data())
def test_conv_transpose(geometry, data):
    sizes, kernel, strides, dilation, padding, data_format, seed = geometry
    extra = data.draw(st.none() | st.tuples(*[st.integers(0, s - 1) for s in strides]))
    rng = np.random.default_rng(seed)
    x, w = _to_layout(_numbers(rng, 2, *sizes, 3), data_format), _numbers(rng, *kernel, 2, 3)
    arguments = strides, padding, extra, data_format, dilation
    y, gradients = _run(lambda x, w: ops.conv_transpose(x, w, *arguments), data_format, x, w)
    expected, expected_gradients = _run(lambda x, w: keras.ops.conv_transpose(x, w, *arguments), data_format, x, w)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    for mine, other in zip(gradients, expected_gradients):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-4)
    for i, (n, k, s, d) in enumerate(zip(sizes, kernel, strides, dilation)):
        window = (k - 1) * d + 1
        if padding == "valid":
            size = (n - 1) * s + (max(window, s) if extra is None else window + extra[i])
        else:
            size = n * s if extra is None else (n - 1) * s + window % 2 + extra[i]
        assert _from_layout(y, data_format).shape[1 + i] == size


def _pool_by_hand(x, g, window, strides, padding, kind):
    """The pooled values and the gradient of `sum(pooled * g(shape))`; the first of equally large values wins."""
    pads = _pads(x.shape[1:-1], window, strides, padding)
    counts = [p[2] for p in pads]
    y, dx = np.zeros((len(x), *counts, x.shape[-1])), np.zeros(x.shape)
    g = g(y.shape)
    for p in itertools.product(*map(range, counts)):
        start = [i * s - pad[0] for i, s, pad in zip(p, strides, pads)]
        at = tuple(slice(max(a, 0), a + k) for a, k in zip(start, window))
        part = x[:, *at]
        flat = part.reshape(len(x), -1, x.shape[-1])
        share = np.full(flat.shape, 1 / flat.shape[1])
        if kind == "max":
            share = np.arange(flat.shape[1])[None, :, None] == np.argmax(flat, 1)[:, None]
        y[:, *p] = (flat * share).sum(1)
        dx[:, *at] += (share * g[:, *p][:, None]).reshape(part.shape)
    return y, dx


@some
@given(geometries(), st.sampled_from(["max", "average"]))
def test_pooling(geometry, kind):
    sizes, window, _, _, padding, data_format, seed = geometry
    rng = np.random.default_rng(seed)
    strides = tuple(rng.integers(1, 4, len(sizes)).tolist())
    x = np.round(_numbers(rng, 2, *sizes, 3))  # with several largest values in many windows
    y, dx = _pool_by_hand(x, _weigh, window, strides, padding, kind)
    pool = ops.max_pool if kind == "max" else ops.average_pool
    x = _to_layout(x, data_format)
    got, (gradient,) = _run(lambda x: pool(x, window, strides, padding, data_format), data_format, x)
    np.testing.assert_allclose(_from_layout(got, data_format), y, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(_from_layout(gradient, data_format), dx, rtol=1e-5, atol=1e-5)


def test_max_pool_keeps_what_is_not_a_number():
    x = jnp.array([1.0, jnp.nan, 2.0, 3.0]).reshape(1, 4, 1)
    assert np.isnan(ops.max_pool(x, 2)).ravel().tolist() == [True, False]


def test_max_pool_of_integers():
    assert ops.max_pool(jnp.array([[[-3], [-2], [5]]]), 2, 1, "same").ravel().tolist() == [-2, 5, 5]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: lapis.layers.Conv2D(0, 3), "`filters` must be 1 or more"),
        (lambda: lapis.layers.Conv2D(4, 0), "`kernel_size` must hold integers of 1 or more"),
        (lambda: lapis.layers.Conv2D(4, (3, 3, 3)), "`kernel_size` must be an integer or a tuple of 2 integers"),
        (lambda: lapis.layers.Conv2D(4, 3, strides=0), "`strides` must hold integers of 1 or more"),
        (lambda: lapis.layers.Conv2D(4, 3, strides=2, dilation_rate=2), "Strides above 1"),
        (lambda: lapis.layers.Conv2D(4, 3, padding="causal"), "`padding` must be one of 'valid', 'same'"),
        (lambda: lapis.layers.Conv2D(4, 3, data_format="last"), "data_format is 'last'"),
        (lambda: lapis.layers.Conv2D(5, 3, groups=2), "`groups` must divide `filters`"),
        (lambda: lapis.layers.Conv2D(4, 3, groups=0), "`groups` must be 1 or more"),
        (lambda: lapis.layers.Conv2D(4, 3, groups=2)(lapis.Input((8, 8, 3))), "with 3 channels"),
        (lambda: lapis.layers.Conv2D(4, 3)(lapis.Input((2, 8, 3))), "would be empty"),
        (lambda: lapis.layers.Conv2D(4, 3)(lapis.Input((8, 8, None))), "number of channels"),
        (lambda: lapis.layers.Conv2D(4, 3)(lapis.Input((8, 8))), "expected at least 4 axes"),
        (lambda: lapis.layers.Conv2DTranspose(4, 3, 2, output_padding=2), "`output_padding` must be smaller"),
        (lambda: lapis.layers.DepthwiseConv2D(3, depth_multiplier=0), "`depth_multiplier` must be 1 or more"),
        (lambda: lapis.layers.SeparableConv2D(4, 3)(lapis.Input((2, 8, 3))), "would be empty"),
        (lambda: lapis.layers.MaxPooling2D(0), "`pool_size` must hold integers of 1 or more"),
        (lambda: lapis.layers.MaxPooling2D(3)(lapis.Input((2, 8, 3))), "would be empty"),
        (lambda: lapis.layers.AveragePooling1D(2, padding="full"), "`padding` must be one of"),
        (lambda: ops.conv(jnp.ones((1, 4, 3)), jnp.ones((2, 2, 4))), "3 channels"),
        (lambda: ops.conv_transpose(jnp.ones((1, 4, 3)), jnp.ones((2, 2, 4))), "for 4"),
        (lambda: ops.conv(jnp.ones((1, 4, 3)), jnp.ones((2, 2, 3, 4))), "equally many axes"),
        (lambda: ops.max_pool(jnp.ones((1, 4, 4, 1)), (2, 2, 2)), "2 spatial axes"),
    ],
)
def test_errors(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_channels_are_checked_on_later_calls():
    layer = lapis.layers.Conv1D(2, 3)
    layer(np.ones((1, 5, 3)))
    with pytest.raises(ValueError, match="expected size 3 on axis -1, but got 4"):
        layer(np.ones((1, 5, 4)))
