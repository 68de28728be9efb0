"""Callbacks: the order of moments as in Keras, and what each callback does."""

import contextlib
import csv
import io
import re

import numpy as np
import pytest

import lapis
from lapis.callbacks import (
    BackupAndRestore,
    Callback,
    CallbackList,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ProgbarLogger,
    ReduceLROnPlateau,
    SwapEMAWeights,
    TerminateOnNaN,
)
from lapis.callbacks.progbar import Progbar
from tests.descriptors import f32
from tests.oracle import keras

pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    # Keras's own, with NumPy 2
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
]

X, Y = f32(20, 3), f32(20, 1, seed=1)


def line(k=lapis, rate=0.01, **options):
    model = k.Sequential([k.Input((3,)), k.layers.Dense(1, kernel_initializer="ones", name="line")])
    model.compile(k.optimizers.SGD(rate), "mse", metrics=["mae"], **options)
    return model


HOOKS = [name for name in dir(Callback) if name.startswith("on_")]


def recorder(k, seen):
    """A callback that notes every moment with its number and the names in its logs."""

    def hook(name):
        def method(self, *args, logs=None):
            numbers = [arg for arg in args if isinstance(arg, int)]
            given = next((arg for arg in (*args, logs) if isinstance(arg, dict)), {})
            seen.append((name, *numbers, sorted(given)))

        return method

    return type("Recorder", (k.callbacks.Callback,), {name: hook(name) for name in HOOKS})()


@pytest.mark.parametrize("steps", [1, 2])
def test_order_of_moments_is_that_of_keras(steps):
    seen = {}
    for k in (lapis, keras):
        events = seen[k] = []
        model = line(k, steps_per_execution=steps)
        options = {"batch_size": 5, "verbose": 0, "callbacks": [recorder(k, events)]}
        model.fit(X, Y, epochs=2, validation_split=0.5, shuffle=False, **options)
        model.evaluate(X, Y, **options)
        model.predict(X, **options)
    assert seen[lapis] == seen[keras]


def test_logs_are_python_floats_and_the_model_is_up_to_date():
    seen = []

    class Watch(Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append((logs, float(np.asarray(self.model.optimizer.iterations)), self.params))

    model = line()
    model.fit(X, Y, batch_size=5, epochs=1, verbose=0, callbacks=[Watch()])
    assert [iteration for _, iteration, _ in seen] == [1, 2, 3, 4]
    assert list(seen[0][0]) == ["loss", "mae"] and all(type(v) is float for v in seen[0][0].values())
    assert seen[0][2] == {"verbose": 0, "epochs": 1, "steps": 4}


def test_a_callback_may_change_the_model_between_batches():
    model = line()
    seen = []

    def halve(batch, logs):  # holds the model itself, not through `self.model`
        model.optimizer.learning_rate = float(np.asarray(model.optimizer.learning_rate)) / 2
        seen.append(model.evaluate(X, Y, verbose=0)[0])

    model.fit(X, Y, batch_size=10, verbose=0, callbacks=[LambdaCallback(on_train_batch_end=halve)])
    assert float(np.asarray(model.optimizer.learning_rate)) == pytest.approx(0.0025)
    assert len(seen) == 2 and seen[0] != seen[1]


def test_early_stopping_restores_the_best_weights():
    for k in (lapis, keras):
        values, seen = iter([3.0, 1.0, 2.0, 2.5, 0.1]), []

        class Script(k.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None, values=values, seen=seen):
                logs["val_loss"] = next(values)
                seen.append(self.model.get_weights())

        model = line(k)
        stop = k.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
        history = model.fit(X, Y, epochs=5, shuffle=False, verbose=0, callbacks=[Script(), stop])
        assert (stop.stopped_epoch, stop.best_epoch, stop.best, len(history.epoch)) == (3, 1, 1.0, 4)
        for mine, best in zip(model.get_weights(), seen[1]):
            np.testing.assert_array_equal(mine, best)


def test_early_stopping_options():
    model = line()
    history = model.fit(X, Y, epochs=9, verbose=0, callbacks=[EarlyStopping("loss", min_delta=1e3, patience=2)])
    assert len(history.epoch) == 3
    callback = EarlyStopping("loss", min_delta=1e3, patience=2, start_from_epoch=2)
    assert len(model.fit(X, Y, epochs=9, verbose=0, callbacks=[callback]).epoch) == 5
    told = pytest.warns(lapis.CheckWarning, match="monitor-without-validation")
    with told, pytest.warns(UserWarning, match="no 'val_loss', only loss, mae"):
        model.fit(X, Y, verbose=0, callbacks=[EarlyStopping()])
    with pytest.raises(ValueError, match="Pass mode='max' or mode='min'"):
        model.fit(X, Y, verbose=0, callbacks=[LambdaCallback(on_epoch_end=_add_speed), EarlyStopping("speed")])
    model.fit(X, Y, verbose=0, callbacks=[EarlyStopping("mae")])
    with pytest.warns(UserWarning, match="got mode='best'"):
        EarlyStopping(mode="best")


def _add_speed(epoch, logs):
    logs["speed"] = 1.0


def test_directions_of_metrics():
    inputs = lapis.Input((3,))
    outputs = [lapis.layers.Dense(1, activation="sigmoid", name=name)(inputs) for name in "ab"]
    model = lapis.Model(inputs, outputs)
    model.compile("sgd", "mse", metrics=[["accuracy"], ["mae"]])
    callbacks = [EarlyStopping(name) for name in ("val_a_accuracy", "a_loss", "b_mae", "loss")]
    data = X, [Y, Y]
    model.fit(*data, validation_data=data, verbose=0, callbacks=callbacks)
    assert [callback._sign for callback in callbacks] == [1, -1, -1, -1]


def test_learning_rate_callbacks_are_those_of_keras():
    rates = []
    for k in (lapis, keras):
        model = line(k, 0.5)
        plateau = k.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=10.0, cooldown=1, min_lr=0.1)
        history = model.fit(X, Y, epochs=7, shuffle=False, verbose=0, callbacks=[plateau]).history
        schedule = k.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5 if epoch else 0.25)
        history2 = model.fit(X, Y, epochs=3, shuffle=False, verbose=0, callbacks=[schedule]).history
        rates.append(history["learning_rate"] + history2["learning_rate"])
    assert rates[0] == rates[1] and len(set(rates[0])) > 3
    model = line()
    model.fit(X, Y, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: 0.125)])
    assert float(np.asarray(model.optimizer.learning_rate)) == 0.125
    with pytest.raises(ValueError, match="must return a float"):
        model.fit(X, Y, verbose=0, callbacks=[LearningRateScheduler(lambda epoch, rate: "fast")])
    with pytest.raises(ValueError, match="must be below 1"):
        ReduceLROnPlateau(factor=1.0)


def test_terminate_on_nan(capsys):
    x = np.full((20, 3), np.nan, "float32")
    history = line().fit(x, Y, batch_size=5, epochs=3, verbose=0, callbacks=[TerminateOnNaN()])
    assert len(history.epoch) == 1 and "Batch 0: the loss is nan" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="loss is nan at batch 0"):
        line().fit(x, Y, verbose=0, callbacks=[TerminateOnNaN(raise_error=True)])


def test_csv_logger_writes_what_keras_writes(tmp_path):
    texts = []
    for k in (lapis, keras):
        model, path = line(k), tmp_path / f"{k.__name__}.csv"
        for append in (False, True):
            logger = k.callbacks.CSVLogger(str(path), separator=";", append=append)
            model.fit(X, Y, epochs=2, shuffle=False, verbose=0, callbacks=[logger])
        texts.append(list(csv.reader(path.read_text().splitlines(), delimiter=";")))
    ours, theirs = texts
    assert ours[0] == theirs[0] == ["epoch", "loss", "mae", "val_loss", "val_mae"]
    assert [row[0] for row in ours] == [row[0] for row in theirs] == ["epoch", "0", "1", "0", "1"]
    np.testing.assert_allclose([float(row[1]) for row in ours[1:]], [float(row[1]) for row in theirs[1:]], rtol=1e-4)


class Saved:
    """A model that only notes where it was saved."""

    def __init__(self):
        self.paths = []
        self.metrics = ()

    def save(self, path, overwrite):
        self.paths.append(path)

    save_weights = save


def checkpoint(tmp_path, *args, **options):
    callback = ModelCheckpoint(f"{tmp_path}/{args[0]}", **options)
    callback.set_model(Saved())
    return callback, callback._model.paths


def test_model_checkpoint(tmp_path, capsys):
    callback, paths = checkpoint(tmp_path, "new/{epoch:02d}-{val_loss:.1f}.keras")
    callback.on_epoch_end(0, {"val_loss": 0.25})
    assert paths == [f"{tmp_path}/new/01-0.2.keras"] and (tmp_path / "new").is_dir()

    callback, paths = checkpoint(tmp_path, "best.keras", save_best_only=True, verbose=1, initial_value_threshold=2.0)
    for value in (3.0, 1.0, 1.5, 0.5):
        callback.on_epoch_end(0, {"val_loss": value})
    assert len(paths) == 2 and "improved from 2.00000 to 1.00000" in capsys.readouterr().out
    with pytest.warns(UserWarning, match="cannot tell which model is best"):
        callback.on_epoch_end(0, {})
    assert len(paths) == 3

    callback, paths = checkpoint(tmp_path, "{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=3)
    for epoch in range(2):
        callback.on_epoch_begin(epoch)
        for batch in range(4):
            callback.on_train_batch_end(batch, {})
    assert [path.rsplit("/", 1)[1] for path in paths] == ["1-3.weights.h5", "2-2.weights.h5"]

    callback, _ = checkpoint(tmp_path, "{nothing}.keras")
    with pytest.raises(KeyError, match="asks for 'nothing'"):
        callback.on_epoch_end(0, {"loss": 1.0})
    (tmp_path / "folder.keras").mkdir()
    callback, _ = checkpoint(tmp_path, "folder.keras")
    with pytest.raises(OSError, match="it is a folder"):
        callback.on_epoch_end(0, {})
    for options, message in (
        ({"filepath": "x.txt"}, r"must end in \.keras or \.h5"),
        ({"filepath": "x.keras", "save_weights_only": True}, r"must end in \.weights\.h5"),
        ({"filepath": "x.keras", "save_freq": "batch"}, "save_freq is 'batch'"),
    ):
        with pytest.raises(ValueError, match=message):
            ModelCheckpoint(**options)


def test_backup_goes_on_where_training_broke_off(tmp_path):
    class Break(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    folder = tmp_path / "backup"
    options = {"epochs": 4, "batch_size": 5, "shuffle": False, "verbose": 0}
    whole, broken = line(), line()
    whole.fit(X, Y, **options)
    backup = BackupAndRestore(folder, double_checkpoint=True)
    with pytest.raises(KeyboardInterrupt):
        broken.fit(X, Y, callbacks=[backup, Break()], **options)
    (folder / "latest.backup").write_bytes(b"cut off")
    again = line()
    history = again.fit(X, Y, callbacks=[BackupAndRestore(folder, double_checkpoint=True)], **options)
    assert history.epoch == [0, 1, 2, 3] and not folder.exists()
    for mine, other in zip(again.get_weights(), whole.get_weights()):
        np.testing.assert_array_equal(mine, other)
    unbuilt = lapis.Sequential([lapis.layers.Dense(1)])
    unbuilt.compile("sgd", "mse")
    unbuilt.fit(X, Y, verbose=0, callbacks=[BackupAndRestore(folder)])  # `fit` builds before it calls callbacks
    assert unbuilt.fit(X, Y, verbose=0).epoch == [0]


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_swap_ema_weights_is_that_of_keras(swap_on_epoch):
    found = []
    for k in (lapis, keras):
        model = line(k)
        model.compile(k.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), "mse", metrics=["mae"])
        callbacks = [k.callbacks.SwapEMAWeights(swap_on_epoch)]
        history = model.fit(X, Y, epochs=3, validation_split=0.5, shuffle=False, verbose=0, callbacks=callbacks)
        found.append((history.history, [np.asarray(v.value) for v in model.weights]))
    (ours, weights), (theirs, other) = found
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-4)
    for mine, its in zip(weights, other):
        np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="use_ema=True"):
        line().fit(X, Y, validation_split=0.5, verbose=0, callbacks=[SwapEMAWeights()])


def test_wrong_callbacks_are_told():
    with pytest.raises(TypeError, match=r"did you mean EarlyStopping\(\)"):
        CallbackList([EarlyStopping])
    with pytest.raises(TypeError, match="must hold Callback instances"):
        CallbackList([3])
    with pytest.raises(ValueError, match="no moment named on_epoch_middle"):
        LambdaCallback(on_epoch_middle=print)


def lines_of(out):
    return [re.sub(r"\d+s|\d+[mu]s", "T", text) for text in out.splitlines()]


def test_lines_of_progress(capsys):
    model = line()
    model.fit(X, Y, batch_size=5, epochs=2, validation_split=0.5, verbose=2, shuffle=False)
    first, *_ = texts = lines_of(capsys.readouterr().out)
    assert first == "Epoch 1/2" and len(texts) == 4
    assert re.fullmatch(
        r"2/2 - T - T/step - loss: \d\.\d{4} - mae: \d\.\d{4} - val_loss: \d\.\d{4} - val_mae: \d\.\d{4}", texts[1]
    )
    model.fit(X, Y, batch_size=5, verbose=1)
    model.evaluate(X, Y, batch_size=5)
    model.predict(X, batch_size=5)
    bar = "━" * 20
    assert [text.split(" - ")[0] for text in lines_of(capsys.readouterr().out)] == [f"4/4 {bar} T T/step"] * 3
    model.fit(X, Y, verbose=0)
    assert capsys.readouterr().out == ""


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def test_live_bar_draws_in_place(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    with contextlib.redirect_stdout(Terminal()) as out:
        bar = Progbar(10, interval=0.0)
        for step in (1, 5, 10):
            bar.update(step, [("loss", 1.0 / step)])
    drawn = out.getvalue().split("\r\033[K")[1:]
    assert len(drawn) == 3 and drawn[2].endswith("\n")
    assert drawn[1].startswith(" 5/10 " + "━" * 20) and " - loss: " in drawn[1]
    with contextlib.redirect_stdout(Terminal()) as out:
        Progbar(None, interval=0.0).update(3, [("loss", 1e-7)])
    assert "3/Unknown" in out.getvalue() and "loss: 1.0000e-07" in out.getvalue()


def test_progress_of_data_without_length(capsys):
    def batches():
        for start in range(0, 20, 5):
            yield X[start : start + 5], Y[start : start + 5]

    line().fit(batches(), verbose=2)
    assert capsys.readouterr().out.startswith("4/4 - ")


def test_progbar_averages_as_asked():
    with contextlib.redirect_stdout(io.StringIO()) as out:
        bar = Progbar(4, verbose=2, stateful_metrics=["now"])
        bar.update(1, [("mean", 1.0), ("now", 1.0)])
        bar.add(3, [("mean", 5.0), ("now", 5.0)])
    assert "mean: 4.0000 - now: 5.0000" in out.getvalue()
    with pytest.raises(ValueError, match="either stateful_metrics or stateless_metrics"):
        Progbar(1, stateful_metrics=[], stateless_metrics=[])


def test_the_users_own_logger_and_history_are_used():
    logger, history = ProgbarLogger(), lapis.callbacks.History()
    model = line()
    assert model.fit(X, Y, verbose=2, callbacks=[[logger], history]) is history is model.history
    assert logger.progbar is not None
    model.fit(X, Y, verbose=0, callbacks=[history])
    assert len(history.history["loss"]) == 2
