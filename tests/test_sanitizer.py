"""The sanitizer: what it finds, in which layer, step and place, and how the model is left."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np
import pytest

import lapis
from lapis import config, layers, ops
from lapis.training import program

ROWS, BATCH = 24, 4
X = np.linspace(0.1, 1.0, ROWS * 3, dtype="float32").reshape(ROWS, 3)
Y = np.linspace(0.0, 1.0, ROWS, dtype="float32")[:, None]


@pytest.fixture(autouse=True)
def sanitizer() -> Iterator[None]:
    config.enable_sanitizer()
    yield
    config.disable_sanitizer()


def spoiled(value: float, row: int = 14, column: int = 1, of: np.ndarray = X) -> np.ndarray:
    """The inputs with one wrong number, in row 2 of batch 3."""
    x = of.copy()
    x[row, column] = value
    return x


IDS = np.arange(ROWS * 3, dtype="int32").reshape(ROWS, 3) % 7


def compiled(model: Any, loss: Any = "mse", **settings: Any) -> Any:
    model.compile(lapis.optimizers.SGD(0.01), loss, check="off", **settings)  # which finds some of it beforehand
    return model


def functional(*between: Any, ints: bool = False, loss: Any = "mse", **settings: Any) -> Any:
    inputs = x = lapis.Input((3,), dtype="int32" if ints else None)
    for layer in between:
        x = layer(x)
    return compiled(lapis.Model(inputs, layers.Dense(1, name="last")(x), name="m"), loss, **settings)


def embedding() -> list[Any]:
    return [layers.Embedding(7, 2, name="words"), layers.Flatten()]


class Subclassed(lapis.Model):
    def __init__(self) -> None:
        super().__init__(name="mine")
        self.inner = layers.Dense(2, name="inner")
        self.last = layers.Dense(1, name="last")

    def call(self, x: Any) -> Any:
        return self.last(ops.tanh(self.inner(x)))


class OwnStep(lapis.Model):
    def train_step(self, state: tuple, data: Any) -> Any:
        trainable, non_trainable, optimizer, metrics = state
        x, y = data
        gradient = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (loss, (_, _, non_trainable, metrics)), gradients = gradient(
            trainable, non_trainable, metrics, x, y, None, training=True
        )
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        return {"loss": loss}, (trainable, non_trainable, optimizer, metrics)


def own_step() -> Any:
    inputs = lapis.Input((3,))
    return compiled(OwnStep(inputs, layers.Dense(1, name="last")(layers.Dense(2, name="first")(inputs)), name="m"))


def nested() -> Any:
    inside = lapis.Input((3,))
    inner = lapis.Model(inside, layers.Dense(2, name="deep")(inside), name="inner")
    return functional(inner)


class Logarithm(layers.Layer):
    def call(self, x: Any) -> Any:
        return ops.log(x)


NAN, INF = float("nan"), float("inf")
# A model, what it is fed, and what is found: kind, path, index and value in step 3.
FOUND: dict[str, tuple[Callable[[], Any], Any, tuple[str, str, tuple, float]]] = {
    "id_too_large": (
        lambda: functional(*embedding(), ints=True),
        spoiled(7, of=IDS),
        ("id", "m/words", (2, 1), 7),
    ),
    "id_negative": (
        lambda: functional(*embedding(), ints=True),
        spoiled(-1, of=IDS),
        ("id", "m/words", (2, 1), -1),
    ),
    "one_hot": (
        lambda: functional(layers.Lambda(lambda x: ops.one_hot(x, 7)[:, 0], name="hot"), ints=True),
        spoiled(9, of=IDS),
        ("id", "m/hot", (2, 1), 9),
    ),
    "take": (
        lambda: functional(layers.Lambda(lambda x: ops.take(ops.ones((7, 2)), x[:, 1], axis=0), name="t"), ints=True),
        spoiled(-8, of=IDS),
        ("id", "m/t", (2,), -8),
    ),
    "nan_in_data": (lambda: functional(layers.Dense(2, name="d")), spoiled(NAN), ("activation", "m/d", (2, 0), NAN)),
    "infinity": (
        lambda: functional(layers.Lambda(lambda x: 1 / x, name="inverse")),
        spoiled(0.0),
        ("activation", "m/inverse", (2, 1), INF),
    ),
    "operation": (lambda: functional(ops.log), spoiled(-1.0), ("activation", "m/log", (2, 1), NAN)),
    "custom_layer": (
        lambda: functional(Logarithm(name="own")),
        spoiled(0.0),
        ("activation", "m/own", (2, 1), -INF),
    ),
    "subclassed": (lambda: compiled(Subclassed()), spoiled(NAN), ("activation", "mine/inner", (2, 0), NAN)),
    "own_train_step": (own_step, spoiled(NAN), ("activation", "m/first", (2, 0), NAN)),
    "nested": (nested, spoiled(NAN), ("activation", "m/inner/deep", (2, 0), NAN)),
    "sequential": (
        lambda: compiled(lapis.Sequential([layers.Dense(2, name="a"), layers.Dense(1, name="b")], name="s")),
        spoiled(NAN),
        ("activation", "s/a", (2, 0), NAN),
    ),
    "convolution": (  # which runs step by step where it is slow in loops
        lambda: functional(
            layers.Reshape((3, 1, 1), name="r"), layers.Conv2D(2, (2, 1), name="conv"), layers.Flatten()
        ),
        spoiled(INF),
        ("activation", "m/r", (2, 1, 0, 0), INF),
    ),
    "recurrent": (
        lambda: functional(layers.Reshape((3, 1), name="r"), layers.LSTM(2, name="lstm")),
        spoiled(NAN),
        ("activation", "m/r", (2, 1, 0), NAN),
    ),
    "half": (
        lambda: functional(layers.Dense(2, name="d", dtype="mixed_bfloat16")),
        spoiled(NAN),
        ("activation", "m/d", (2, 0), NAN),
    ),
    "eager": (
        lambda: functional(layers.Dense(2, name="d"), run_eagerly=True),
        spoiled(NAN),
        ("activation", "m/d", (2, 0), NAN),
    ),
    "four_at_a_time": (
        lambda: functional(layers.Dense(2, name="d"), steps_per_execution=4),
        spoiled(NAN),
        ("activation", "m/d", (2, 0), NAN),
    ),
}


def caught(run: Callable[[], Any]) -> Any:
    with pytest.raises(config.SanitizerError) as error:
        run()
    return error.value


def check(error: Any, expected: tuple) -> None:
    kind, path, index, value = expected
    assert (error.kind, error.path, error.index) == (kind, path, index)
    np.testing.assert_equal(error.value, value)
    assert repr(path) in str(error) and str(index) in str(error)
    assert not any(note.startswith("In ") for note in getattr(error, "__notes__", ()))


@pytest.mark.parametrize("case", FOUND)
def test_found_in_training(case: str) -> None:
    """The layer and the place are told, and the variables are those of training on the batches before."""
    make, x, expected = FOUND[case]
    lapis.utils.set_random_seed(1)
    model = make()
    error = caught(lambda: model.fit(x, Y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0))
    check(error, expected)
    assert (error.step, error.epoch) == (3, 0)
    assert "In step 3 of epoch 0" in str(error)
    assert int(model.optimizer.iterations.value) == 3
    lapis.utils.set_random_seed(1)
    lapis.utils.clear_session()
    other = make()
    other.fit(x[: 3 * BATCH], Y[: 3 * BATCH], batch_size=BATCH, shuffle=False, verbose=0)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("case", FOUND)
def test_found_elsewhere(case: str) -> None:
    make, x, expected = FOUND[case]
    model = make()
    evaluated = caught(lambda: model.evaluate(x, Y, batch_size=BATCH, verbose=0))
    predicted = caught(lambda: model.predict(x, batch_size=BATCH, verbose=0))
    for error in (evaluated, predicted):
        check(error, expected)
        assert (error.step, error.epoch) == (3, None)
    called = caught(lambda: model(x[12:16]))
    check(called, expected)
    assert called.step is None and "step" not in str(called)


def labels() -> np.ndarray:
    found = np.arange(ROWS) % 4
    found[14] = 4
    return found


def negated(y_true: Any, y_pred: Any) -> Any:
    return ops.log(-ops.abs(y_pred) - 1)


# What has no layer: what was fitted, and the kind, path, index and step that are found.
BEYOND: dict[str, tuple[Callable[[], Any], tuple[str, str, tuple, int]]] = {
    "labels": (
        lambda: compiled(lapis.Sequential([lapis.Input((3,)), layers.Dense(4)]), "sparse_categorical_crossentropy").fit(
            X, labels(), batch_size=BATCH, shuffle=False, verbose=0
        ),
        ("id", "", (2,), 3),
    ),
    "loss": (lambda: functional(loss=negated).fit(X, Y, batch_size=BATCH, verbose=0), ("loss", "loss", (), 0)),
    "gradient": (
        lambda: functional(layers.Dense(1, kernel_initializer="zeros", name="flat"), ops.sqrt).fit(X, Y, verbose=0),
        ("gradient", "flat/bias", (0,), 0),
    ),
}


@pytest.mark.parametrize("case", BEYOND)
def test_found_beyond_layers(case: str) -> None:
    run, (kind, path, index, step) = BEYOND[case]
    error = caught(run)
    assert (error.kind, error.path, error.index, error.step) == (kind, path, index, step)


def test_weights_that_overflow() -> None:
    model = functional()
    model.compile(lapis.optimizers.SGD(1e38), "mse")
    before = model.get_weights()
    error = caught(lambda: model.fit(100 * X, 100 * Y, batch_size=BATCH, shuffle=False, verbose=0))
    assert (error.kind, error.path, error.step) == ("weight", "last/kernel", 0)
    for one, two in zip(before, model.get_weights()):
        np.testing.assert_array_equal(one, two)


def test_ignored_labels_are_none() -> None:
    loss = lapis.losses.SparseCategoricalCrossentropy(ignore_class=-1)
    model = compiled(lapis.Sequential([lapis.Input((3,)), layers.Dense(4, activation="softmax")]), loss)
    model.fit(X, np.arange(ROWS) % 5 - 1, batch_size=BATCH, verbose=0)


def test_negative_places_count_from_the_end() -> None:
    model = functional(layers.Lambda(lambda x: ops.take(ops.ones((7, 2)), x[:, 1], axis=0)), ints=True)
    model.fit(IDS - 7, Y, batch_size=BATCH, verbose=0)


def test_epoch_and_validation() -> None:
    model = functional(layers.Dense(2, name="d"))

    class Spoil(lapis.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
            if epoch == 1:
                model.get_layer("d").bias.assign([NAN, 0.0])

    error = caught(lambda: model.fit(X, Y, batch_size=BATCH, epochs=4, verbose=0, callbacks=[Spoil()]))
    assert (error.epoch, error.step, error.path, error.index) == (2, 0, "m/d", (0, 0))
    model = functional(layers.Dense(2, name="d"))
    error = caught(lambda: model.fit(X, Y, batch_size=BATCH, verbose=0, validation_data=(spoiled(NAN), Y)))
    assert (error.epoch, error.step, error.path) == (0, 3, "m/d")
    assert int(model.optimizer.iterations.value) == 6


def test_one_batch() -> None:
    expected = ("activation", "m/d", (2, 0), NAN)
    model, x, y = functional(layers.Dense(2, name="d")), spoiled(NAN)[12:16], Y[12:16]
    runs = (model.train_on_batch, model.test_on_batch, lambda x, y: model.predict_on_batch(x))
    for run in (*runs, lambda x, y: model.predict(x, verbose=0)):
        check(caught(lambda run=run: run(x, y)), expected)


def test_padded_batches_are_like_others() -> None:
    """22 rows make a last batch of 2, which is filled up."""
    model = functional(layers.Dense(2, name="d"))
    model.fit(X[:22], Y[:22], batch_size=BATCH, verbose=0)
    error = caught(lambda: model.fit(spoiled(NAN, 21)[:22], Y[:22], batch_size=BATCH, shuffle=False, verbose=0))
    assert (error.path, error.index, error.step) == ("m/d", (1, 0), 5)


def test_the_same_numbers_and_switching() -> None:
    """Training gives the same with the sanitizer and without; models turn to it and back as it is switched."""
    found = []
    for switched in (True, False):
        (config.enable_sanitizer if switched else config.disable_sanitizer)()
        assert config.is_sanitizer_enabled() is switched
        lapis.utils.set_random_seed(2)
        model = functional(layers.Dense(4, activation="tanh"), layers.Dropout(0.5))
        history = model.fit(X, Y, batch_size=BATCH, epochs=2, verbose=0, validation_data=(X, Y))
        found.append([history.history["loss"], history.history["val_loss"], model.predict(X, verbose=0)])
    for one, two in zip(*found):
        np.testing.assert_allclose(one, two, rtol=1e-5)
    model.fit(spoiled(NAN), Y, batch_size=BATCH, verbose=0)  # unseen
    model = functional(layers.Dense(2, name="d"))
    model.fit(X, Y, verbose=0)
    config.enable_sanitizer()
    caught(lambda: model.fit(spoiled(NAN), Y, verbose=0))
    config.disable_sanitizer()
    model.fit(spoiled(NAN), Y, verbose=0)


def test_layers_that_are_called_alone() -> None:
    """Whether before, after or between calls of models, and in other threads too."""
    layer, model = layers.Dense(2, name="alone"), functional(layers.Dense(2, name="d"))

    def both(error: bool) -> None:
        for act in (lambda: layer(spoiled(NAN)), lambda: model(spoiled(NAN))):
            if error:
                assert caught(act).index == (14, 0)
            else:
                act()

    config.disable_sanitizer()
    both(error=False)
    config.enable_sanitizer()
    both(error=True)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(both, error=True).result()
    model.fit(X, Y, verbose=0)
    both(error=True)
    config.disable_sanitizer()
    both(error=False)


def test_equal_models_share_programs() -> None:
    program.forget_shared_programs()

    def made(names: str) -> Any:
        model = functional(layers.Dense(2, name=names))
        model.fit(X, Y, batch_size=BATCH, verbose=0)
        return model

    assert made("one").train_function.compilations == 1
    model = made("two")
    assert model.train_function.compilations == 0
    error = caught(lambda: model.fit(spoiled(NAN), Y, batch_size=BATCH, shuffle=False, verbose=0))
    assert (error.path, error.index, error.step) == ("m/two", (2, 0), 3)
    config.disable_sanitizer()
    assert made("three").train_function.compilations == 1


def test_batch_callbacks_see_the_good_steps() -> None:
    seen: list[int] = []
    watcher = lapis.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    model = functional(layers.Dense(2, name="d"))
    caught(lambda: model.fit(spoiled(NAN), Y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=[watcher]))
    assert seen == [0, 1, 2]
