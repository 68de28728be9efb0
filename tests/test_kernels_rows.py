"""Rows taken from a table by the native kernel's primitive, and their gradients, against plain JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lapis import ops
from lapis.kernels import rows

TABLE = jnp.asarray(np.random.default_rng(0).normal(size=(50, 6)), "float32")
INDICES = jnp.asarray(np.random.default_rng(1).integers(-50, 50, (4, 9)), "int32")
pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.skipif(not rows.serves(TABLE, INDICES), reason="the native kernels are not there"),
]


def _loss(take):
    return lambda table: jnp.sum(jnp.cos(take(table, INDICES)) * jnp.arange(6.0))


def _plain(table, indices):
    return jnp.take(table, indices, axis=0)


@pytest.mark.parametrize("shape", [(50, 6), (3, 1), (4000, 64)], ids=str)
def test_gradient(shape: tuple) -> None:
    table = jnp.asarray(np.random.default_rng(2).normal(size=shape), "float32")
    indices = jnp.asarray(np.random.default_rng(3).integers(0, shape[0], (40, 20)), "int32")
    indices = indices.at[0, 0].set(-1).at[0, 1].set(shape[0] + 5).at[0, 2].set(-shape[0] - 5)
    factors = jnp.asarray(np.random.default_rng(4).normal(size=(40, 20, shape[1])), "float32")

    def gradient(take):
        return jax.grad(lambda table: jnp.sum(jnp.nan_to_num(take(table, indices)) * factors))(table)

    np.testing.assert_allclose(gradient(rows.take_rows), gradient(_plain), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(rows.take_rows(table, indices), _plain(table, indices))


def test_other_derivatives_and_transformations() -> None:
    tangent = jnp.sin(TABLE)
    for derivative in (
        lambda take: jax.jvp(_loss(take), (TABLE,), (tangent,))[1],
        lambda take: jax.jvp(jax.grad(_loss(take)), (TABLE,), (tangent,))[1],
        lambda take: jax.grad(lambda table: jnp.sum(jax.grad(_loss(take))(table) ** 2))(TABLE),
        lambda take: jax.vmap(jax.grad(_loss(take)))(jnp.stack([TABLE, 2 * TABLE])),
        lambda take: jax.vmap(take, (None, 0))(TABLE, INDICES),
        lambda take: jax.jit(jax.grad(_loss(take)))(TABLE),
    ):
        np.testing.assert_allclose(derivative(rows.take_rows), derivative(_plain), rtol=1e-4, atol=1e-4)


def test_where_it_serves() -> None:
    def gradient(table, indices):
        return str(jax.make_jaxpr(jax.grad(lambda table: ops.take(table, indices, axis=0).sum()))(table))

    assert "lapis_add_rows" in gradient(TABLE, INDICES)
    assert "lapis_add_rows" not in gradient(TABLE.astype("bfloat16"), INDICES)
    assert "lapis_add_rows" not in gradient(TABLE[0], INDICES)
    assert "lapis_add_rows" not in gradient(TABLE, INDICES[:0])
