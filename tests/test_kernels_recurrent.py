"""The native loops of LSTM and GRU against their references in JAX, with every kind of derivative."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lapis
from lapis.kernels import recurrent
from lapis.kernels.recurrent import GRU, LSTM

pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.skipif(
        not recurrent.serves(jnp.ones((1, 1, 4)), jnp.ones((1, 4))), reason="the native kernels are not there"
    ),
]
both = pytest.mark.parametrize("gates", [LSTM, GRU], ids=["lstm", "gru"])


class Case:
    """Random arguments of one geometry, and the loop over them in both ways."""

    def __init__(self, gates: int, steps: int, batch: int, units: int, masked: bool, reverse: bool) -> None:
        random = np.random.default_rng([gates, steps, batch, units])

        def draw(*shape: int) -> jax.Array:
            return jnp.asarray(random.normal(size=shape), "float32")

        self.gates, self.reverse = gates, reverse
        self.x, self.b = draw(steps, batch, gates * units), draw(gates * units)
        self.w = draw(units, gates * units) / units**0.5  # larger, and rounding errors would grow from step to step
        self.states = [draw(batch, units) for _ in range(2 if gates == LSTM else 1)]
        self.mask = jnp.asarray(random.random((steps, batch)) < 0.7) if masked else None

    @property
    def arguments(self) -> tuple:
        return self.x, self.w, self.b, self.states

    def native(self, x, w, b, states):
        return recurrent.forward(self.gates, x, (w, b), states, self.mask, self.reverse)

    def plain(self, x, w, b, states):
        empty = jnp.zeros((0,))
        x, b = (x + b, empty) if self.gates == LSTM else (x, b)
        h, c = states if self.gates == LSTM else (states[0], empty)
        mask = jnp.zeros((0,), bool) if self.mask is None else self.mask
        fixed = {"gates": self.gates, "reverse": self.reverse, "save": False}
        outputs, c, _, _ = recurrent._reference_forward(x, w, b, h, c, mask, **fixed)
        last = outputs[0 if self.reverse else -1]
        return outputs, [last, c] if self.gates == LSTM else [last]


def _sum(outputs) -> jax.Array:
    return sum(jnp.sum(y * jnp.cos(jnp.arange(y.size)).reshape(y.shape)) for y in jax.tree.leaves(outputs))


def _squares(outputs) -> jax.Array:
    return sum(jnp.sum(jnp.square(y)) for y in jax.tree.leaves(outputs))


def _close(a, b, tolerance: float) -> None:
    for mine, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        scale = max(1.0, float(jnp.abs(other).max(initial=0)))
        np.testing.assert_allclose(mine, other, rtol=tolerance, atol=tolerance * scale)


def _gradient(loop, arguments):
    return jax.grad(lambda arguments: _sum(loop(*arguments)))(arguments)


@both
@pytest.mark.parametrize(
    ("steps", "batch", "units", "masked", "reverse"),
    [
        (1, 1, 1, False, False),
        (3, 2, 5, True, True),
        (6, 33, 20, False, True),
        (5, 7, 16, True, False),
        (4, 13, 40, True, True),
        (9, 4, 8, False, False),
    ],
)
def test_values_and_gradients(gates: int, steps: int, batch: int, units: int, masked: bool, reverse: bool) -> None:
    case = Case(gates, steps, batch, units, masked, reverse)

    def both_of(loop):
        return jax.jit(lambda arguments: (loop(*arguments), _gradient(loop, arguments)))(case.arguments)

    (values, gradients), (plain_values, plain_gradients) = both_of(case.native), both_of(case.plain)
    _close(values, plain_values, 1e-5)
    _close(gradients, plain_gradients, 3e-5)


@both
def test_several_threads_in_a_kernel(gates: int) -> None:
    case = Case(gates, 12, 24, 136, True, False)  # large enough to be shared out
    _close(case.native(*case.arguments), jax.jit(case.plain)(*case.arguments), 1e-4)
    gradient = jax.jit(lambda arguments: _gradient(case.plain, arguments))
    _close(_gradient(case.native, case.arguments), gradient(case.arguments), 1e-3)
    # However the rows are shared out, each comes out the same, bit for bit.
    few = jax.tree.map(lambda state: state[:2], case.states)
    mask, case.mask = case.mask, case.mask[:, :2]
    outputs, _ = case.native(case.x[:, :2], case.w, case.b, few)
    case.mask = mask
    np.testing.assert_array_equal(outputs, case.native(*case.arguments)[0][:, :2])


@both
@pytest.mark.parametrize("masked", [False, True])
def test_forward_mode_and_second_derivatives(gates: int, masked: bool) -> None:
    case = Case(gates, 4, 3, 5, masked, True)
    tangents = jax.tree.map(jnp.cos, case.arguments)

    def along(loop):
        return jax.jvp(loop, case.arguments, tangents)[1]

    def hessian_vector(loop):
        gradient = jax.grad(lambda arguments: _squares(loop(*arguments)))
        return jax.jvp(gradient, (case.arguments,), (tangents,))[1]

    def twice_backwards(loop):
        gradient = jax.grad(lambda arguments: _squares(loop(*arguments)))
        return jax.grad(lambda arguments: _sum(gradient(arguments)))(case.arguments)

    for derivative in (along, hessian_vector, twice_backwards):
        mine, other = (jax.jit(lambda f=loop, d=derivative: d(f))() for loop in (case.native, case.plain))
        _close(mine, other, 1e-4)


@both
def test_transformations(gates: int) -> None:
    case = Case(gates, 4, 3, 5, True, False)
    _, w, b, states = case.arguments
    many = jnp.stack([case.x, 2 * case.x, -case.x])

    def outputs(loop):
        return lambda x: loop(x, w, b, states)[0]

    def mapped(loop):
        return jax.vmap(outputs(loop))(many), jax.vmap(jax.grad(lambda x: _sum(outputs(loop)(x))))(many)

    def looped(loop):
        def body(total, x):
            return total + jax.grad(lambda x: _sum(outputs(loop)(x * total)))(x).mean(), None

        return jax.grad(lambda start: jax.lax.scan(body, start, many)[0])(1.0)

    for transformed in (mapped, looped):
        expected = jax.jit(lambda f=transformed: f(case.plain))()
        _close(transformed(case.native), expected, 1e-4)
        _close(jax.jit(lambda f=transformed: f(case.native))(), expected, 1e-4)

    def from_state(h):
        return case.native(case.x, w, b, [h, *states[1:]])[0]

    _close(jax.jit(jax.jacfwd(from_state))(states[0]), jax.jit(jax.jacrev(from_state))(states[0]), 1e-4)


@both
def test_far_out_and_not_a_number(gates: int) -> None:
    case = Case(gates, 3, 4, 8, False, False)
    x = case.x.at[:, 1].mul(1e4).at[:, 2].mul(1e30)
    _close(case.native(x, *case.arguments[1:]), jax.jit(case.plain)(x, *case.arguments[1:]), 1e-5)
    bad = case.native(case.x.at[1, 3, 0].set(jnp.nan), *case.arguments[1:])[0]
    assert np.isnan(bad[1:, 3]).any() and np.isfinite(bad[:, :3]).all() and np.isfinite(bad[0]).all()


def test_concurrent_programs() -> None:
    case = Case(LSTM, 20, 32, 64, True, False)
    gradient = jax.jit(lambda arguments: _gradient(case.native, arguments))
    expected = gradient(case.arguments)
    found: list = [None] * 6

    def work(place: int) -> None:
        for _ in range(5):
            found[place] = jax.block_until_ready(gradient(case.arguments))

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    for each in found:
        jax.tree.map(np.testing.assert_array_equal, each, expected)


def _primitives(layer, x) -> str:
    layer(x)
    return str(jax.make_jaxpr(layer)(x))


def test_layers_take_the_native_loop() -> None:
    x = jnp.ones((2, 3, 4))
    for layer in (lapis.layers.LSTM(4), lapis.layers.GRU(4), lapis.layers.LSTM(4, unroll=True, go_backwards=True)):
        assert "lapis_lstm_gru" in _primitives(layer, x)
    for options in ({"activation": "relu"}, {"recurrent_activation": "hard_sigmoid"}, {"dtype": "bfloat16"}):
        assert "lapis_lstm_gru" not in _primitives(lapis.layers.LSTM(4, **options), x)
    assert "lapis_lstm_gru" not in _primitives(lapis.layers.GRU(4, reset_after=False), x)
