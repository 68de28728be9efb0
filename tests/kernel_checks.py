"""What the tests of native kernels share: random arrays and geometries, comparison, values with gradients."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st


def random_array(rng, *shape):
    return jnp.asarray(rng.standard_normal(shape), jnp.float32)


def close(actual, expected, tolerance=2e-5):
    """Shapes and types are equal; values, as a fraction of the largest but at least of one, up to the tolerance."""
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert a.shape == e.shape and a.dtype == e.dtype
        scale = max(1.0, float(np.abs(e).max(initial=0)))
        np.testing.assert_allclose(np.asarray(a) / scale, np.asarray(e) / scale, atol=tolerance)


def draw_axes(draw, room, strides=(1, 2, 3)):
    """Sizes (up to `room` beyond the least), window, strides, padding and dilation of one to three axes."""
    axes = []
    for _ in range(draw(st.integers(1, 3))):
        width, rate, stride = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.sampled_from(strides))
        before, after = draw(st.integers(0, 3)), draw(st.integers(0, 3))
        least = max(1, (width - 1) * rate + 1 - before - after)
        axes.append((draw(st.integers(least, least + room)), width, stride, (before, after), rate))
    return tuple(map(tuple, zip(*axes)))


def gradient(function, arguments):
    """By all arguments, of a sum that weighs every output differently."""

    def weighted(*arguments):
        y = function(*arguments)
        return jnp.sum(y * jnp.cos(jnp.arange(y.size)).reshape(y.shape))

    return jax.grad(weighted, tuple(range(len(arguments))))(*arguments)


def close_under_transformations(native, plain, arguments, tolerance):
    """Two functions agree called, in forward mode, in second derivatives, under vmap and in a loop."""
    tangents = tuple(jnp.cos(a) for a in arguments)
    for derive in (
        lambda f: f(*arguments),
        lambda f: jax.jvp(f, arguments, tangents),
        lambda f: jax.jvp(lambda *a: gradient(f, a), arguments, tangents),
        lambda f: jax.vmap(lambda *a: gradient(f, a))(*(jnp.stack([a, a + 1]) for a in arguments)),
        lambda f: jax.lax.scan(lambda x, _: (f(x, *arguments[1:]), None), arguments[0], length=3)[0],
    ):
        close(jax.jit(derive, static_argnums=0)(native), jax.jit(derive, static_argnums=0)(plain), tolerance)


def with_gradient(function, arguments):
    """Values and gradients, in one program."""
    return jax.jit(lambda *arguments: (function(*arguments), gradient(function, arguments)))(*arguments)
