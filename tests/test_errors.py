"""Exceptions of the user's own stay what they are: one note says where they were raised, and no inner frames show."""

import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import lapis
from lapis import config, layers, ops

X, Y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")


class Mine(Exception):
    """What users raise."""


class NotFromText(Exception):
    """It cannot be made again from a text."""

    def __init__(self, *, code: int) -> None:
        super().__init__()
        self.code = code


MINE = Mine("of my own")


def fail(*_: Any, **__: Any) -> Any:
    raise MINE


class InCall(layers.Layer):
    def call(self, x: Any, training: bool | None = None) -> Any:
        return fail()


class InCallOnly(layers.Layer):
    """Only fails once it runs."""

    def call(self, x: Any) -> Any:
        return fail() if x.shape[0] == 8 else x


class InBuild(layers.Layer):
    def build(self, input_shape: Any) -> None:
        fail()

    def call(self, x: Any) -> Any:
        return x


class Outer(layers.Layer):
    def __init__(self, inner: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, x: Any) -> Any:
        return self.inner(x)


class InMask(layers.Layer):
    supports_masking = True

    def call(self, x: Any) -> Any:
        return x

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return fail()


class Subclassed(lapis.Model):
    def __init__(self) -> None:
        super().__init__(name="mine")
        self.inner = InCall(name="inner")

    def call(self, x: Any) -> Any:
        return self.inner(x)


class InTrainStep(lapis.Model):
    def train_step(self, state: tuple, data: Any) -> Any:
        return fail()


class InTestStep(lapis.Model):
    def test_step(self, state: tuple, data: Any) -> Any:
        return fail()


class InPredictStep(lapis.Model):
    def predict_step(self, state: tuple, data: Any) -> Any:
        return fail()


class InComputeLoss(lapis.Model):
    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None) -> Any:
        return fail()


class InLoss(lapis.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return fail()


class InMetric(lapis.metrics.Metric):
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        fail()

    def result(self) -> Any:
        return ops.zeros(())


class InResult(lapis.metrics.Metric):
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None: ...

    def result(self) -> Any:
        return fail()


class InData(lapis.utils.PyDataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return (X, Y) if index < 2 else fail()


class InSchedule(lapis.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step: Any) -> Any:
        return fail()

    def get_config(self) -> dict:
        return {}


def batches() -> Iterator[Any]:
    yield X, Y
    fail()


def model(cls: Any = lapis.Model, *between: Any, **compiled: Any) -> Any:
    inputs = x = lapis.Input((3,))
    for layer in between:
        x = layer(x)
    made = cls(inputs, layers.Dense(1, name="dense")(x), name="model")
    made.compile("sgd", **{"loss": "mse", **compiled})
    return made


def hooked(**hooks: Any) -> Any:
    callback = type("Watcher", (lapis.callbacks.Callback,), hooks)
    return lambda: model().fit(X, Y, batch_size=4, verbose=0, callbacks=[callback()])


# Where the user's code raises, what calls it, and what the only note says.
RAISED: dict[str, tuple[Callable[[], Any], str]] = {
    "call_symbolic": (
        lambda: InCall(name="bad")(lapis.Input((3,))),
        r"In the layer 'bad' \(InCall\), called with x: float32 \(None, 3\)\.",
    ),
    "call_training": (
        lambda: InCall(name="bad")(lapis.Input((3,)), training=True),
        r"In the layer 'bad' \(InCall\), called with x: float32 \(None, 3\), training: True\.",
    ),
    "call_array": (
        lambda: InCall(name="bad")(X),
        r"In the layer 'bad' \(InCall\), called with x: float32 \(8, 3\)\.",
    ),
    "call_list": (
        lambda: InCall(name="bad")([X, X]),
        r"In the layer 'bad' \(InCall\), called with x: \[float32 \(8, 3\), float32 \(8, 3\)\]\.",
    ),
    "call_in_layer": (
        lambda: Outer(InCall(name="bad"), name="outer")(lapis.Input((3,))),
        r"In the layer 'outer/bad' \(InCall\), called with x: float32 \(None, 3\)\.",
    ),
    "call_in_sequential": (
        lambda: lapis.Sequential([layers.Dense(2), InCall(name="bad")], name="s")(X),
        r"In the layer 's/bad' \(InCall\), called with x: float32 \(8, 2\)\.",
    ),
    "call_in_functional": (
        lambda: model(lapis.Model, InCallOnly(name="bad"))(X),
        r"In the layer 'model/bad' \(InCallOnly\), called with x: float32 \(8, 3\)\.",
    ),
    "call_in_time_distributed": (
        lambda: layers.TimeDistributed(InCall(name="bad"), name="td")(lapis.Input((5, 3))),
        r"In the layer 'td' \(TimeDistributed\), called with inputs: float32 \(None, 5, 3\)\.",
    ),
    "call_in_fit": (
        lambda: model(lapis.Model, InCallOnly(name="bad")).fit(X, Y, batch_size=8, verbose=0),
        r"In the layer 'model/bad' \(InCallOnly\), called with x: float32 \(8, 3\)\.",
    ),
    "call_in_fit_subclassed": (
        lambda: (lambda m: (m.compile("sgd", "mse"), m.fit(X, Y, verbose=0)))(Subclassed()),
        r"In the layer 'mine/inner' \(InCall\), called with x: float32 \(8, 3\)\.",
    ),
    "call_in_predict": (
        lambda: Subclassed().predict(X, verbose=0),
        r"In the layer 'mine/inner' \(InCall\), called with x: float32 \(8, 3\)\.",
    ),
    "call_in_model_build": (
        lambda: Subclassed().build((None, 3)),
        r"In the layer 'mine/inner' \(InCall\), called with x: float32 \(None, 3\)\.",
    ),
    "build_symbolic": (
        lambda: InBuild(name="bad")(lapis.Input((3,))),
        r"In build\(\) of the layer 'bad' \(InBuild\), called with input_shape: \(None, 3\)\.",
    ),
    "build_array": (
        lambda: InBuild(name="bad")(X),
        r"In build\(\) of the layer 'bad' \(InBuild\), called with input_shape: \(8, 3\)\.",
    ),
    "build_alone": (
        lambda: InBuild(name="bad").build((2, 3)),
        r"In build\(\) of the layer 'bad' \(InBuild\), called with input_shape: \(2, 3\)\.",
    ),
    "compute_mask": (
        lambda: InMask(name="bad")(layers.Masking()(lapis.Input((4, 3)))),
        r"In the layer 'bad' \(InMask\), called with x: float32 \(None, 4, 3\)\.",
    ),
    "lambda_layer": (
        lambda: layers.Lambda(fail, name="bad")(lapis.Input((3,))),
        r"In the layer 'bad' \(Lambda\), called with inputs: float32 \(None, 3\)\.",
    ),
    "activation": (
        lambda: layers.Dense(2, activation=fail, name="bad")(lapis.Input((3,))),
        r"In the layer 'bad' \(Dense\), called with inputs: float32 \(None, 3\)\.",
    ),
    "initializer": (
        lambda: layers.Dense(2, kernel_initializer=fail, name="bad")(lapis.Input((3,))),
        r"In build\(\) of the layer 'bad' \(Dense\), called with input_shape: \(None, 3\)\.",
    ),
    "mapped_function": (
        lambda: Outer(lambda x: ops.map(fail, x), name="outer")(lapis.Input((3,))),
        r"In the layer 'outer' \(Outer\), called with x: float32 \(None, 3\)\.",
    ),
    "loss_function": (
        lambda: model(loss=fail).fit(X, Y, verbose=0),
        r"In the loss 'fail', called with y_true: float32 \(8, 1\), y_pred: float32 \(8, 1\)\.",
    ),
    "loss_object": (lambda: model(loss=InLoss(name="bad")).evaluate(X, Y, verbose=0), r"In the loss 'bad', called"),
    "loss_of_an_output": (
        lambda: (
            lambda i: (lambda m: (m.compile("sgd", {"a": "mse", "b": fail}), m.fit(X, {"a": Y, "b": Y}, verbose=0)))(
                lapis.Model(i, {"a": layers.Dense(1, name="a")(i), "b": layers.Dense(1, name="b")(i)})
            )
        )(lapis.Input((3,))),
        r"In the loss 'fail' for the output 'b', called",
    ),
    "regularizer": (
        lambda: model(lapis.Model, layers.Dense(2, kernel_regularizer=fail, name="hidden")).fit(X, Y, verbose=0),
        r"In compute_loss of the model <Functional name=model, built=True>, called with y: float32 \(8, 1\)",
    ),
    "metric_function": (
        lambda: model(metrics=[fail]).fit(X, Y, verbose=0),
        r"In the metric 'fail', called with y_true: float32 \(8, 1\), y_pred: float32 \(8, 1\)\.",
    ),
    "metric_object": (
        lambda: model(metrics=[InMetric(name="bad")]).fit(X, Y, verbose=0),
        r"In the metric 'bad', called",
    ),
    "metric_result": (
        lambda: model(metrics=[InResult(name="bad")]).fit(X, Y, verbose=0),
        r"In the metric 'bad', as its result was computed\.",
    ),
    "callback_epoch": (
        hooked(on_epoch_end=fail),
        r"In the callback fail, called as on_epoch_end\(0\)\.",
    ),
    "callback_batch": (hooked(on_train_batch_end=fail), r"In the callback fail, called as on_train_batch_end\(\d\)\."),
    "callback_begin": (hooked(on_train_begin=lambda self, logs=None: fail()), r"called as on_train_begin\(\)\."),
    "lambda_callback": (
        lambda: model().fit(X, Y, verbose=0, callbacks=[lapis.callbacks.LambdaCallback(on_epoch_begin=fail)]),
        r"In the callback fail, called as on_epoch_begin\(0\)\.",
    ),
    "generator": (
        lambda: model().fit(batches(), steps_per_epoch=4, verbose=0),
        r"In the data \(generator\), as batch 1 of a pass was made\.",
    ),
    "generator_in_validation": (
        lambda: model().fit(X, Y, validation_data=batches(), validation_steps=4, verbose=0),
        r"In the data \(generator\), as batch 1 of a pass was made\.",
    ),
    "py_dataset": (
        lambda: model().evaluate(InData(), verbose=0),
        r"In the data \(InData\), as batch 2 of a pass was made\.",
    ),
    "py_dataset_workers": (
        lambda: model().predict(InData(workers=2), verbose=0),
        r"In the data \(InData\), as batch 2 of a pass was made\.",
    ),
    "train_step": (
        lambda: model(InTrainStep).fit(X, Y, verbose=0),
        r"In the train_step of the model 'model' \(InTrainStep\), called with data: \(float32 \(8, 3\)",
    ),
    "train_step_eager": (
        lambda: model(InTrainStep, run_eagerly=True).fit(X, Y, verbose=0),
        r"In the train_step of the model 'model' \(InTrainStep\), called with data",
    ),
    "train_on_batch": (lambda: model(InTrainStep).train_on_batch(X, Y), r"In the train_step of the model 'model'"),
    "test_step": (lambda: model(InTestStep).evaluate(X, Y, verbose=0), r"In the test_step of the model 'model'"),
    "predict_step": (lambda: model(InPredictStep).predict(X, verbose=0), r"In the predict_step of the model 'model'"),
    "compute_loss": (
        lambda: model(InComputeLoss).fit(X, Y, verbose=0),
        r"In compute_loss of the model <InComputeLoss name=model, built=True>, called with y: float32 \(8, 1\)",
    ),
    "schedule": (
        lambda: (lambda m: (m.compile(lapis.optimizers.SGD(InSchedule()), "mse"), m.fit(X, Y, verbose=0)))(model()),
        r"In the train_step of the model 'model'",
    ),
}


@pytest.fixture
def short_tracebacks() -> Iterator[None]:
    config.enable_traceback_filtering()
    yield
    config.disable_traceback_filtering()


def inner_frames(error: BaseException) -> list[str]:
    names = [frame.filename.replace("\\", "/") for frame in traceback.extract_tb(error.__traceback__)]
    return [name for name in names if "/lapis/" in name or "/site-packages/jax" in name]


@pytest.mark.parametrize("case", RAISED)
def test_exceptions_of_the_users_own(case: str, short_tracebacks: None) -> None:
    global MINE
    MINE = Mine("of my own")
    run, text = RAISED[case]
    with pytest.raises(Mine) as caught:
        run()
    assert caught.value is MINE
    assert MINE.args == ("of my own",)
    assert MINE.__cause__ is None
    (note,) = [note for note in MINE.__notes__ if note.startswith("In ")]
    assert all("In " not in other[:3] and "JAX has" not in other for other in MINE.__notes__ if other is not note)
    assert re.search(text, note), note
    assert inner_frames(MINE) == []
    assert traceback.extract_tb(MINE.__traceback__)[-1].name == "fail"
