"""Training against real Keras: the same weights, the same batches, the same logs."""

import signal

import jax
import numpy as np
import pytest

import lapis
from lapis.training import steps
from lapis.training.program import forget_shared_programs
from tests.descriptors import f32, i32
from tests.training_twins import (
    KIND,
    MSE_CE,
    SCORE,
    A,
    B,
    X,
    Y,
    assert_same_logs,
    classifier,
    compile_classifier,
    fit_both,
    twins,
    two_headed,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras's own, with NumPy 2


def test_loss_curve_with_validation_and_partial_batches():
    data = f32(70, 8), i32(70, high=3)
    ours, theirs, curve = fit_both(classifier, compile_classifier, *data, epochs=10, validation_split=0.3)
    assert list(curve) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    np.testing.assert_allclose(ours.evaluate(X, Y, verbose=0), theirs.evaluate(X, Y, verbose=0), rtol=1e-4)
    assert_same_logs(*(m.evaluate(X, Y, verbose=0, return_dict=True) for m in (ours, theirs)))
    np.testing.assert_allclose(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-4, atol=1e-5)
    assert ours.metrics_names == theirs.metrics_names == ["loss", "compile_metrics"]


def test_one_compilation_per_batch_shape(monkeypatch):
    forget_shared_programs()
    traces, step = [], steps.train_step
    monkeypatch.setattr(steps, "train_step", lambda *args: traces.append(args) or step(*args))
    model = classifier(lapis)
    compile_classifier(lapis, model)
    model.fit(X[:54], Y[:54], batch_size=16, epochs=3, verbose=0)  # 3 batches of 16, one of 6, filled up
    assert len(traces) == 1
    model.fit(X, Y, batch_size=16, verbose=0)  # none to fill up
    model.fit(X[:32], Y[:32], batch_size=16, verbose=0)
    assert len(traces) == 2


def test_class_weight_and_sample_weight():
    def compile_model(k, model):
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["acc"], weighted_metrics=["acc"])

    fit_both(classifier, compile_model, X, Y, class_weight={0: 0.2, 2: 3.0})
    weights = f32(64, low=0)
    _, _, curve = fit_both(
        classifier, compile_model, X, Y, sample_weight=weights, validation_data=(X[:20], Y[:20], weights[:20])
    )
    assert list(curve) == ["acc", "loss", "val_acc", "val_loss", "val_weighted_acc", "weighted_acc"]


def test_temporal_sample_weight_and_mask():
    tokens, labels, weights = i32(40, 6, high=5), i32(40, 6, high=4), f32(40, 6, low=0)

    def make(k):
        inputs = k.Input((6,), dtype="int32")
        x = k.layers.Embedding(5, 4, mask_zero=True)(inputs)
        return k.Model(inputs, k.layers.Dense(4, activation="softmax")(x))

    def compile_model(k, model):
        model.compile(k.optimizers.SGD(0.1), "sparse_categorical_crossentropy")

    fit_both(make, compile_model, tokens, labels, batch_size=20, validation_data=(tokens, labels))
    fit_both(make, compile_model, tokens, labels, batch_size=20, sample_weight=weights)


def test_masked_metrics_are_those_of_evaluation():
    tokens, labels = i32(40, 6, high=5), i32(40, 6, high=4)
    inputs = lapis.Input((6,), dtype="int32")
    x = lapis.layers.Embedding(5, 4, mask_zero=True)(inputs)
    model = lapis.Model(inputs, lapis.layers.Dense(4, activation="softmax")(x))
    model.compile(lapis.optimizers.SGD(0.0), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(tokens, labels, batch_size=40, verbose=0).history
    found = model.evaluate(tokens, labels, batch_size=40, verbose=0, return_dict=True)
    assert found["accuracy"] == pytest.approx(history["accuracy"][0])


def test_regularizers_and_added_losses():
    def make(k):
        class Extra(k.layers.Layer):
            def call(self, x):
                self.add_loss(0.01 * k.ops.mean(x**2))
                return x

        inputs = k.Input((8,))
        x = k.layers.Dense(8, kernel_regularizer="l2", activity_regularizer="l1", activation="relu")(inputs)
        return k.Model(inputs, k.layers.Dense(3, activation="softmax", bias_regularizer="l1")(Extra()(x)))

    fit_both(make, compile_classifier, X, Y, validation_split=0.25)


def test_dropout_and_batch_normalization_state():
    def make(k):
        inputs = k.Input((8,))
        x = k.layers.BatchNormalization(momentum=0.9)(k.layers.Dense(8, use_bias=False)(inputs))
        return k.Model(inputs, k.layers.Dense(3, activation="softmax")(x))

    fit_both(make, compile_classifier, X, Y, validation_split=0.25)

    def noisy():
        lapis.utils.set_random_seed(5)
        inputs = lapis.Input((8,))
        x = lapis.layers.Dropout(0.5)(lapis.layers.Dense(16)(inputs))
        model = lapis.Model(inputs, lapis.layers.Dense(3, activation="softmax")(x))
        compile_classifier(lapis, model)
        seeds = [np.array(v) for v in model.non_trainable_variables]
        history = model.fit(X, Y, epochs=3, batch_size=16, verbose=0).history
        assert any((np.array(v) != old).any() for v, old in zip(model.non_trainable_variables, seeds))
        return history, model.get_weights()

    (first, weights), (second, again) = noisy(), noisy()
    assert first == second  # the same seed, the same numbers: initial weights, order of samples, dropout
    assert all((mine == other).all() for mine, other in zip(weights, again))


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda k: k.optimizers.SGD(0.1, momentum=0.9, nesterov=True, clipnorm=0.5),
        lambda k: k.optimizers.AdamW(0.01, weight_decay=0.01, use_ema=True, ema_momentum=0.9),
        lambda k: k.optimizers.Adam(0.01, gradient_accumulation_steps=2),
        lambda k: k.optimizers.RMSprop(k.optimizers.schedules.ExponentialDecay(0.01, 10, 0.5)),
        lambda k: k.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=3),
    ],
)
def test_optimizers_inside_fit(optimizer):
    fit_both(classifier, lambda k, m: m.compile(optimizer(k), "sparse_categorical_crossentropy"), X, Y)


def test_mixed_float16_scales_the_loss():
    def make(k):
        model = k.Sequential([k.Input((8,)), k.layers.Dense(3, activation="softmax", dtype="mixed_float16")])
        model.dtype_policy = "mixed_float16"
        return model

    model = make(lapis)
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert type(model.optimizer).__name__ == "LossScaleOptimizer"
    first, last = model.fit(X, Y, epochs=4, verbose=0).history["loss"][::3]
    assert last < first
    model.compile("sgd", "sparse_categorical_crossentropy", auto_scale_loss=False)
    assert type(model.optimizer).__name__ == "SGD"


@pytest.mark.parametrize("options", [{"run_eagerly": True}, {"jit_compile": False}, {"steps_per_execution": 3}])
def test_other_ways_to_run_give_the_same(options):
    def compile_model(k, model):
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)

    def usual(k, model):
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

    start = classifier(lapis)
    curves = []
    for how in (compile_model, usual):
        model = classifier(lapis)
        model.set_weights(start.get_weights())
        how(lapis, model)
        curves.append(model.fit(X, Y, batch_size=8, shuffle=False, verbose=0, validation_split=0.5).history)
        curves[-1]["predictions"] = model.predict(X, verbose=0)
    assert_same_logs(*curves, tolerance=1e-5)


def test_accuracy_goes_by_shapes():
    def check(units, activation, y, loss):
        make = lambda k: k.Sequential([k.Input((8,)), k.layers.Dense(units, activation=activation)])  # noqa: E731
        fit_both(make, lambda k, m: m.compile("sgd", loss, metrics=["accuracy"]), X, y)

    check(1, "sigmoid", (Y > 0).astype("float32"), "binary_crossentropy")
    check(1, "sigmoid", (Y > 0).astype("float32")[:, None], "binary_crossentropy")
    check(3, "softmax", np.eye(3)[Y], "categorical_crossentropy")
    check(3, "softmax", Y[:, None], "sparse_categorical_crossentropy")


def test_on_batch_methods():
    ours, theirs = twins(classifier, compile_classifier)
    for _ in range(3):
        np.testing.assert_allclose(ours.train_on_batch(X, Y), theirs.train_on_batch(X, Y), rtol=1e-4)
    weights = {0: 1.0, 1: 5.0}
    mine, other = (m.train_on_batch(X, Y, class_weight=weights, return_dict=True) for m in (ours, theirs))
    assert_same_logs(mine, other)
    mine, other = (m.test_on_batch(X, Y, sample_weight=f32(64, low=0), return_dict=True) for m in (ours, theirs))
    assert_same_logs(mine, other)
    np.testing.assert_allclose(ours.predict_on_batch(X), theirs.predict_on_batch(X), rtol=1e-4, atol=1e-5)
    ours.compile("sgd", "sparse_categorical_crossentropy")
    assert type(ours.train_on_batch(X, Y)) is float and type(ours.evaluate(X, Y, verbose=0)) is float


def test_generators_and_other_iterables():
    def batches(times=1):
        for _ in range(times):
            for start in range(0, 64, 16):
                yield X[start : start + 16], Y[start : start + 16]

    ours, theirs = twins(classifier, compile_classifier)
    mine = ours.fit(batches(3), steps_per_epoch=4, epochs=3, verbose=0).history
    other = theirs.fit(X[:64], Y[:64], batch_size=16, shuffle=False, epochs=3, verbose=0).history
    assert_same_logs(mine, other)
    assert_same_logs(
        ours.evaluate(batches(), verbose=0, return_dict=True),
        theirs.evaluate(X[:64], Y[:64], batch_size=16, verbose=0, return_dict=True),
    )
    assert ours.predict(batches(), verbose=0).shape == (64, 3)
    with pytest.warns(UserWarning, match="can be read only once"):
        history = ours.fit(batches(), epochs=2, verbose=0)
    assert len(history.history["loss"]) == 1
    told = pytest.warns(lapis.CheckWarning, match="steps-beyond-data")
    with told, pytest.warns(UserWarning, match="ended after 2 of the 6 steps"):
        ours.fit(X[:32], Y[:32], batch_size=16, steps_per_epoch=6, verbose=0)


def test_batches_of_a_generator_on_an_accelerator(monkeypatch):
    ours = classifier(lapis)
    compile_classifier(lapis, ours)
    start = ours.get_weights()
    usual = ours.fit(X, Y, batch_size=16, shuffle=False, verbose=0).history
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    generator = ((X[i : i + 16], Y[i : i + 16]) for i in [0, 16, 32, 48, 0])
    again = classifier(lapis)
    compile_classifier(lapis, again)
    again.set_weights(start)
    assert_same_logs(again.fit(generator, steps_per_epoch=4, verbose=0).history, usual)
    assert len(list(generator)) == 1  # none was taken in vain


def test_models_built_by_their_data():
    class Own(lapis.Model):
        def __init__(self):
            super().__init__()
            self.hidden = lapis.layers.Dense(4)
            self.top = [lapis.layers.Dense(3, activation="softmax")]

        def call(self, x, training=False):
            return self.top[0](self.hidden(x))

    for model in (Own(), lapis.Sequential([lapis.layers.Dense(3, activation="softmax")])):
        assert not model.built
        compile_classifier(lapis, model)
        assert model.fit(X, Y, verbose=0).history["loss"][0] > 0
        assert model.predict(X, verbose=0).shape == (64, 3)
    assert Own().predict(X, verbose=0).shape == (64, 3)


def custom_step(k):
    """The way Keras's guide overrides `train_step` on JAX."""

    class Custom(k.Model):
        def compute_loss_and_updates(self, trainable, non_trainable, x, y, training=False):
            y_pred, non_trainable = self.stateless_call(trainable, non_trainable, x, training=training)
            return self.compute_loss(x, y, y_pred), (y_pred, non_trainable)

        def train_step(self, state, data):
            trainable, non_trainable, optimizer, metrics = state
            x, y = data
            gradient = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
            (loss, (y_pred, non_trainable)), grads = gradient(trainable, non_trainable, x, y, training=True)
            trainable, optimizer = self.optimizer.stateless_apply(optimizer, grads, trainable)
            new, logs = [], {}
            for metric in self.metrics:
                mine = metrics[len(new) : len(new) + len(metric.variables)]
                args = (loss,) if metric.name == "loss" else (y, y_pred)
                mine = metric.stateless_update_state(mine, *args)
                logs[metric.name] = metric.stateless_result(mine)
                new += mine
            return logs, (trainable, non_trainable, optimizer, new)

    inputs = k.Input((8,))
    return Custom(inputs, k.layers.Dense(3, activation="softmax")(k.layers.Dense(16, activation="relu")(inputs)))


def test_custom_train_step():
    fit_both(custom_step, compile_classifier, X, Y)


def test_custom_test_step_compute_loss_and_metrics():
    def make(k):
        class Custom(k.Model):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.spread = k.metrics.Mean(name="spread")

            def compute_loss(self, x, y, y_pred, sample_weight):
                return k.ops.mean((y_pred - k.ops.one_hot(y, 3)) ** 2) + sum(self.losses)

            def compute_metrics(self, x, y, y_pred, sample_weight=None):
                self.spread.update_state(k.ops.max(y_pred, -1) - k.ops.min(y_pred, -1))
                return super().compute_metrics(x, y, y_pred, sample_weight)

            def test_step(self, state, data):
                logs, state = super().test_step(state, data)
                return {**logs, "twice": 2 * logs["loss"]}, state

        inputs = k.Input((8,))
        return Custom(inputs, k.layers.Dense(3, kernel_regularizer="l2", activation="softmax")(inputs))

    ours, theirs = twins(make, lambda k, m: m.compile("adam", metrics=["accuracy"]))
    curves = [m.fit(X, Y, shuffle=False, epochs=2, verbose=0).history for m in (ours, theirs)]
    assert_same_logs(*curves)
    assert sorted(curves[0]) == ["accuracy", "loss", "spread"]
    mine, other = (m.evaluate(X, Y, verbose=0, return_dict=True) for m in (ours, theirs))
    assert_same_logs(mine, other)
    assert mine["twice"] == pytest.approx(2 * mine["loss"])


def test_a_step_of_ones_own_may_use_data_and_optimizers_as_it_likes():
    """A generator that is called on codes, trained on images that only its step knows what to do with."""

    class Pair(lapis.Model):
        def __init__(self):
            super().__init__()
            self.generator = lapis.Sequential([lapis.Input((2,)), lapis.layers.Dense(8)])
            self.critic = lapis.Sequential([lapis.Input((8,)), lapis.layers.Dense(1)])
            self.built = True

        def call(self, codes):
            return self.generator(codes)

        def train_step(self, state, data):
            trainable, non_trainable, optimizer, metrics = state
            critic = trainable[len(self.generator.trainable_variables) :]

            def score(values):
                real = lapis.ops.mean(self.critic.stateless_call(values, [], data)[0])
                return self.loss(real, 1.0)

            loss, gradients = jax.value_and_grad(score)(critic)
            critic, optimizer = self.optimizer.stateless_apply(optimizer, gradients, critic)
            return {"score": loss}, ([*trainable[:2], *critic], non_trainable, optimizer, metrics)

    model = Pair()
    model.compile(lapis.optimizers.SGD(0.1), loss=lambda y_true, y_pred: (y_true - y_pred) ** 2)
    model.optimizer.build(model.critic.trainable_variables)  # those of the generator have one elsewhere
    before = model.generator.get_weights()
    curve = model.fit(X, epochs=3, batch_size=64, verbose=0).history
    assert list(curve) == ["score"] and curve["score"][2] < curve["score"][0]
    for weight, old in zip(model.generator.get_weights(), before):
        np.testing.assert_array_equal(weight, old)
    assert model.predict(np.ones((4, 2)), verbose=0).shape == (4, 8)


def test_state_tree_round_trip():
    ours, theirs = twins(classifier, compile_classifier)
    ours.fit(X, Y, verbose=0)
    theirs.fit(X, Y, verbose=0)
    tree, other = ours.get_state_tree("numpy_array"), theirs.get_state_tree("numpy_array")
    assert set(tree) == set(other)
    assert tree["trainable_variables"].keys() == other["trainable_variables"].keys()
    assert len(jax.tree.leaves(tree["optimizer_variables"])) == len(jax.tree.leaves(other["optimizer_variables"]))
    before = ours.predict(X, verbose=0)
    ours.fit(X, Y, verbose=0)
    ours.set_state_tree(tree)
    np.testing.assert_array_equal(ours.predict(X, verbose=0), before)
    with pytest.raises(ValueError, match="not among the trainable_variables"):
        ours.set_state_tree({"trainable_variables": {"nowhere": 0.0}})


def test_an_interrupt_leaves_valid_weights():
    class Stop(lapis.callbacks.Callback):
        def __init__(self, batch):
            super().__init__()
            self.batch = batch

        def on_train_batch_end(self, batch, logs=None):
            if batch == self.batch:
                raise KeyboardInterrupt

    model = classifier(lapis)
    compile_classifier(lapis, model)
    start = model.get_weights()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=16, callbacks=[Stop(2)], verbose=0)
    assert int(model.optimizer.iterations.value) == 3
    assert any((mine != old).any() for mine, old in zip(model.get_weights(), start))
    model.fit(X, Y, verbose=0)

    def broken():
        yield X[:16], Y[:16]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        model.fit(broken(), verbose=0)
    assert np.isfinite(model.predict(X, verbose=0)).all()


def test_interrupts_from_outside_lose_nothing():
    model = classifier(lapis)
    compile_classifier(lapis, model)
    model.fit(X, Y, batch_size=2, verbose=0)
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for delay in np.linspace(0.005, 0.05, 8):
            signal.setitimer(signal.ITIMER_REAL, delay)
            with pytest.raises(KeyboardInterrupt):
                model.fit(X, Y, batch_size=2, epochs=10_000, verbose=0)
            state = model.variables + model.optimizer.variables + model.metrics_variables
            assert not any(variable.value.is_deleted() for variable in state)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


def test_arrays_that_share_memory_with_weights_stay_valid():
    model = classifier(lapis)
    compile_classifier(lapis, model)
    kernel = model.layers[1].kernel
    view, copy = np.asarray(kernel.value), np.array(kernel.value)
    model.layers[-1].bias.assign(model.layers[-1].bias.value)
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(view, copy)


def test_compile_config_round_trip():
    ours, theirs = twins(two_headed, lambda k, m: m.compile("adam", MSE_CE, [1.0, 2.0], [["mae"], ["accuracy"]]))
    mine, other = ours.get_compile_config(), theirs.get_compile_config()
    assert list(mine) == list(other)
    assert {**mine, "optimizer": None} == {**other, "optimizer": None}
    again = two_headed(lapis)
    again.set_weights(ours.get_weights())
    again.compile_from_config(mine)
    assert again.optimizer.built
    np.testing.assert_allclose(
        again.evaluate([A, B], [SCORE, KIND], verbose=0), ours.evaluate([A, B], [SCORE, KIND], verbose=0)
    )


def test_errors_say_what_to_do():
    model = classifier(lapis)
    with pytest.raises(ValueError, match=r"Call compile\(\) before fit\(\)"):
        model.fit(X, Y)
    model.compile("sgd")
    with pytest.raises(ValueError, match="no loss to train on"):
        model.fit(X, Y, verbose=0)
    compile_classifier(lapis, model)
    with pytest.raises(ValueError, match="x has 64, y has 50"):
        model.fit(X, Y[:50])
    with pytest.raises(ValueError, match="no targets"):
        model.fit(X, verbose=0)
    with pytest.raises(ValueError, match="verbose is 3"):
        model.fit(X, Y, verbose=3)
    with pytest.raises(ValueError, match="validation_freq is 'often'"):
        model.fit(X, Y, validation_split=0.2, validation_freq="often", verbose=0)
    with pytest.raises(ValueError, match=r"one output, but compile\(\) got 2 losses"):
        model.compile("sgd", ["mse", "mae"])
        model.fit(X, Y, verbose=0)
    model = two_headed(lapis)
    for options, message in (
        ({"loss": {"score": "mse", "knd": "mse"}}, r"loss names outputs .*\['knd'\].*\['score', 'kind'\]"),
        ({"loss": ["mse", "mse", "mse"]}, "loss must match the model's outputs, a list of 2"),
        ({"loss": ["mse", None], "metrics": ["mae"]}, "metrics must match the model's outputs, a list of 2"),
        ({"loss": ["mse", None], "metrics": {"core": "mae"}}, "metrics names outputs"),
    ):
        model.compile("sgd", **options)
        with pytest.raises(ValueError, match=message):
            model.fit([A, B], [SCORE, SCORE], verbose=0)
    with pytest.raises(ValueError, match="loss_weights must be numbers"):
        model.compile("sgd", "mse", loss_weights="heavy")
    with pytest.raises(ValueError, match="metrics must be a list, tuple or dict"):
        model.compile("sgd", "mse", metrics="mae")
    model.compile("sgd", MSE_CE)
    with pytest.raises(ValueError, match="y names outputs that the model does not have"):
        model.fit([A, B], {"score": SCORE, "knd": KIND}, verbose=0)
    model.fit([A, B], [SCORE, KIND], verbose=0)
    model.layers[-1].trainable = False
    with pytest.raises(ValueError, match="no longer trainable"):
        model.fit([A, B], [SCORE, KIND], verbose=0)
    model.compile("sgd", MSE_CE)
    model.fit([A, B], [SCORE, KIND], verbose=0)
