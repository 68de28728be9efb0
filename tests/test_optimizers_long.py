"""Optimizers over fifty steps: equal to Keras's, and the same when state is saved and restored midway.

Each optimizer's steps are one program of each library, whose states after every step are compared.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lapis
from lapis.state import Variable, name_scope
from tests.descriptors import f32, rows
from tests.oracle import keras

STEPS, CUT = 50, 23  # the cut lies inside rounds of accumulation and between overwrites by averages
KERNEL, BIAS = f32(4, 3, seed=1), f32(3, seed=2)
GRADIENTS = [f32(STEPS, 4, 3, seed=3), f32(STEPS, 3, seed=4)]
every_row = pytest.mark.parametrize("row", rows("optimizers"), ids=str)


def _built(row, k):
    """The optimizer, and the values that it starts from: its own and the variables'."""
    variable, scope = (Variable, name_scope) if k is lapis else (keras.Variable, keras.src.backend.name_scope)
    with scope("dense"):
        variables = [variable(KERNEL, name="kernel"), variable(BIAS, name="bias")]
    optimizer = row.make(k)
    optimizer.build(variables)
    return optimizer, variables, ([v.value for v in variables], [v.value for v in optimizer.variables])


def _run(optimizer, start, gradients):
    """The states `(variables, optimizer's variables)` after every step."""

    def step(state, gradients):
        state = optimizer.stateless_apply(state[1], gradients, state[0])
        state = jax.tree.map(lambda new, old: new.astype(old.dtype), tuple(map(list, state)), start)
        return state, state

    return jax.jit(lambda start, gradients: jax.lax.scan(step, start, gradients)[1])(start, gradients)


@every_row
def test_fifty_steps(row):
    ours, variables, start = _built(row, lapis)
    theirs, _, their_start = _built(row, keras)
    gradients = list(map(jnp.asarray, GRADIENTS))
    got, expected = _run(ours, start, gradients), _run(theirs, their_start, gradients)
    for mine, other in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-6)

    # Midway into a store, out of it into another optimizer, and on.
    for variable, values in zip([*variables, *ours.variables], jax.tree.leaves(got)):
        variable.assign(values[CUT - 1])
    store = {}
    ours.save_own_variables(store)
    again, _, _ = _built(row, lapis)
    again.load_own_variables(store)
    middle = [v.value for v in variables], [v.value for v in again.variables]
    rest = _run(again, middle, [g[CUT:] for g in gradients])
    for mine, other in zip(jax.tree.leaves(rest), jax.tree.leaves(got), strict=True):
        np.testing.assert_allclose(mine, other[CUT:], rtol=1e-6, atol=1e-7)
