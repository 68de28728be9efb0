"""Native attention against its formula in operations of JAX, with every kind of derivative."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lapis
from lapis.kernels import attention
from tests.kernel_checks import close, gradient, with_gradient

pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.skipif(
        not attention.serves(*[jnp.ones((1, 1, 1, 1))] * 3, None, 1.0), reason="the native kernels are not there"
    ),
]

# Batch, time, source, heads, groups, depth, width of the values.
SIZES = [
    (1, 1, 1, 1, 1, 1, 1),
    (2, 5, 7, 4, 2, 3, 5),
    (3, 40, 33, 4, 1, 16, 16),
    (1, 9, 5, 2, 2, 8, 20),
    (2, 130, 300, 2, 2, 32, 8),
    (1, 100, 17, 1, 1, 40, 33),
]
# Which of batch, heads and time a mask knows, and whether later keys are hidden.
HIDDEN = [(None, False), (None, True), ((1, 0, 1), True), ((0, 1, 0), False)]


class Case:
    """Random arguments of one geometry."""

    def __init__(self, sizes: tuple, known: tuple | None = None, causal: bool = False, scale: float = 0.6) -> None:
        batch, time, source, heads, groups, depth, width = sizes
        random = np.random.default_rng([*sizes, causal])

        def draw(*shape: int) -> jax.Array:
            return jnp.asarray(random.normal(size=shape), "float32")

        self.arrays = (
            draw(batch, time, heads, depth),
            draw(batch, source, groups, depth),
            draw(batch, source, groups, width),
        )
        self.mask = None
        if known is not None:
            shape = [size if know else 1 for size, know in zip((batch, heads, time), known)]
            self.mask = jnp.asarray(random.random((*shape, source)) < 0.4)
        self.fixed = scale, causal

    def native(self, *arrays):
        return attention.attend(*arrays, self.mask, *self.fixed)

    def plain(self, *arrays):
        return attention.formula(*arrays, None, self.mask, *self.fixed)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize(("known", "causal"), HIDDEN, ids=str)
def test_values_and_gradients(sizes, known, causal):
    case = Case(sizes, known, causal)
    close(with_gradient(case.native, case.arrays), with_gradient(case.plain, case.arrays))


@pytest.mark.parametrize("known", [None, (1, 0, 1)])
def test_other_transformations(known):
    case = Case((2, 5, 7, 4, 2, 3, 5), known, causal=True)
    tangents = tuple(jnp.cos(x) for x in case.arrays)
    for derive in (
        lambda f: f(*case.arrays),
        lambda f: jax.jvp(f, case.arrays, tangents),
        lambda f: jax.jvp(lambda *arrays: gradient(f, arrays), case.arrays, tangents),
        lambda f: jax.vmap(lambda q, k, v: gradient(f, (q, k, v)))(*(jnp.stack([x, x + 1]) for x in case.arrays)),
        lambda f: jax.lax.scan(lambda q, _: (f(q, *case.arrays[1:])[..., :3], None), case.arrays[0], length=3)[0],
    ):
        close(jax.jit(derive, static_argnums=0)(case.native), jax.jit(derive, static_argnums=0)(case.plain), 1e-4)


def test_a_query_that_sees_nothing_gets_the_mean_and_nogradient():
    case = Case((1, 3, 20, 1, 1, 4, 2), causal=True)
    case.mask = jnp.ones((1, 1, 3, 20), bool).at[0, 0, 1].set(False)
    close(case.native(*case.arrays)[0, 1, 0], case.arrays[2][0, :, 0].mean(0))
    only = jax.grad(lambda q: jnp.sum(case.native(q, *case.arrays[1:])[0, 1]))(case.arrays[0])
    assert not only.any()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_a_number_is_not_hidden(bad):
    q, k, v = Case((1, 4, 20, 1, 1, 4, 2)).arrays
    assert jnp.isnan(attention.attend(q.at[0, 2, 0, 1].set(bad), k, v, None, 1.0, False)[0, 2]).all()


def test_large_logits_do_not_overflow():
    case = Case((1, 8, 40, 1, 1, 16, 4), scale=300.0)
    close(case.native(*case.arrays), case.plain(*case.arrays))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_computed_in_float32(dtype):
    rng = np.random.default_rng(0)
    arrays = [jnp.asarray(rng.normal(size=(2, 7, 3, 8)), dtype) for _ in range(3)]
    found = lapis.ops.dot_product_attention(*arrays)
    wide = lapis.ops.dot_product_attention(*(x.astype("float32") for x in arrays))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, wide.astype(dtype))


def test_empty_batches_and_other_scales_take_the_formula():
    empty = jnp.ones((0, 2, 1, 4))
    assert lapis.ops.dot_product_attention(empty, empty, empty).shape == (0, 2, 1, 4)
    assert not attention.serves(*[jnp.ones((1, 2, 1, 4))] * 3, None, -1.0)


def test_concurrent_programs_do_not_disturb_each_other():
    cases = [Case(sizes, causal=True) for sizes in SIZES[2:5]]
    expected = [with_gradient(case.native, case.arrays) for case in cases]
    found: list = [None] * len(cases)

    def work(i: int) -> None:
        for _ in range(5):
            found[i] = with_gradient(cases[i].native, cases[i].arrays)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(cases))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for mine, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(mine, other)
