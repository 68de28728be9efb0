"""Names of dimensions: what they travel through, which mistakes they find, and that they forbid nothing else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lapis
from lapis import layers, ops
from tests.oracle import keras

TIME, CHANNEL = {"time": None, "channel": 64}, {"channel": None, "time": None}


def x(**sizes: int | None) -> Any:
    return lapis.Input(sizes, name=None)


def sequence() -> Any:
    return x(time=None, channel=6)


def image() -> Any:
    return x(height=8, width=8, channel=3)


# What is made of named inputs, and the names that it has; the batch has none.
TRAVELS: dict[str, tuple[Callable[[], Any], tuple | None]] = {
    "input": (sequence, ("time", "channel")),
    "negative": (lambda: -sequence(), ("time", "channel")),
    "scalar": (lambda: 2 * sequence() + 1, ("time", "channel")),
    "sum_of_two": (lambda: sequence() + sequence(), ("time", "channel")),
    "with_unnamed": (lambda: sequence() + lapis.Input((None, 6)), ("time", "channel")),
    "with_array": (lambda: sequence() * np.ones((6,), "float32"), None),
    "broadcast": (lambda: sequence() * x(gate=1, channel=6), ("time", "channel")),
    "activation": (lambda: ops.relu(sequence()), ("time", "channel")),
    "mean": (lambda: ops.mean(sequence(), axis=1), ("channel",)),
    "mean_kept": (lambda: ops.mean(sequence(), axis=1, keepdims=True), (None, "channel")),
    "max_of_all": (lambda: ops.max(sequence()), None),
    "transpose": (lambda: ops.transpose(sequence(), (0, 2, 1)), ("channel", "time")),
    "swapaxes": (lambda: ops.swapaxes(sequence(), 1, 2), ("channel", "time")),
    "expand_dims": (lambda: ops.expand_dims(sequence(), 1), (None, "time", "channel")),
    "squeeze": (lambda: ops.squeeze(x(time=None, one=1), -1), ("time",)),
    "concatenate": (lambda: ops.concatenate([sequence(), sequence()], axis=-1), ("time", "channel")),
    "stack": (lambda: ops.stack([sequence(), sequence()], axis=1), (None, "time", "channel")),
    "last_step": (lambda: sequence()[:, -1], ("channel",)),
    "some_steps": (lambda: sequence()[:, 1:], (None, "channel")),
    "ellipsis": (lambda: sequence()[..., 0], ("time",)),
    "new_axis": (lambda: sequence()[:, None], (None, "time", "channel")),
    "matmul": (lambda: sequence() @ ops.transpose(sequence(), (0, 2, 1)), ("time", "time")),
    "reshape": (lambda: ops.reshape(sequence(), (-1, 6)), None),
    "dense": (lambda: layers.Dense(4)(sequence()), ("time", None)),
    "dropout": (lambda: layers.Dropout(0.1)(sequence()), ("time", "channel")),
    "normalization": (lambda: layers.LayerNormalization()(sequence()), ("time", "channel")),
    "embedding": (lambda: layers.Embedding(5, 2)(x(time=None)), ("time", None)),
    "lstm": (lambda: layers.LSTM(4)(sequence()), None),
    "lstm_sequences": (lambda: layers.LSTM(4, return_sequences=True)(sequence()), ("time", None)),
    "gru_states": (lambda: layers.GRU(4, return_sequences=True, return_state=True)(sequence())[0], ("time", None)),
    "bidirectional": (lambda: layers.Bidirectional(layers.GRU(2, return_sequences=True))(sequence()), ("time", None)),
    "conv_same": (lambda: layers.Conv2D(4, 3, padding="same")(image()), ("height", "width", None)),
    "conv_valid": (lambda: layers.Conv2D(4, 3)(image()), None),
    "conv_causal": (lambda: layers.Conv1D(4, 3, padding="causal")(sequence()), ("time", None)),
    "conv_strides": (lambda: layers.Conv1D(4, 3, strides=2, padding="same")(sequence()), None),
    "pooling": (lambda: layers.MaxPooling2D(2)(image()), (None, None, "channel")),
    "global_pooling": (lambda: layers.GlobalAveragePooling2D()(image()), ("channel",)),
    "permute": (lambda: layers.Permute((2, 1))(sequence()), ("channel", "time")),
    "repeat": (lambda: layers.RepeatVector(3)(x(channel=4)), (None, "channel")),
    "time_distributed": (
        lambda: layers.TimeDistributed(layers.GlobalAveragePooling1D())(x(frame=None, time=4, channel=3)),
        ("frame", "channel"),
    ),
    "flatten": (lambda: layers.Flatten()(image()), None),
    "add": (lambda: layers.Add()([sequence(), sequence()]), ("time", "channel")),
    "concatenate_layer": (lambda: layers.Concatenate()([sequence(), x(time=None, tag=3)]), ("time", None)),
    "dot": (lambda: layers.Dot((2, 2))([sequence(), x(word=None, channel=6)]), ("time", "word")),
    "model": (
        lambda: (lambda i: lapis.Model(i, layers.Dense(2)(i)))(sequence())(sequence()),
        ("time", None),
    ),
    "sequential": (lambda: lapis.Sequential([sequence(), layers.Dense(2)])(sequence()), ("time", None)),
    "own_layer": (lambda: type("Own", (layers.Layer,), {"call": lambda self, x: x})()(sequence()), None),
}


@pytest.mark.parametrize("case", TRAVELS)
def test_names_travel(case: str) -> None:
    make, expected = TRAVELS[case]
    found = make()
    assert found.dims == (None if expected is None else (None, *expected))
    assert found.dims is None or len(found.dims) == len(found.shape)


def turned() -> Any:
    return lapis.Input({"channel": None, "time": None}, name="b")


def straight() -> Any:
    return lapis.Input({"time": None, "channel": None}, name="a")


# What brings together dimensions of different names; the message has all of these words.
MISTAKES: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "plus": (lambda: straight() + turned(), ["ops.add", "'a' (batch, time, channel)", "'b' (batch, channel, time)"]),
    "equal_sizes": (
        lambda: lapis.Input({"time": 4, "channel": 4}) * lapis.Input({"channel": 4, "time": 4}),
        ["time=4", "'time' meets 'channel'"],
    ),
    "add": (lambda: layers.Add(name="sum")([straight(), turned()]), ["'sum' (Add)", "'a'", "'b'", "'time' meets"]),
    "average": (lambda: layers.average([straight(), turned()]), ["(Average)", "along axis 1"]),
    "later": (
        lambda: layers.Add()([layers.ReLU()(straight()), layers.Dropout(0.5)(ops.exp(turned()))]),
        ["(Add)", "'time' meets 'channel'"],
    ),
    "permuted": (lambda: layers.Add()([layers.Permute((2, 1))(straight()), straight()]), ["'channel' meets 'time'"]),
    "concatenate": (lambda: layers.Concatenate(axis=1)([straight(), turned()]), ["(Concatenate)", "along axis 2"]),
    "concatenate_op": (lambda: ops.concatenate([straight(), turned()], axis=-1), ["ops.concatenate", "along axis 1"]),
    "stack": (lambda: ops.stack([straight(), turned()]), ["ops.stack"]),
    "dot": (lambda: layers.Dot((1, 1))([straight(), turned()]), ["(Dot)", "sum over 'time' and 'channel'"]),
    "matmul": (lambda: straight() @ straight(), ["ops.matmul", "sum over 'channel' and 'time'"]),
    "where": (lambda: ops.where(straight() > 0, straight(), turned()), ["ops.where"]),
    "model": (
        lambda: (lambda i: lapis.Model(i, layers.Dense(2)(i), name="inner"))(lapis.Input({"time": 4, "channel": 4}))(
            lapis.Input({"channel": 4, "time": 4}, name="given")
        ),
        ["The model 'inner'", "'given' (batch, channel=4, time=4)"],
    ),
    "names": (lambda: lapis.Input({3: 4}), ["expected a text for each axis"]),
    "size": (lambda: lapis.Input({"time": -4}), ["non-negative integers"]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_found_at_construction(case: str) -> None:
    make, words = MISTAKES[case]
    with pytest.raises(ValueError) as error:
        make()
    for word in words:
        assert word in str(error.value)


def two_texts(title: Any = "time", body: Any = "time") -> Any:
    a = lapis.Input({title: None, "channel": 2}, name="title")
    b = lapis.Input({body: None, "channel": 2}, name="body")
    summed = [layers.GlobalAveragePooling1D()(one) for one in (a, b)]
    model = lapis.Model([a, b], layers.Dense(1)(layers.Concatenate()(summed)), name="texts")
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("run", ["call", "predict", "fit", "evaluate"])
def test_sizes_are_checked_when_the_model_runs(run: str) -> None:
    """Two inputs that vary along one name must agree, also where a model without names has been compiled before."""
    fed, y = [np.ones((4, 5, 2), "float32"), np.ones((4, 7, 2), "float32")], np.ones((4, 1), "float32")

    def act(model: Any, data: list) -> Any:
        if run == "call":
            return model(data)
        return model.predict(data, verbose=0) if run == "predict" else getattr(model, run)(data, y, verbose=0)

    act(two_texts("time", "word"), fed)  # different names, so different sizes are right
    model = two_texts()
    act(model, [fed[0], fed[0]])
    with pytest.raises(ValueError, match=r"'time' of the model 'texts'.*5 in 'title', 7 in 'body'"):
        act(model, fed)


def test_names_are_saved(tmp_path: Path) -> None:
    model = two_texts()
    model.save(tmp_path / "m.keras")
    loaded = lapis.models.load_model(tmp_path / "m.keras")
    assert [one.dims for one in loaded.inputs] == [(None, "time", "channel")] * 2
    assert [one.dims for one in lapis.models.clone_model(model).inputs] == [(None, "time", "channel")] * 2
    fed = [np.ones((4, 5, 2), "float32")] * 2
    theirs = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(theirs.predict(fed, verbose=0), model.predict(fed, verbose=0), rtol=1e-5)


def test_names_of_a_sequential_model_are_saved(tmp_path: Path) -> None:
    model = lapis.Sequential([sequence(), layers.Dense(2)])
    model.save(tmp_path / "m.keras")
    for other in (lapis.models.load_model(tmp_path / "m.keras"), lapis.models.clone_model(model)):
        assert [one.dims for one in other.inputs] == [(None, "time", "channel")]
    fed = np.ones((4, 5, 6), "float32")
    theirs = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(theirs.predict(fed, verbose=0), model.predict(fed, verbose=0), rtol=1e-5)


def test_models_without_names_say_nothing_of_them() -> None:
    inputs = lapis.Input((None, 2))
    model = lapis.Model(inputs, layers.Dense(2)(inputs))
    assert '"dims"' not in json.dumps(model.get_config())
    assert "dims" not in repr(inputs) and "dims=(None, 'time', 'channel')" in repr(sequence())
