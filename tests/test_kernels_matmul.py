"""Native products of matrices against NumPy in double precision, with derivatives, transformations and threads."""

import concurrent.futures
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapis import ops
from lapis.kernels import library, matmul

pytestmark = pytest.mark.usefixtures("quick_compilation")

some = settings(max_examples=60, deadline=None, derandomize=True, database=None)
native = pytest.mark.skipif(not library.available(), reason="the native kernels are not built")
in_half = pytest.mark.skipif(
    "bf16" not in matmul._describe_half((8, 8, 8, 8, 1, 8, 1, 8)), reason="the processor does not multiply in bfloat16"
)
sizes = st.one_of(st.integers(0, 20), st.sampled_from([31, 64, 97, 193, 257, 300]))
FORMS = [
    "ik,kj->ij",
    "ki,kj->ij",
    "ik,jk->ij",
    "ki,jk->ij",
    "ik,kj->ji",
    "xik,xkj->xij",
    "xik,kj->xij",
    "kix,xkj->xij",
    "ixk,jxk->xij",
    "xij,jxk->ixk",
    "xyik,xykj->xyij",
    "ixky,kxyj->xyij",
    "xik,xij->kj",
]


def _numbers(rng, subscripts, sizes):
    return [
        rng.normal(size=[sizes[x] for x in term]).astype("float32") for term in subscripts.split("->")[0].split(",")
    ]


def _bind(a, b, subscripts):
    return matmul._product.bind(a, b, subscripts=subscripts)


def _close(found, a, b, subscripts):
    """Within what float32 loses in a sum of so many terms."""
    wide = [np.asarray(x, "float64") for x in (a, b)]
    wanted = np.einsum(subscripts, *wide)
    limit = np.einsum(subscripts, *map(np.abs, wide)) * 2e-6 + 1e-6
    assert found.shape == wanted.shape and found.dtype == np.float32
    assert np.all(np.abs(np.asarray(found, "float64") - wanted) <= limit)


@native
@some
@given(st.sampled_from(FORMS), sizes, sizes, sizes, st.integers(0, 3), st.integers(1, 3), st.integers(0, 9))
def test_products(subscripts, i, j, k, x, y, seed):
    a, b = _numbers(np.random.default_rng(seed), subscripts, {"i": i, "j": j, "k": k, "x": x, "y": y})
    _close(_bind(a, b, subscripts), a, b, subscripts)
    _close(matmul.reference(a, b, subscripts), a, b, subscripts)


@native
@pytest.mark.parametrize("subscripts", ["ik,kj->ij", "ki,kj->ij", "ik,jk->ij", "ki,jk->ij"])
@pytest.mark.parametrize("shape", [(500, 300, 700), (1000, 65, 33), (3, 2000, 40), (64, 64, 784), (784, 64, 64)])
def test_large_products(subscripts, shape):
    a, b = _numbers(np.random.default_rng(0), subscripts, dict(zip("ijk", shape)))
    _close(_bind(a, b, subscripts), a, b, subscripts)


@native
@pytest.mark.parametrize("subscripts", FORMS)
def test_the_native_function_knows_the_usual_forms(subscripts):
    a, b = _numbers(np.random.default_rng(0), subscripts, dict(zip("ijkxy", (8, 24, 40, 3, 2))))
    text = jax.jit(lambda a, b: _bind(a, b, subscripts)).lower(a, b).as_text()
    assert (matmul._HANDLERS["float32"] in text) == (subscripts not in ("ixky,kxyj->xyij", "kix,xkj->xij"))


@in_half
@some
@given(st.sampled_from(FORMS), sizes, sizes, sizes, st.integers(0, 3), st.integers(1, 3), st.integers(0, 9))
def test_products_in_bfloat16(subscripts, i, j, k, x, y, seed):
    a, b = _numbers(np.random.default_rng(seed), subscripts, {"i": i, "j": j, "k": k, "x": x, "y": y})
    a, b = (jnp.asarray(one, "bfloat16") for one in (a, b))
    found = _bind(a, b, subscripts)
    wide = [np.asarray(one, "float64") for one in (a, b)]
    wanted = np.einsum(subscripts, *wide)
    # Summed in float32, and rounded once to 8 bits.
    limit = np.abs(wanted) * 2.0**-8 + np.einsum(subscripts, *map(np.abs, wide)) * 2e-6 + 1e-6
    assert found.shape == wanted.shape and found.dtype == jnp.bfloat16
    assert np.all(np.abs(np.asarray(found, "float64") - wanted) <= limit)


@in_half
def test_gradients_in_bfloat16_are_native_too():
    rng = np.random.default_rng(0)
    x, w = (jnp.asarray(rng.normal(size=size), "bfloat16") for size in ((4, 64, 96), (96, 80)))
    gradients = jax.jit(jax.grad(lambda x, w: jnp.sum(jnp.square(ops.matmul(x, w)).astype("float32")), (0, 1)))
    assert gradients.lower(x, w).as_text().count(matmul._HANDLERS["bfloat16"]) == 3
    wide_x, wide_w = (np.asarray(one, "float64") for one in (x, w))
    y = wide_x @ wide_w
    for found, wanted in zip(gradients(x, w), (2 * y @ wide_w.T, 2 * np.einsum("bti,btj->ij", wide_x, y))):
        np.testing.assert_allclose(np.asarray(found, "float64"), wanted, atol=0.02 * np.abs(wanted).max())


@in_half
def test_a_row_in_bfloat16_does_not_depend_on_the_others():
    rng = np.random.default_rng(0)
    a, b = (jnp.asarray(rng.normal(size=size), "bfloat16") for size in ((200, 300), (300, 77)))
    whole = np.asarray(_bind(a, b, "ik,kj->ij"))
    for rows in (5, 64, 97):
        np.testing.assert_array_equal(_bind(a[:rows], b, "ik,kj->ij"), whole[:rows])


@native
@pytest.mark.parametrize("subscripts", FORMS)
def test_derivatives(subscripts, monkeypatch):
    monkeypatch.setattr(matmul._Layout, "pays", lambda layout, dtype: True)
    rng = np.random.default_rng(0)
    (a, b), (da, db) = (_numbers(rng, subscripts, {"i": 7, "j": 5, "k": 9, "x": 2, "y": 3}) for _ in range(2))

    def derivatives(function):
        def loss(a, b):
            return jnp.sum(jnp.tanh(function(a, b, subscripts)))

        gradient = jax.grad(loss, (0, 1))
        _, along = jax.jvp(gradient, (a, b), (da, db))
        second = jax.grad(lambda a, b: sum(jnp.sum(jnp.sin(g)) for g in gradient(a, b)), (0, 1))(a, b)
        return *gradient(a, b), *along, *second

    for found, wanted in zip(*(jax.jit(lambda f=f: derivatives(f))() for f in (_bind, matmul.reference))):
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3)


@native
@pytest.mark.parametrize("axes", [(0, 0), (1, None), (None, 1), (2, 1)])
def test_mapped(axes):
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=shape).astype("float32") for shape in [(2, 8, 9), (2, 9, 5)])
    a, b = (x[0] if axis is None else np.moveaxis(x, 0, axis) for x, axis in zip((a, b), axes))
    found = jax.vmap(lambda a, b: _bind(a, b, "ik,kj->ij"), axes)(a, b)
    wanted = jax.vmap(lambda a, b: matmul.reference(a, b, "ik,kj->ij"), axes)(a, b)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@native
def test_equal_whatever_runs_beside_it():
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(300, 300)).astype("float32") for _ in range(2))
    run = jax.jit(lambda a, b: jax.lax.fori_loop(0, 5, lambda _, c: _bind(a, c, "ik,kj->ij") / 20, b))
    wanted = np.asarray(run(a, b))
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for found in pool.map(lambda _: np.asarray(run(a, b)), range(40)):
            np.testing.assert_array_equal(found, wanted)


@native
def test_a_row_does_not_depend_on_the_others():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(200, 300)).astype("float32"), rng.normal(size=(300, 77)).astype("float32")
    whole = np.asarray(_bind(a, b, "ik,kj->ij"))
    for rows in (5, 64, 97):
        np.testing.assert_array_equal(_bind(a[:rows], b, "ik,kj->ij"), whole[:rows])


@native
def test_scanned_and_compiled():
    rng = np.random.default_rng(0)
    xs, w = rng.normal(size=(4, 64, 100)).astype("float32"), rng.normal(size=(100, 100)).astype("float32")

    def run(multiply):
        def loss(w):
            return jax.lax.scan(lambda c, x: (c + multiply(x, w, "ik,kj->ij").sum(), None), 0.0, xs)[0]

        return jax.jit(jax.value_and_grad(loss))(w)

    for found, wanted in zip(run(_bind), run(matmul.reference)):
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "run, shapes",
    [
        (ops.matmul, [(64, 100), (100, 96)]),
        (ops.matmul, [(3, 64, 100), (100, 96)]),
        (ops.matmul, [(3, 64, 100), (3, 100, 96)]),
        (ops.dot, [(3, 64, 100), (100, 96)]),
        (lambda a, b: ops.tensordot(a, b, axes=1), [(3, 64, 100), (100, 96)]),
        (lambda a, b: ops.tensordot(a, b, axes=[[0], [-1]]), [(100, 64), (96, 100)]),
        (lambda a, b: ops.einsum("btd,dnh->btnh", a, b), [(2, 64, 100), (100, 4, 16)]),
        (lambda a, b: ops.einsum("...x,xy->...y", a, b), [(2, 64, 100), (100, 64)]),
        (lambda a, b: ops.einsum("btnh,bsnh->bnts", a, b), [(2, 64, 4, 32), (2, 48, 4, 32)]),
    ],
)
def test_operations_use_them(run, shapes):
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=shape).astype("float32") for shape in shapes)
    assert ("lapis_product" in str(jax.make_jaxpr(run)(a, b))) == library.available()
    gradients = str(jax.make_jaxpr(jax.grad(lambda a, b: run(a, b).sum(), (0, 1)))(a, b))
    assert ("dot_general" in gradients) != library.available()
    for dtype in ("float16", "int32"):
        assert "lapis_product" not in str(jax.make_jaxpr(run)(a.astype(dtype), b.astype(dtype)))
    wide = [x.astype("float64") for x in (a, b)]
    with jax.enable_x64(True):
        np.testing.assert_allclose(run(a, b), run(*wide), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "subscripts, shapes",
    [
        ("ii,ij->ij", [(64, 64), (64, 64)]),
        ("ij,jk->i", [(64, 64), (64, 64)]),
        ("ij,jk", [(64, 64), (64, 64)]),
        ("ij,jk->ik", [(64, 1), (64, 64)]),
        ("ij,jk->ik", [(64, 64, 64), (64, 64)]),
        ("...ij,jk->ik", [(64, 64), (64, 64, 64)]),
        ("ij->ji", [(64, 64), (64, 64)]),
    ],
)
def test_other_sums_are_left_alone(subscripts, shapes):
    assert matmul.find_subscripts(subscripts, *shapes) is None


def test_without_the_library():
    script = (
        "import jax, numpy as np; from lapis import ops; a = np.ones((64, 64), 'float32');"
        "assert 'lapis' not in str(jax.make_jaxpr(ops.matmul)(a, a)); assert float(ops.matmul(a, a)[0, 0]) == 64"
    )
    environment = {"LAPIS_KERNELS": "0", "JAX_PLATFORMS": "cpu", "PATH": ""}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, timeout=120)
