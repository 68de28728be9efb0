"""Calling a model on arrays: a compiled program must do all that the call operation by operation does."""

import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lapis
from lapis.graph import get_mask, set_mask
from lapis.training import eager
from tests.descriptors import LAYER_FAMILIES, f32, rows

pytestmark = pytest.mark.usefixtures("quick_compilation")

layers = lapis.layers


@pytest.fixture(autouse=True)
def _fresh():
    eager.clear_programs()


def by_operation(model, *args, **kwargs):
    """The call, operation by operation."""
    model.run_eagerly = True
    try:
        return model(*args, **kwargs)
    finally:
        model.run_eagerly = False


def close(x, y, tolerance=1e-5):
    lapis.tree.map_structure(lambda a, b: np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance), x, y)


def mlp(units=4, **kwargs):
    return lapis.Sequential([lapis.Input((3,)), layers.Dense(units, activation="relu", **kwargs), layers.Dense(2)])


def test_one_program_per_kind_of_input():
    model = mlp()
    x = f32(5, 3)
    close(model(x), by_operation(model, x))
    model(x)
    assert eager.count_programs() == 1
    model(f32(6, 3))
    model(x.astype("float64"))
    model(x, training=False)
    assert eager.count_programs() == 4


def test_equal_models_share_it_and_it_keeps_none_alive():
    first, second = mlp(), mlp()
    x = f32(5, 3)
    first(x)
    close(second(x), by_operation(second, x))
    assert eager.count_programs() == 1
    gone = weakref.ref(first)
    del first
    gc.collect()
    assert gone() is None
    close(second(x), by_operation(second, x))


def test_new_values_of_variables_are_seen():
    model = mlp()
    x = f32(5, 3)
    model(x)
    for variable in model.variables:
        variable.assign(np.ones(variable.shape))
    close(model(x), by_operation(model, x))
    assert eager.count_programs() == 1


def test_changed_attributes_are_seen():
    model = lapis.Sequential([lapis.Input((3,)), layers.LeakyReLU(0.5)])
    x = f32(5, 3)
    model(x)
    model.layers[0].negative_slope = 0.1
    close(model(x), by_operation(model, x))
    assert eager.count_programs() == 2


def test_changed_functions_are_seen():
    model = mlp()
    x = f32(5, 3)
    model(x)
    model.layers[0].activation = lapis.activations.tanh
    close(model(x), by_operation(model, x))
    model.layers[0].call = lambda inputs: inputs[..., :1] * np.ones(4, "float32")
    close(model(x), by_operation(model, x))


def test_layers_put_on_top_and_taken_off_are_seen():
    model = mlp()
    x = f32(5, 3)
    model(x)
    model.add(layers.Dense(7))
    assert model(x).shape == (5, 7)
    model.pop()
    assert model(x).shape == (5, 2)


def test_frozen_normalization_is_seen():
    model = lapis.Sequential([lapis.Input((3,)), layers.BatchNormalization()])
    x = f32(5, 3)
    trained = model(x, training=True)
    model.layers[0].trainable = False
    still = model(x, training=True)
    assert not np.allclose(trained, still)
    close(still, by_operation(model, x, training=True))


def test_moving_statistics_move():
    first = lapis.Sequential([lapis.Input((3,)), layers.BatchNormalization()])
    second = lapis.Sequential([lapis.Input((3,)), layers.BatchNormalization()])
    for step in range(3):
        x = f32(5, 3, seed=step)
        close(first(x, training=True), by_operation(second, x, training=True))
    close(first.get_weights(), second.get_weights())
    assert abs(first.get_weights()[2]).sum() > 0


def test_seeds_advance():
    def make():
        return lapis.Sequential([lapis.Input((50,)), layers.Dropout(0.5, seed=3)])

    first, second = make(), make()
    x = np.ones((2, 50), "float32")
    drawn = [np.asarray(first(x, training=True)) for _ in range(2)]
    assert (drawn[0] != drawn[1]).any()
    close(drawn, [by_operation(second, x, training=True) for _ in range(2)])
    close(first(x), x)


def test_states_of_recurrent_layers_stay():
    def make():
        return lapis.Sequential([lapis.Input(batch_shape=(2, 4, 3)), layers.LSTM(5, stateful=True)])

    first, second = make(), make()
    second.set_weights(first.get_weights())
    x = f32(2, 4, 3)
    once = first(x)
    again = first(x)
    assert not np.allclose(once, again)
    close(again, [by_operation(second, x) for _ in range(2)][1])


def test_added_losses():
    model = lapis.Sequential(
        [
            lapis.Input((3,)),
            layers.Dense(4, activity_regularizer="l2", kernel_regularizer="l1"),
            layers.ActivityRegularization(0.3),
        ]
    )
    x = f32(5, 3)
    for data in (x, 2 * x):
        model(data)
        found = model.losses
        by_operation(model, data)
        assert len(found) == 3
        close(found, model.losses)


@pytest.mark.filterwarnings("ignore:The layer")  # a model says that the mask ends there
def test_masks_go_in_and_come_out():
    model = lapis.Sequential([lapis.Input((4, 3)), layers.Masking(), layers.LSTM(5, return_sequences=True)])
    x = f32(2, 4, 3)
    x[1, 2:] = 0.0
    out = model(x)
    close(out, by_operation(model, x))
    assert np.asarray(get_mask(out)).tolist() == [[True] * 4, [True, True, False, False]]

    plain = lapis.Sequential([lapis.Input((4, 3)), layers.LSTM(5)])
    mask = np.array([[True, True, True, False]] * 2)
    close(plain(x, mask=mask), by_operation(plain, x, mask=mask))
    assert not np.allclose(plain(x, mask=mask), plain(x))
    carrying = jnp.asarray(x)
    set_mask(carrying, jnp.asarray(mask))
    close(plain(carrying), plain(x, mask=mask))


def test_inputs_and_outputs_of_any_structure():
    a, b = lapis.Input((3,), name="left"), lapis.Input((2,), name="right")
    model = lapis.Model({"p": a, "q": b}, {"z": layers.Dense(2)(a), "y": [layers.Dense(1)(b), b]})
    x, y = f32(5, 3), f32(5, 2)
    out = model({"q": y, "p": x})
    assert list(out) == ["z", "y"]
    close(out, by_operation(model, {"p": x, "q": y}))
    listed = lapis.Model([a, b], layers.Concatenate()([a, b]))
    named = listed({"right": y, "left": x})
    close(named, np.concatenate([x, y], 1))
    close(listed([x, y]), named)


def test_names_of_inputs_count_where_data_go_by_name():
    def make(first, second):
        a, b = lapis.Input((2,), name=first), lapis.Input((2,), name=second)
        return lapis.Model([a, b], layers.Subtract()([a, b]))

    data = {"u": f32(3, 2), "v": f32(3, 2, seed=1)}
    close(make("u", "v")(data), data["u"] - data["v"])
    close(make("v", "u")(data), data["v"] - data["u"])


def test_optional_inputs():
    a, b = lapis.Input((3,)), lapis.Input((3,), optional=True)
    model = lapis.Model([a, b], layers.Identity()([a, b]))
    x = f32(2, 3)
    assert model([x, None])[1] is None
    close(model([x, x])[1], x)


def test_tracers_go_through():
    model = mlp()
    x = jnp.asarray(f32(5, 3))
    out = model(x)
    close(jax.jit(model)(x), out)
    close(jax.vmap(lambda row: model(row[None])[0])(x), out)
    slope = jax.grad(lambda x: model(x).sum())(x)
    close(slope[:, 0], (model(x + jnp.array([1e-2, 0, 0])) - model(x - jnp.array([1e-2, 0, 0]))).sum(-1) / 2e-2, 1e-2)
    values = [v.value for v in model.trainable_variables]
    gradients = jax.grad(lambda w: model.stateless_call(w, [], x)[0].sum())(values)
    assert all(abs(g).sum() > 0 for g in gradients[2:])
    close(jax.jit(lambda y: y + model(x))(0.0), out)  # arrays from outside of the traced function


def test_a_state_that_would_be_lost_is_refused():
    model = lapis.Sequential([lapis.Input((3,)), layers.BatchNormalization()])
    x = jnp.asarray(f32(5, 3))
    model(x, training=True)
    with pytest.raises(RuntimeError, match="tracing"):
        jax.jit(lambda y: y + model(x, training=True))(0.0)
    assert not isinstance(model.variables[2].value, jax.core.Tracer)


def test_values_given_in_a_scope_are_seen():
    model = mlp()
    x = f32(5, 3)
    before = model(x)
    with lapis.StatelessScope([(v, jnp.zeros(v.shape)) for v in model.variables]):
        close(model(x), np.zeros((5, 2)))
    close(model(x), before)


class Counting(layers.Layer):
    calls = 0

    def call(self, x):
        self.calls += 1
        return x * 2.0


def test_layers_of_the_users_run_each_time():
    model = lapis.Sequential([lapis.Input((3,)), Counting()])
    start = model.layers[0].calls
    for _ in range(3):
        model(f32(5, 3))
    assert model.layers[0].calls == start + 3
    assert eager.count_programs() == 0


def test_a_model_inside_a_layer_of_the_users_takes_its_context():
    class Holder(lapis.Model):
        def __init__(self):
            super().__init__()
            self.inner = lapis.Sequential([lapis.Input((3,)), layers.Dropout(0.9, seed=1)])

        def call(self, x, training=None):
            return self.inner(x)

    model = Holder()
    x = np.ones((2, 3), "float32")
    close(model(x), x)
    assert not np.allclose(model(x, training=True), x)


def test_running_eagerly():
    model = mlp()
    model.compile("sgd", "mse", run_eagerly=True)
    model(f32(5, 3))
    model.compile("sgd", "mse", jit_compile=False)
    model(f32(5, 3))
    with jax.disable_jit():
        mlp()(f32(5, 3))
    assert eager.count_programs() == 0


def test_errors_are_those_of_the_layers():
    model = mlp()
    for _ in range(2):
        with pytest.raises(ValueError, match="got shape"):
            model(f32(5, 4))
    assert model(f32(5, 3)).shape == (5, 2)


def test_random_operations_without_a_seed():
    i = lapis.Input((200,))
    model = lapis.Model(i, lapis.random.dropout(i, 0.5))
    x = np.ones((1, 200), "float32")
    assert (np.asarray(model(x)) != np.asarray(model(x))).any()


def test_arrays_that_change_in_place():
    by = np.ones(3, "float32")
    i = lapis.Input((3,))
    model = lapis.Model(i, i * by)
    x = f32(2, 3)
    close(model(x), x)
    by[:] = 2.0
    close(model(x), 2 * x)


def test_bfloat16_and_a_changed_policy():
    model = mlp(dtype="mixed_bfloat16")
    x = f32(5, 3)
    close(model(x), by_operation(model, x), 2e-2)
    model.layers[0].dtype_policy = "float32"
    close(model(x), by_operation(model, x), 1e-5)


def test_debugging_nans():
    i = lapis.Input((3,))
    model = lapis.Model(i, lapis.ops.log(i))
    model(np.ones((1, 3)))
    jax.config.update("jax_debug_nans", True)
    try:
        with pytest.raises(FloatingPointError):
            model(-np.ones((1, 3)))
    finally:
        jax.config.update("jax_debug_nans", False)


def test_lists_of_numbers_and_symbols():
    model = mlp()
    assert model(lapis.Input((3,))).shape == (None, 2)
    close(model(np.ones((1, 3))), model(jnp.ones((1, 3))))


@pytest.mark.parametrize("family", LAYER_FAMILIES)
def test_every_layer_gives_the_same_compiled(family):
    for row in rows(family)[::3]:
        if row.random or not all(isinstance(x, np.ndarray) for x in row.inputs) or len(row.inputs) > 1 or row.kwargs:
            continue
        inputs = [lapis.Input(batch_shape=x.shape, dtype=x.dtype.name) for x in row.inputs]
        model = lapis.Model(inputs, row.make(lapis)(*inputs, **row.kwargs))
        close(model(list(row.inputs)), by_operation(model, list(row.inputs)), 1e-4)


@pytest.mark.parametrize("apart", [True, False])
def test_programs_are_bounded(apart, monkeypatch):
    monkeypatch.setattr(eager, "rows_independent", lambda model, training: apart)
    monkeypatch.setattr(eager._programs, "_limit", 6 if not apart else 256)
    model = mlp()
    x = f32(40, 3)
    whole = by_operation(model, x)
    for size in [*range(1, 40), 17, 23]:
        close(model(x[:size]), whole[:size])
    assert eager.count_programs() <= (11 if apart else 6)  # eight sizes as they are; 16, 32 and 64


def test_padding_is_not_seen_where_it_would_show(monkeypatch):
    monkeypatch.setattr(eager, "rows_independent", lambda model, training: True)
    model = lapis.Sequential([lapis.Input((3,)), layers.Dense(4, activity_regularizer="l2")])
    for size in range(1, 13):
        x = f32(size, 3)
        model(x)
        found = model.losses
        by_operation(model, x)
        close(found, model.losses)


@pytest.mark.slow
def test_ten_thousand_calls_with_changing_batches(monkeypatch):
    import resource

    monkeypatch.setattr(eager, "rows_independent", lambda model, training: True)
    model = mlp()
    x = f32(3000, 3)
    sizes = np.random.default_rng(0).integers(1, 3000, 10_000)
    for size in sizes[:1000]:
        model(x[:size])
    programs, memory = eager.count_programs(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for size in sizes[1000:]:
        model(x[:size])
    assert eager.count_programs() <= programs + 4 <= 25
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < memory + 20_000  # kB
