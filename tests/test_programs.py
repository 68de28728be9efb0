"""Many steps as one program: the same numbers however they are grouped, few compilations, nothing lost."""

import gc
import signal
import weakref

import jax
import numpy as np
import pytest

import lapis
from lapis.training import feed, program, stacks, steps
from lapis.training.filling import may_fill_up
from lapis.training.pace import Pace
from tests.descriptors import f32, i32

X, Y = f32(90, 6), i32(90, high=3)


def make(dropout=0.3, norm=True, own=False):
    inputs = lapis.Input((6,))
    x = lapis.layers.Dense(16, activation="relu")(inputs)
    x = lapis.layers.BatchNormalization()(x) if norm else x
    x = lapis.layers.Dropout(dropout, seed=3)(x)
    x = Own()(x) if own else x
    model = lapis.Model(inputs, lapis.layers.Dense(3, activation="softmax")(x))
    return model


class Own(lapis.layers.Layer):
    """The identity, of which Lapis cannot know that it keeps rows apart."""

    def call(self, x):
        return x * 1.0


def compiled(model, **options):
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return model


def trained(data=None, epochs=3, callbacks=None, make=make, **options):
    lapis.utils.set_random_seed(1)
    model = compiled(make(), **options)
    x, y = data or (X, Y)
    curve = model.fit(x, y, batch_size=8, epochs=epochs, validation_split=0.2, verbose=0, callbacks=callbacks).history
    state = [np.asarray(v.value) for v in model.variables + model.optimizer.variables]
    return curve, state, model


def assert_same_bits(a, b):
    assert a[0] == b[0]
    for mine, other in zip(a[1], b[1], strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("norm", [True, False])  # without it, the last batch of 8 holds padding
def test_the_same_bits_whatever_the_chunk(norm):
    results = [trained(make=lambda: make(norm=norm), steps_per_execution=n) for n in (1, 7, 1000, "auto")]
    for other in results[1:]:
        assert_same_bits(results[0], other)


def test_a_callback_that_sees_every_batch_changes_nothing():
    seen = []
    watch = lapis.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"]))
    assert_same_bits(trained(callbacks=[watch]), trained())
    assert len(seen) == 3 * 9 and all(type(loss) is float for loss in seen)


def count_traces(monkeypatch, name="train_step"):
    traces, step = [], getattr(steps, name)
    monkeypatch.setattr(steps, name, lambda *args: traces.append(args) or step(*args))
    return traces


def test_the_last_batch_needs_no_second_program(monkeypatch):
    program.forget_shared_programs()
    traces = count_traces(monkeypatch)
    model = compiled(make(norm=False))
    model.fit(X[:54], Y[:54], batch_size=16, epochs=3, verbose=0)
    assert len(traces) == 1 and model.train_function.compilations == 1
    model.fit(X[:38], Y[:38], batch_size=16, verbose=0)  # other data of the same kind
    assert len(traces) == 1
    whole = compiled(make())  # batch normalization looks across rows, so padding would show
    whole.fit(X[:54], Y[:54], batch_size=16, epochs=3, verbose=0)
    assert len(traces) == 3


def test_padding_counts_for_nothing():
    # One batch of 5 and one of 3, against the same without padding, which a layer of the user's own rules out.
    weights = f32(8, low=0.1)
    curves = []
    for own in (False, True):
        lapis.utils.set_random_seed(2)
        model = make(dropout=0.0, norm=False, own=own)
        model.compile(
            "sgd",
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            weighted_metrics=["accuracy", lapis.metrics.SparseCategoricalCrossentropy()],
        )
        curve = model.fit(X[:8], Y[:8], sample_weight=weights, batch_size=5, epochs=2, shuffle=False, verbose=0).history
        found = model.evaluate(X[:7], Y[:7], sample_weight=weights[:7], batch_size=5, verbose=0, return_dict=True)
        small = model.evaluate(X[:3], Y[:3], verbose=0, return_dict=True)
        curves.append((curve, found, small, model.predict(X[:7], batch_size=5, verbose=0), model.get_weights()))
        assert may_fill_up(model, training=True) is not own
    for mine, other in zip(jax.tree.leaves(curves[0]), jax.tree.leaves(curves[1]), strict=True):
        np.testing.assert_allclose(mine, other, rtol=2e-6, atol=1e-7)


def test_equal_graphs_share_programs(monkeypatch):
    program.forget_shared_programs()
    traces = count_traces(monkeypatch)
    first, second, other = make(), make(), make(norm=False)
    for model in (first, second, other):
        compiled(model)
        model.fit(X[:16], Y[:16], batch_size=8, verbose=0)
    assert len(traces) == 2
    assert second.train_function.compilations == 0
    kept = compiled(make())
    weights = kept.get_weights()
    kept.fit(X[:16], Y[:16], batch_size=8, verbose=0)  # with the program of the first
    assert any((a != b).any() for a, b in zip(kept.get_weights(), weights))
    another = compiled(make())
    another.optimizer.learning_rate = 0.0
    weights = another.trainable_variables[0].numpy()
    another.fit(X[:16], Y[:16], batch_size=8, verbose=0)
    np.testing.assert_array_equal(another.trainable_variables[0].numpy(), weights)


def test_a_model_of_the_users_own_shares_nothing():
    program.forget_shared_programs()
    for _ in range(2):
        model = compiled(make(own=True))
        model.fit(X[:16], Y[:16], batch_size=8, verbose=0)
        assert model.train_function.compilations == 1


def test_batches_of_many_shapes_in_one_epoch():
    def batches():
        for size in (8, 8, 3, 8, 5, 12, 12, 8):
            yield X[:size], Y[:size]

    curves = []
    for options in ({}, {"run_eagerly": True}):
        lapis.utils.set_random_seed(4)
        model = compiled(make(dropout=0.0), **options)
        curve = model.fit(batches(), verbose=0).history
        curves.append((curve, model.evaluate(batches(), verbose=0), model.predict(batches(), verbose=0)))
    assert curves[0][2].shape == curves[1][2].shape == (64, 3)
    for mine, other in zip(jax.tree.leaves(curves[0]), jax.tree.leaves(curves[1]), strict=True):
        np.testing.assert_allclose(mine, other, rtol=2e-4, atol=1e-5)


def test_a_step_that_logs_nothing():
    class Silent(lapis.Model):
        def train_step(self, state, data):
            return {}, super().train_step(state, data)[1]

    weights = []
    for kind in (lapis.Model, Silent):
        lapis.utils.set_random_seed(6)
        inner = make(norm=False)
        model = compiled(kind(inner.inputs, inner.outputs))
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0, shuffle=False)
        weights.append(model.get_weights())
    for mine, other in zip(*weights):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def test_data_that_stay_on_the_device(monkeypatch):
    usual = trained()
    monkeypatch.setattr(feed, "_stays_on_device", lambda arrays: True)
    assert_same_bits(usual, trained())


def test_sparse_rows_and_wide_integers():
    from scipy import sparse

    dense = (X > 0.5) * X
    curves = []
    for x, y in ((dense, Y), (sparse.csr_matrix(dense), Y.astype("int64")[:, None])):
        lapis.utils.set_random_seed(5)
        curves.append(compiled(make(norm=False)).fit(x, y, batch_size=16, verbose=0).history["loss"])
    np.testing.assert_allclose(*curves, rtol=1e-6)


def test_predictions_are_the_callers_own():
    model = make()
    outputs = model.predict(X, verbose=0)
    outputs[:] = 0.0
    again = model.predict(X, verbose=0)
    assert (again != 0).any()
    one = model.predict(X[:1], verbose=0)
    one[:] = 0.0
    np.testing.assert_allclose(model.predict(X[:1], verbose=0), again[:1], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(model.predict(X[:5], verbose=0), again[:5], rtol=1e-5, atol=1e-7)


def test_predicting_sees_layers_frozen_and_thawed():
    model = compiled(make(norm=False))
    before = model.predict(X[:4], verbose=0)
    first, last = model.layers[1], model.layers[-1]
    for frozen, thawed in ((first, last), (last, first)):
        frozen.trainable, thawed.trainable = False, True
        np.testing.assert_array_equal(model.predict(X[:4], verbose=0), before)


def test_pace_grows_to_its_aim_and_keeps_to_what_it_is_told():
    pace = Pace(None)
    sizes = []
    for _ in range(6):
        sizes.append(pace.steps)
        pace.learn(sizes[-1], sizes[-1] * 0.0006)
    assert sizes[0] == 1 and sizes == sorted(sizes) and sizes[-1] == 100
    assert Pace(7).steps == 7
    slow = Pace(None)
    slow.learn(1, 3.0)
    assert slow.steps == 1


def test_steps_per_execution_is_checked_and_saved(tmp_path):
    with pytest.raises(ValueError, match="steps_per_execution is 0"):
        compiled(make(), steps_per_execution=0)
    model = trained(epochs=1)[2]
    assert model.steps_per_execution == "auto"
    assert model.get_compile_config()["steps_per_execution"] == 1  # what Keras understands
    model.save(tmp_path / "m.keras")
    assert lapis.models.load_model(tmp_path / "m.keras").steps_per_execution == "auto"
    assert compiled(make(), steps_per_execution=5).get_compile_config()["steps_per_execution"] == 5


def test_an_interrupt_between_runs_leaves_a_whole_number_of_steps():
    model = compiled(make())
    model.fit(X, Y, batch_size=8, verbose=0)
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for delay in np.linspace(0.003, 0.2, 6):
            before = int(model.optimizer.iterations.value)
            signal.setitimer(signal.ITIMER_REAL, delay)
            with pytest.raises(KeyboardInterrupt):
                model.fit(X, Y, batch_size=8, epochs=100_000, verbose=0)
            assert int(model.optimizer.iterations.value) >= before
            assert not any(v.value.is_deleted() for v in model.variables + model.optimizer.variables)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    assert np.isfinite(model.evaluate(X, Y, verbose=0)[0])


def resident_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20


@pytest.mark.slow
@pytest.mark.parametrize("own", [False, True])
def test_ten_thousand_calls_with_changing_sizes(own):
    model = compiled(make(own=own))
    x = np.repeat(X, 3, axis=0)
    # Padding is ruled out for a layer of the user's own, so that each size has a program.
    sizes = np.random.default_rng(0).integers(1, 40 if own else 200, 10_000)

    def run(sizes):
        for size in sizes:
            assert model.predict(x[:size], verbose=0, batch_size=256).shape == (size, 3)

    run(sizes[:2000])
    gc.collect()
    before, compilations = resident_mib(), model.predict_function.compilations
    run(sizes[2000:])
    gc.collect()
    if not own:
        assert model.predict_function.compilations == compilations <= 9
    assert resident_mib() - before < 150


def test_a_trace_outlives_no_variable_that_it_is_found_by():
    # Another variable could come to the identity of one that is gone, and find a trace that is not its own.
    own = program.Program(lambda state, batch: (batch + state[0][0], state))
    variable = lapis.Variable(np.ones(()), dtype="float32")
    stack = stacks.Stack(np.zeros((1, 2), "float32"), 1, 2, None, [])
    list(own.calls([[variable]], [variable.value], stack))
    own._compiled.clear()
    kept = weakref.ref(variable)
    del variable
    gc.collect()
    assert kept() is not None
