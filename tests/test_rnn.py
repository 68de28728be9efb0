"""Recurrent layers: states, masks, cells of the user's, directions, time steps, derivatives."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lapis
from lapis.ops.rnn import rnn
from tests.descriptors import f32, flags
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")

X = f32(2, 5, 3)
MASK = flags(2, 5, seed=1)
GAP = flags(2, 5, seed=4)
GAP[:, 0] = False


def _pair(make, x=X):
    """The layer of both libraries with the same weights."""
    ours, theirs = make(lapis), make(keras)
    ours.build(x.shape)
    theirs.build(x.shape)
    ours.set_weights([np.asarray(w) for w in theirs.weights])
    return ours, theirs


def _close(mine, other, tolerance=1e-5):
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# The loop


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("mask", [None, GAP], ids=["plain", "masked"])
def test_unrolled_equals_looped(mask, zeros, go_backwards) -> None:
    def step(x, states):
        return 2 * states[0] + x, [states[0] + x, states[1] - 1]

    start = [jnp.ones((2, 3)), jnp.zeros((2, 1))]
    options = {"mask": mask, "zero_output_for_mask": zeros, "go_backwards": go_backwards}
    _close(rnn(step, X, start, unroll=True, **options), rnn(step, X, start, **options), 1e-6)


def test_loop_by_hand() -> None:
    last, outputs, states = rnn(lambda x, s: (s[0] + x, [s[0] + x]), X, [jnp.zeros((2, 3))], mask=MASK)
    total, expected = np.zeros((2, 3)), []
    for t in range(5):
        total = total + X[:, t] * MASK[:, t, None]
        expected.append(total)
    _close([last, outputs, states[0]], [total, np.stack(expected, 1), total])


def test_loop_over_nests_with_constants_and_time_first() -> None:
    def step(inputs, states):
        state, constant = states
        return inputs["a"] * constant, [state + inputs["b"]]

    inputs = {"a": f32(5, 2, 3), "b": f32(5, 2, 3, seed=1)}
    last, outputs, states = rnn(step, inputs, [jnp.zeros((2, 3))], constants=[jnp.full((1,), 2.0)], time_major=True)
    _close([outputs, last, states[0]], [2 * inputs["a"], 2 * inputs["a"][-1], inputs["b"].sum(0)])


def test_last_output_alone() -> None:
    last, outputs, _ = rnn(lambda x, s: (x, s), X, [jnp.zeros((2, 1))], return_all_outputs=False)
    assert outputs.shape == (2, 1, 3)
    _close([last, outputs[:, 0]], [X[:, -1], X[:, -1]])


def test_step_that_changes_its_states_is_told() -> None:
    with pytest.raises(ValueError, match="given 1 states and returned 2"):
        rnn(lambda x, s: (x, [s[0], s[0]]), X, [jnp.zeros((2, 1))])
    with pytest.raises(ValueError, match="given a state of shape"):
        rnn(lambda x, s: (x, [x]), X, [jnp.zeros((2, 1))])


# Derivatives


def test_derivatives_of_the_fast_loop_are_those_of_the_cell() -> None:
    layer = lapis.layers.LSTM(3, return_sequences=True)
    layer.build(X.shape)
    fixed = [v.value for v in layer.non_trainable_variables]
    weights = tuple(v.value for v in layer.trainable_variables)

    def fast(weights, x):
        return layer.stateless_call(weights, fixed, x, mask=MASK)[0]

    def by_hand(weights, x):
        kernel, recurrent_kernel, bias = weights
        h, c, outputs = jnp.zeros((2, 3)), jnp.zeros((2, 3)), []
        for t in range(5):
            i, f, g, o = jnp.split(x[:, t] @ kernel + h @ recurrent_kernel + bias, 4, axis=-1)
            new_c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            new_h = jax.nn.sigmoid(o) * jnp.tanh(new_c)
            h, c = (jnp.where(MASK[:, t, None], new, old) for new, old in ((new_h, h), (new_c, c)))
            outputs.append(h)
        return jnp.stack(outputs, 1)

    @functools.partial(jax.jit, static_argnums=0)
    def derivatives(f, *arguments):
        gradient = jax.grad(lambda *a: jnp.sum(f(*a) ** 2), (0, 1))
        return gradient(*arguments), jax.jvp(f, arguments, arguments), jax.jvp(gradient, arguments, arguments)[1]

    _close(derivatives(fast, weights, X), derivatives(by_hand, weights, X), 1e-4)


def test_long_lstm_under_jit_grad_and_vmap() -> None:
    layer = lapis.layers.LSTM(8, return_sequences=True)
    x = f32(2, 2, 100, 4)
    layer.build(x.shape[1:])
    fixed = [v.value for v in layer.non_trainable_variables]

    def loss(weights, x):
        return jnp.mean(layer.stateless_call(weights, fixed, x)[0] ** 2)

    weights = [v.value for v in layer.trainable_variables]
    gradients = jax.jit(jax.vmap(jax.grad(loss), in_axes=(None, 0)))(weights, x)
    one = jax.jit(jax.grad(loss))(weights, x[1])
    _close([g[1] for g in gradients], one)
    assert all(np.isfinite(g).all() for g in gradients)


def test_activation_with_a_variable_gets_its_gradient() -> None:
    class Slope(lapis.Layer):
        def build(self, input_shape):
            self.slope = self.add_weight(shape=(), initializer="ones")

        def call(self, x):
            return x * self.slope

    layer = lapis.layers.SimpleRNN(3, activation=Slope())
    layer.cell.activation.build((None, 3))
    layer.build(X.shape)
    weights = [v.value for v in layer.trainable_variables]
    fixed = [v.value for v in layer.non_trainable_variables]
    assert len(weights) == 4
    gradients = jax.grad(lambda w: jnp.sum(layer.stateless_call(w, fixed, X)[0] ** 2))(weights)
    assert all(np.abs(g).sum() > 0 for g in gradients)
    before = layer(X)
    layer.cell.activation.slope.assign(2.0)
    assert not np.allclose(before, layer(X))


# States


def test_stateful_goes_on_where_it_stopped() -> None:
    keras.utils.clear_session(free_memory=False)  # so that Keras, too, counts names from the start
    for make in (
        lambda k: k.layers.LSTM(4, stateful=True),
        lambda k: k.layers.GRU(4, stateful=True, return_sequences=True),
        lambda k: k.layers.RNN([k.layers.LSTMCell(4), k.layers.SimpleRNNCell(3)], stateful=True),
        lambda k: k.layers.Bidirectional(k.layers.SimpleRNN(4, stateful=True)),
    ):
        ours, theirs = _pair(make)
        first = ours(X)
        _close(first, theirs(X))
        _close(ours(X), theirs(X))
        assert [v.path for v in lapis.tree.flatten(ours.states)] == [v.path for v in keras.tree.flatten(theirs.states)]
        assert not any(v.trainable for v in lapis.tree.flatten(ours.states))
        assert len(ours.weights) == len(theirs.weights)
        ours.reset_state()
        _close(ours(X), first)
        ours.reset_states()
        assert all(not v.numpy().any() for v in lapis.tree.flatten(ours.states))


def test_stateful_in_compiled_programs() -> None:
    layer = lapis.layers.GRU(4, stateful=True)
    layer.build(X.shape)
    weights = [v.value for v in layer.trainable_variables]
    call = jax.jit(lambda state, x: layer.stateless_call(weights, state, x))
    state = [v.value for v in layer.non_trainable_variables]
    outputs = []
    for _ in range(3):
        y, state = call(state, X)
        outputs.append(y)
    _close(outputs, [layer(X) for _ in range(3)])


def test_stateful_needs_its_batch_size() -> None:
    with pytest.raises(ValueError, match="fixed batch size"):
        lapis.layers.LSTM(4, stateful=True)(lapis.Input((5, 3)))
    layer = lapis.layers.LSTM(4, stateful=True)
    layer(X)
    with pytest.raises(ValueError, match="batches of 2"):
        layer(f32(3, 5, 3))


def test_initial_state_in_a_graph() -> None:
    def model(k):
        x, h, c = k.Input((None, 3)), k.Input((4,)), k.Input((4,))
        y, *last = k.layers.LSTM(4, return_state=True)(x, initial_state=[h, c])
        stacked = k.layers.RNN([k.layers.GRUCell(4), k.layers.LSTMCell(4)])
        return k.Model([x, h, c], stacked(x, initial_state=[[h], last]) + y)

    ours, theirs = model(lapis), model(keras)
    ours.set_weights([np.asarray(w) for w in theirs.weights])
    data = [X, f32(2, 4, seed=1), f32(2, 4, seed=2)]
    _close(ours(data), theirs(data))


def test_initial_state_of_known_batch_where_inputs_have_none() -> None:
    start = [np.zeros((2, 4), "float32")] * 2
    assert lapis.layers.LSTM(4)(lapis.Input((5, 3)), initial_state=start).shape == (None, 4)


def test_wrong_number_of_initial_states() -> None:
    with pytest.raises(ValueError, match="has 2 states; got initial_state with 1"):
        lapis.layers.LSTM(4)(X, initial_state=[f32(2, 4)])


# Cells of the user's


class Plain:
    """A cell that is no layer and says only what it must."""

    state_size = 3

    def call(self, inputs, states):
        return inputs + states[0], [inputs + states[0]]


def test_cell_that_is_no_layer() -> None:
    _close(lapis.layers.RNN(Plain())(X), X.sum(1))
    masked = lapis.layers.RNN(Plain(), return_sequences=True, return_state=True)(X, mask=MASK)
    kept = np.cumsum(X * MASK[..., None], 1)
    _close(masked, (kept, kept[:, -1]))


def _counting_cell(k):
    class Counting(k.layers.Layer):
        """Two states of different shapes, and an output of a third."""

        state_size = (3, 1)
        output_size = 6

        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], 3), name="kernel")

        def get_initial_state(self, batch_size=None):
            return (k.ops.ones((batch_size, 3)), k.ops.zeros((batch_size, 1)))

        def call(self, inputs, states, training=False):
            total, count = states
            total = total + k.ops.matmul(inputs, self.kernel) * (2.0 if training else 1.0)
            return k.ops.concatenate([total, total * count], -1), [total, count + 1]

    return Counting()


@pytest.mark.parametrize("training", [False, True])
def test_cell_with_states_and_output_of_its_own(training) -> None:
    ours, theirs = _pair(lambda k: k.layers.RNN(_counting_cell(k), return_sequences=True, return_state=True))
    _close(ours(X, training=training), theirs(X, training=training))
    y, total, count = ours(lapis.Input((None, 3)))
    assert (y.shape, total.shape, count.shape) == ((None, None, 6), (None, 3), (None, 1))
    _close(ours(X, mask=GAP)[2][:, 0], GAP.sum(1))
    assert [v.path.split("/")[-1] for v in ours.weights] == ["kernel"]


def test_cell_that_draws_and_counts() -> None:
    class Noisy(lapis.Layer):
        state_size = 3

        def __init__(self):
            super().__init__()
            self.drop = lapis.layers.Dropout(0.5, seed=1)

        def build(self, input_shape):
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

        def call(self, inputs, states, training=False):
            self.calls.assign_add(1.0)
            return self.drop(inputs, training=training), states

    cell = Noisy()
    layer = lapis.layers.RNN(cell, return_sequences=True)
    ones = np.ones((4, 6, 3), "float32")
    first, second = layer(ones, training=True), layer(ones, training=True)
    assert float(cell.calls) == 12 and not np.array_equal(first, second)
    assert len({np.asarray(first[:, t]).tobytes() for t in range(6)}) > 1
    state = [v.value for v in layer.non_trainable_variables]
    call = jax.jit(lambda state: layer.stateless_call([], state, ones, training=True))
    y, after = call(state)
    assert not np.array_equal(y, second) and float(cell.calls) == 12
    assert [float(a) for a, v in zip(after, layer.non_trainable_variables) if v is cell.calls] == [18.0]
    jax.jit(lambda x: lapis.layers.RNN([lapis.layers.LSTMCell(2)])(x))(ones)


def test_cells_without_what_they_need() -> None:
    with pytest.raises(ValueError, match="`call`"):
        lapis.layers.RNN(object())
    with pytest.raises(ValueError, match="state_size"):
        lapis.layers.RNN(lapis.layers.Dense(3))
    with pytest.raises(ValueError, match="state_size"):
        lapis.layers.StackedRNNCells([lapis.layers.Dense(3)])


def test_overridden_call_of_a_cell_is_used() -> None:
    class Doubled(lapis.layers.GRUCell):
        def call(self, inputs, states, training=False):
            return super().call(2 * inputs, states, training=training)

    doubled, plain = lapis.layers.RNN(Doubled(4)), lapis.layers.GRU(4)
    doubled.build(X.shape)
    plain.build(X.shape)
    plain.set_weights(doubled.get_weights())
    _close(doubled(X), plain(2 * X))


def test_config_with_a_custom_cell() -> None:
    @lapis.saving.register_keras_serializable("tests")
    class Adding(lapis.Layer):
        state_size = 3

        def call(self, inputs, states):
            return inputs + states[0], [inputs + states[0]]

    layer = lapis.layers.RNN([Adding(), lapis.layers.GRUCell(2)])
    again = lapis.layers.deserialize(lapis.layers.serialize(layer))
    assert isinstance(again.cell.cells[0], Adding) and again.get_config() == layer.get_config()


# Dropout


@pytest.mark.parametrize(
    "make",
    [
        lambda k: k.layers.SimpleRNN(4, dropout=0.3, recurrent_dropout=0.4, seed=3),
        lambda k: k.layers.GRU(4, dropout=0.3, seed=3, return_sequences=True),
        lambda k: k.layers.GRU(4, dropout=0.3, recurrent_dropout=0.4, seed=3, reset_after=False),
        lambda k: k.layers.LSTM(4, dropout=0.3, recurrent_dropout=0.4, seed=3, return_sequences=True),
        lambda k: k.layers.Bidirectional(k.layers.LSTM(4, dropout=0.3, seed=3)),
        lambda k: k.layers.RNN([k.layers.LSTMCell(4, dropout=0.3, seed=1), k.layers.GRUCell(3, dropout=0.2, seed=2)]),
    ],
    ids=["SimpleRNN", "GRU", "GRU-reset-before", "LSTM", "Bidirectional", "cells"],
)
def test_dropout_draws_what_keras_draws(make) -> None:
    ours, theirs = _pair(make)
    for _ in range(2):
        _close(ours(X, training=True), theirs(X, training=True))
    for mine, other in zip(ours.non_trainable_variables, theirs.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), np.asarray(other))


def test_dropout_is_the_same_at_every_step() -> None:
    identity = {"kernel_initializer": "identity", "recurrent_initializer": "zeros", "activation": None}
    layer = lapis.layers.SimpleRNN(8, dropout=0.5, return_sequences=True, **identity)
    y = np.asarray(layer(np.ones((3, 6, 8), "float32"), training=True))
    assert (y == y[:, :1]).all() and 0 < (y == 0).mean() < 1
    assert not np.array_equal(y, layer(np.ones((3, 6, 8), "float32"), training=True))
    assert layer.cell._dropout_mask is None


# Both directions


def test_bidirectional_initial_state_and_states() -> None:
    start = [f32(2, 4, seed=i) for i in range(4)]
    make = lambda k: k.layers.Bidirectional(k.layers.LSTM(4, return_sequences=True, return_state=True))  # noqa: E731
    ours, theirs = _pair(make)
    _close(ours(X, initial_state=start), theirs(X, initial_state=start))


def test_bidirectional_makes_layers_of_its_own() -> None:
    class Mine(lapis.layers.LSTM):
        pass

    layer = Mine(4, name="mine")
    layer(X)
    wrapped = lapis.layers.Bidirectional(layer, weights=None)
    assert isinstance(wrapped.forward_layer, Mine) and wrapped.forward_layer is not layer
    assert [wrapped.forward_layer.name, wrapped.backward_layer.name] == ["forward_mine", "backward_mine"]
    assert wrapped.backward_layer.go_backwards and not wrapped.forward_layer.built
    wrapped(X)
    again = lapis.layers.Bidirectional(lapis.layers.LSTM(4), weights=wrapped.get_weights())
    _close(again(X), wrapped(X))


def test_bidirectional_refuses_what_does_not_go_together() -> None:
    rnn_layer = lapis.layers.LSTM(4)
    for arguments, match in (
        ({"layer": "lstm"}, "expected a layer"),
        ({"layer": rnn_layer, "backward_layer": 3}, "backward_layer=3"),
        ({"layer": rnn_layer, "merge_mode": "max"}, "merge_mode='max'"),
        ({"layer": rnn_layer, "backward_layer": lapis.layers.LSTM(4)}, "different directions"),
        (
            {"layer": rnn_layer, "backward_layer": lapis.layers.LSTM(4, go_backwards=True, return_state=True)},
            "agree in return_state",
        ),
    ):
        with pytest.raises(ValueError, match=match):
            lapis.layers.Bidirectional(**arguments)
    with pytest.raises(AttributeError, match="keeps no states"):
        lapis.layers.Bidirectional(rnn_layer).reset_state()


# Time steps by themselves


def test_time_distributed_of_any_length() -> None:
    x = lapis.Input((None, 4, 4, 1))
    y = lapis.layers.TimeDistributed(lapis.layers.Conv2D(2, 3))(x)
    assert y.shape == (None, None, 2, 2, 2)
    model = lapis.Model(x, lapis.layers.TimeDistributed(lapis.layers.Flatten())(y))
    for steps in (1, 3, 6):
        assert model(f32(2, steps, 4, 4, 1)).shape == (2, steps, 8)


def test_time_distributed_hands_masks_on() -> None:
    class Masked(lapis.Layer):
        def call(self, inputs, mask=None):
            return inputs * lapis.ops.cast(mask, "float32")

    mask = flags(2, 5, 3)
    _close(lapis.layers.TimeDistributed(Masked())(X, mask=mask), X * mask)
    with pytest.raises(ValueError, match="mask of shape"):
        lapis.layers.TimeDistributed(Masked())(X, mask=np.ones((2, 4), bool))


def test_time_distributed_goes_step_by_step_where_it_must() -> None:
    ours, theirs = _pair(lambda k: k.layers.TimeDistributed(k.layers.BatchNormalization(momentum=0.5)))
    _close(ours(X, training=True), theirs(X, training=True))
    _close(ours.get_weights(), [np.asarray(w) for w in theirs.weights])
    with pytest.raises(ValueError, match="three axes"):
        lapis.layers.TimeDistributed(lapis.layers.Dense(2))(f32(2, 3))


# Convolutions


def test_conv_lstm_with_a_mask() -> None:
    x, mask = f32(2, 4, 5, 3), np.array([[True, False, True, False], [True, True, False, False]])
    layer = lapis.layers.ConvLSTM1D(2, 3, return_sequences=True)
    y = np.asarray(layer(x, mask=mask))
    for sample in range(2):
        chosen = np.asarray(layer(x[sample : sample + 1, mask[sample]]))[0]
        _close(y[sample], chosen[np.cumsum(mask[sample]) - 1])


def test_conv_lstm_needs_known_sizes() -> None:
    with pytest.raises(ValueError, match="spatial axes and the channels must be known"):
        lapis.layers.ConvLSTM2D(2, 3)(lapis.Input((4, None, 5, 1)))
    with pytest.raises(ValueError, match="dilation rate above 1"):
        lapis.layers.ConvLSTM2D(2, 3, strides=2, dilation_rate=2)


# Arguments


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
def test_arguments_are_checked(kind) -> None:
    layer = getattr(lapis.layers, kind)
    with pytest.raises(ValueError, match="units=0"):
        layer(0)
    with pytest.raises(ValueError, match="time steps"):
        layer(3, unroll=True)(lapis.Input((None, 2)))
    with pytest.raises(ValueError, match="expected 3 axes"):
        layer(3)(f32(2, 3))
    if kind != "SimpleRNN":
        with pytest.raises(ValueError, match="use_cudnn='never'"):
            layer(3, use_cudnn="never")
        with pytest.raises(ValueError, match="use_cudnn=True"):
            layer(3, use_cudnn=True)(X, mask=MASK)


def test_cell_arguments_show_on_the_layer() -> None:
    layer = lapis.layers.LSTM(4, dropout=0.1, kernel_regularizer="l2", unit_forget_bias=False)
    assert (layer.units, layer.dropout, layer.unit_forget_bias, layer.use_bias) == (4, 0.1, False, True)
    assert layer.kernel_regularizer is layer.cell.kernel_regularizer
    assert layer.activation is lapis.activations.tanh


def test_frozen_layer_has_nothing_to_train() -> None:
    layer = lapis.layers.LSTM(4, trainable=False)
    layer(X)
    assert not layer.trainable_variables and len(layer.non_trainable_variables) == 4
    layer.trainable = True
    assert len(layer.trainable_variables) == 3
