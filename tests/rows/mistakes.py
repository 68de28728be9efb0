"""Mistakes in names, shapes, labels and losses: each runs silently in Keras, or fails late with an unclear error."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import lapis
from lapis import layers, losses, metrics

N = 8


class Mistake(NamedTuple):
    """A program with one mistake.

    Attributes:
        name: what is wrong.
        make: gives the compiled model and the arguments of `fit`.
        code: of the finding.
        path: the layer that it names, `None` where it is about no layer.
        severity: `"error"` or `"warning"`.
    """

    name: str
    make: Callable[[], tuple[Any, dict[str, Any]]]
    code: str
    path: str | None = None
    severity: str = "error"


def _x(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random((N, *shape), "float32")


def _ids(below: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, below, (N, *shape))


def _one_hot(classes: int) -> np.ndarray:
    return np.eye(classes, dtype="float32")[_ids(classes)]


def _single(
    loss: Any, y: Any, units: int = 1, activation: Any = None, x: Any = None, compiled: Any = None, **arguments: Any
) -> Callable[[], tuple[Any, dict[str, Any]]]:
    """A model with one hidden layer and the output layer `out`."""

    def make() -> tuple[Any, dict[str, Any]]:
        inputs = lapis.Input((4,), name="features")
        hidden = layers.Dense(3, activation="relu", name="hidden")(inputs)
        model = lapis.Model(inputs, layers.Dense(units, activation=activation, name="out")(hidden))
        model.compile("sgd", loss() if callable(loss) else loss, **(compiled or {}))
        return model, {"x": _x(4) if x is None else x, "y": y, **arguments}

    return make


def _steps(loss: Any, y: Any, units: int = 1, activation: Any = None, **arguments: Any) -> Callable:
    """A model of sequences of five steps with an output for each."""

    def make() -> tuple[Any, dict[str, Any]]:
        inputs = lapis.Input((5, 4))
        hidden = layers.GRU(3, return_sequences=True)(inputs)
        model = lapis.Model(inputs, layers.Dense(units, activation=activation, name="out")(hidden))
        model.compile("sgd", loss)
        return model, {"x": _x(5, 4), "y": y, **arguments}

    return make


def _double(compiled: dict[str, Any] | None = None, as_dict: bool = False, **arguments: Any) -> Callable:
    """A model with the inputs `title` and `body` and the outputs `priority` and `department`."""

    def make() -> tuple[Any, dict[str, Any]]:
        title, body = lapis.Input((3,), name="title"), lapis.Input((5,), name="body")
        joined = layers.concatenate([title, body])
        priority = layers.Dense(1, name="priority")(joined)
        department = layers.Dense(4, activation="softmax", name="department")(joined)
        outputs = {"priority": priority, "department": department} if as_dict else [priority, department]
        model = lapis.Model([title, body], outputs)
        both = {"priority": "mse", "department": "categorical_crossentropy"}
        model.compile("sgd", **{"loss": both, **(compiled or {})})
        data = {"x": {"title": _x(3), "body": _x(5)}, "y": {"priority": _x(1), "department": _one_hot(4)}}
        return model, {**data, **arguments}

    return make


def _embedded(ids: Any, nested: bool = False, layer: Callable[[], Any] | None = None) -> Callable:
    def make() -> tuple[Any, dict[str, Any]]:
        inputs = lapis.Input((6,), dtype="int32" if ids.dtype.kind == "i" else "float32")
        table = layer() if layer is not None else layers.Embedding(10, 2, name="table")
        inside = lapis.Model(inputs, layers.Flatten()(table(inputs)), name="encoder")
        outer = lapis.Input((6,), dtype=inputs.dtype) if nested else inputs
        outputs = layers.Dense(1, name="out")(inside(outer) if nested else inside.outputs[0])
        model = lapis.Model(outer, outputs)
        model.compile("sgd", "mse")
        return model, {"x": ids, "y": _x(1)}

    return make


def _subclassed(loss: Any, y: Any, units: int = 1, called: bool = False) -> Callable:
    """A model whose call is known by tracing it only."""

    class Own(lapis.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(units)

        def call(self, inputs: Any) -> Any:
            outputs = self.dense(inputs["features"])
            return {"scores": outputs}

    def make() -> tuple[Any, dict[str, Any]]:
        model = Own()
        if called:
            model({"features": _x(4)})
        model.compile("sgd", loss)
        return model, {"x": {"features": _x(4)}, "y": y}

    return make


def _frozen_output() -> tuple[Any, dict[str, Any]]:
    inputs = lapis.Input((4,))
    outputs = [layers.Dense(1, name="learns")(inputs), layers.Dense(1, name="stays", trainable=False)(inputs)]
    model = lapis.Model(inputs, outputs)
    model.compile("sgd", ["mse", "mse"])
    return model, {"x": _x(4), "y": [_x(1), _x(1)]}


def _columns(*names: str) -> list[pd.Series]:
    return [pd.Series(np.arange(N, dtype="float32"), name=name) for name in names]


def _named_columns() -> tuple[Any, dict[str, Any]]:
    age, height = lapis.Input((1,), name="age"), lapis.Input((1,), name="height")
    model = lapis.Model([age, height], layers.Dense(1)(layers.concatenate([age, height])))
    model.compile("sgd", "mse")
    return model, {"x": _columns("height", "age"), "y": _x(1)}


def _named_targets() -> tuple[Any, dict[str, Any]]:
    inputs = lapis.Input((4,))
    model = lapis.Model(inputs, [layers.Dense(1, name="low")(inputs), layers.Dense(1, name="high")(inputs)])
    model.compile("sgd", ["mse", "mse"])
    return model, {"x": _x(4), "y": _columns("high", "low")}


def _dict_inputs() -> tuple[Any, dict[str, Any]]:
    inputs = {"b": lapis.Input((4,), name="b"), "a": lapis.Input((4,), name="a")}
    model = lapis.Model(inputs, layers.Dense(1)(layers.concatenate([inputs["a"], inputs["b"]])))
    model.compile("sgd", "mse")
    return model, {"x": [_x(4), _x(4)], "y": _x(1)}


def _of_one() -> tuple[Any, dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the layer says so too
        return _single(BINARY, _x(1).round(), 1, "softmax")()


def _crossed(loss: Callable[[], Any], activation: str) -> Callable:
    return _single(loss, _x(1).round(), activation=activation)


BOTH = {"title": _x(3), "body": _x(5)}
TARGETS = {"priority": _x(1), "department": _one_hot(4)}
SPARSE, ONE_HOT, BINARY = "sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy"

NAMES = (
    Mistake("misspelt input", _double(x={"titel": _x(3), "body": _x(5)}), "unknown-input"),
    Mistake("input too many", _double(x={**BOTH, "author": _x(2)}), "unknown-input"),
    Mistake("input missing", _double(x={"title": _x(3)}), "missing-input"),
    Mistake("one array for two inputs", _double(x=_x(3)), "inputs-count"),
    Mistake("three arrays for two inputs", _double(x=[_x(3), _x(5), _x(5)]), "inputs-count"),
    Mistake("inputs in the wrong order", _double(x=[_x(5), _x(3)]), "inputs-order", "body"),
    Mistake("columns in the wrong order", _named_columns, "inputs-order", "age"),
    Mistake("list for a dict of inputs", _dict_inputs, "inputs-order", None, "warning"),
    Mistake("input of another width", _single("mse", _x(1), x=_x(7)), "input-shape", "features"),
    Mistake("input with an axis too many", _single("mse", _x(1), x=_x(5, 4)), "input-shape", "features"),
    Mistake("misspelt target", _double(y={"prioritty": _x(1), "department": _one_hot(4)}), "unknown-output"),
    Mistake("target missing", _double(y={"priority": _x(1)}), "missing-target", "department"),
    Mistake("no targets", _single("mse", None), "missing-target", "out"),
    Mistake("targets in the wrong order", _double(y=[_one_hot(4), _x(1)]), "outputs-order", "priority"),
    Mistake("target columns in the wrong order", _named_targets, "outputs-order", "low"),
    Mistake(
        "list for a dict of outputs",
        _double(as_dict=True, y=[_one_hot(4), _x(1)]),
        "outputs-order",
        None,
        "warning",
    ),
    Mistake("misspelt target of a subclassed model", _subclassed("mse", {"score": _x(1)}), "unknown-output"),
    Mistake("misspelt loss of a subclassed model", _subclassed({"score": "mse"}, {"scores": _x(1)}), "unknown-output"),
    Mistake("three targets for two outputs", _double(y=[_x(1), _one_hot(4), _x(1)]), "outputs-structure"),
    Mistake("misspelt loss key", _double({"loss": {"priority": "mse", "departments": ONE_HOT}}), "unknown-output"),
    Mistake("three losses for two outputs", _double({"loss": ["mse", "mse", "mse"]}), "outputs-structure"),
    Mistake("loss that does not exist", _single("mean_square_error", _x(1)), "unknown-name"),
    Mistake("misspelt loss weight", _double({"loss_weights": {"prority": 2.0}}), "unknown-output"),
    Mistake("loss weight too many", _double({"loss_weights": [1.0, 2.0, 3.0]}), "outputs-structure"),
    Mistake("misspelt metrics key", _double({"metrics": {"priorty": ["mae"]}}), "unknown-output"),
    Mistake(
        "misspelt metrics key, one output",
        _single("mse", _x(1), compiled={"metrics": {"aut": ["mae"]}}),
        "unknown-output",
    ),
    Mistake("misspelt weighted metrics key", _double({"weighted_metrics": {"prio": ["mae"]}}), "unknown-output"),
    Mistake("metric that does not exist", _single("mse", _x(1), compiled={"metrics": ["accuracyy"]}), "unknown-name"),
    Mistake("misspelt sample weights", _double(sample_weight={"priority": _x(), "dep": _x()}), "unknown-output"),
    Mistake(
        "three sample weights for two outputs",
        _double(y=[_x(1), _one_hot(4)], sample_weight=[_x(), _x(), _x()]),
        "sample-weight-structure",
    ),
    Mistake("weights per step for several outputs", _double(sample_weight=_x(5)), "sample-weight-structure"),
    Mistake("misspelt class weights", _double(class_weight={"dep": {0: 1.0}}), "unknown-output"),
    Mistake("one class weight for two outputs", _double(class_weight={0: 1.0, 1: 2.0}), "class-weight"),
    Mistake("class weights by text", _single(SPARSE, _ids(3), 3, "softmax", class_weight={"0": 2.0}), "class-weight"),
    Mistake("balanced", _single(SPARSE, _ids(3), 3, "softmax", class_weight="balanced"), "class-weight"),
    Mistake(
        "class weights from 1",
        _single(SPARSE, _ids(3), 3, "softmax", class_weight={1: 2.0, 3: 1.0}),
        "class-weight-range",
        "out",
        "warning",
    ),
    Mistake(
        "misspelt validation input",
        _double(validation_data=({"titel": _x(3), "body": _x(5)}, TARGETS)),
        "unknown-input",
    ),
    Mistake(
        "misspelt validation target",
        _double(validation_data=(BOTH, {"prio": _x(1), "department": _one_hot(4)})),
        "unknown-output",
    ),
    Mistake(
        "validation inputs in the wrong order",
        _double(validation_data=([_x(5), _x(3)], TARGETS)),
        "inputs-order",
        "body",
    ),
)

SHAPES = (
    Mistake("(8, 2) against (8, 1)", _single("mse", _x(2)), "targets-broadcast", "out"),
    Mistake("(8, 5, 1) against (8, 1)", _single("mae", _x(5, 1)), "targets-broadcast", "out"),
    Mistake("(8, 3) against (8, 1), binary", _single(BINARY, _one_hot(3), activation="sigmoid"), "targets-broadcast",
            "out"),
    Mistake("(8,) against (8, 3)", _single("mse", _x(), 3), "targets-broadcast", "out"),
    Mistake("(8, 1) against (8, 3)", _single("mse", _x(1), 3), "targets-broadcast", "out", "warning"),
    Mistake("one target per sequence", _steps("mse", _x(1)), "targets-broadcast", "out", "warning"),
    Mistake("(8, 4) against (8, 3)", _single("mse", _x(4), 3), "targets-shape", "out"),
    Mistake("targets of sequences", _steps("huber", _x(5, 2), 1), "targets-broadcast", "out"),
    Mistake("in a subclassed model", _subclassed("mse", {"scores": _x(2)}), "targets-broadcast", "scores"),
    Mistake("in a subclassed model that was called", _subclassed({"scores": "mae"}, {"scores": _x(2)}, 1, True),
            "targets-broadcast", "scores"),
    Mistake("one-hot in a subclassed model", _subclassed(SPARSE, {"scores": _one_hot(3)}, 3), "one-hot-labels",
            "scores"),
    Mistake("in the validation data", _single("mse", _x(1), validation_data=(_x(4), _x(2))), "targets-broadcast",
            "out"),
    Mistake("one-hot for a sparse loss", _single(SPARSE, _one_hot(3), 3, "softmax"), "one-hot-labels", "out"),
    Mistake("class numbers for a one-hot loss", _single(ONE_HOT, _ids(3), 3, "softmax"), "class-number-labels", "out"),
    Mistake("column of class numbers for a one-hot loss", _single(ONE_HOT, _ids(3, 1), 3, "softmax"),
            "class-number-labels", "out"),
    Mistake("one-hot with other classes", _single(ONE_HOT, _one_hot(4), 3, "softmax"), "targets-shape", "out"),
    Mistake("class number per sequence", _steps(SPARSE, _ids(3), 3, "softmax"), "targets-shape", "out"),
    Mistake("weights per sample of sequences", _steps("mse", _x(5, 1), sample_weight=_x()), "sample-weight-shape",
            "out"),
    Mistake("weights per step of samples", _single("mse", _x(1), sample_weight=_x(5)), "sample-weight-shape", "out"),
    Mistake("accuracy of one-hot with numbers", _single(SPARSE, _ids(3), 3, "softmax",
            compiled={"metrics": ["categorical_accuracy"]}), "metric-labels", "out"),
    Mistake("sparse accuracy of one-hot", _single(ONE_HOT, _one_hot(3), 3, "softmax",
            compiled={"metrics": [metrics.SparseCategoricalAccuracy()]}), "metric-labels", "out"),
)  # fmt: skip

LOSSES = (
    Mistake("softmax over one class", _of_one, "softmax-of-one", "out"),
    Mistake("one class", _single(ONE_HOT, np.ones((N, 1)), 1, "sigmoid"), "one-class", "out"),
    Mistake("one class, sparse", _single(SPARSE, np.zeros(N), 1, "sigmoid"), "one-class", "out"),
    Mistake("sigmoid taken for logits", _crossed(lambda: losses.BinaryCrossentropy(from_logits=True), "sigmoid"),
            "probabilities-as-logits", "out"),
    Mistake("softmax taken for logits",
            _single(lambda: losses.SparseCategoricalCrossentropy(from_logits=True), _ids(3), 3, "softmax"),
            "probabilities-as-logits", "out"),
    Mistake("logits taken for probabilities", _single(SPARSE, _ids(3), 3), "logits-as-probabilities", "out"),
    Mistake("logits taken for binary probabilities", _single(BINARY, _x(1).round()), "logits-as-probabilities", "out"),
    Mistake("tanh taken for probabilities", _single(BINARY, _x(1).round(), 1, "tanh"), "logits-as-probabilities",
            "out", "warning"),
    Mistake("sigmoid for one class of several", _single(ONE_HOT, _one_hot(3), 3, "sigmoid"),
            "sigmoid-with-categorical", "out", "warning"),
    Mistake("softmax for several labels", _single(BINARY, _one_hot(3), 3, "softmax"), "softmax-with-binary", "out",
            "warning"),
    Mistake("smoothing beyond 1",
            _single(lambda: losses.CategoricalCrossentropy(label_smoothing=1.5), _one_hot(3), 3, "softmax"),
            "label-smoothing", "out"),
    Mistake("negative smoothing", _crossed(lambda: losses.BinaryCrossentropy(label_smoothing=-0.1), "sigmoid"),
            "label-smoothing", "out"),
    Mistake("smoothing of class numbers",
            _single(lambda: losses.CategoricalCrossentropy(label_smoothing=0.1), _ids(3), 3, "softmax"),
            "class-number-labels", "out"),
    Mistake("accuracy of logits", _single(lambda: losses.BinaryCrossentropy(from_logits=True), _x(1).round(),
            compiled={"metrics": ["accuracy"]}), "metric-threshold", "out", "warning"),
    Mistake("loss on frozen layers", _frozen_output, "output-not-trained", "stays", "warning"),
)  # fmt: skip

VALUES = (
    Mistake("labels from 1", _single(SPARSE, _ids(3) + 1, 3, "softmax"), "labels-range", "out"),
    Mistake("too few units", _single(SPARSE, np.arange(N), 5, "softmax"), "labels-range", "out"),
    Mistake("negative labels", _single(SPARSE, _ids(3) - 1, 3, "softmax"), "labels-range", "out"),
    Mistake("labels with fractions", _single(SPARSE, _x() * 2, 3, "softmax"), "labels-fractional", "out"),
    Mistake("labels beyond the classes of a subclassed model", _subclassed(SPARSE, {"scores": _ids(3) + 1}, 3),
            "labels-range", "scores"),
    Mistake("labels of steps beyond the classes", _steps(SPARSE, _ids(3, 5) + 1, 3, "softmax"), "labels-range", "out"),
    Mistake("labels of -1 and 1", _single(BINARY, np.sign(_x(1) - 0.5), 1, "sigmoid"), "targets-range", "out"),
    Mistake("class numbers for binary", _single(BINARY, _ids(3, 1), 1, "sigmoid"), "targets-range", "out"),
    Mistake("brightness up to 255", _single(BINARY, _x(1) * 255, 1, "sigmoid"), "targets-range", "out", "warning"),
    Mistake("missing targets", _single("mse", np.where(_x(1) < 0.5, np.nan, 1.0)), "targets-nan", "out"),
    Mistake("labels beyond the classes in the validation data",
            _single(SPARSE, _ids(3), 3, "softmax", validation_data=(_x(4), _ids(3) + 1)), "labels-range", "out"),
    Mistake("ids beyond the table", _embedded(_ids(11, 6) + 1), "ids-range", "table"),
    Mistake("negative ids", _embedded(_ids(10, 6) - 1), "ids-range", "table"),
    Mistake("ids with fractions", _embedded(_x(6) * 9), "ids-fractional", "table"),
    Mistake("ids in a nested model", _embedded(_ids(12, 6) + 1, nested=True), "ids-range", "encoder/table"),
    Mistake("categories beyond the encoding", _embedded(_ids(9, 6) + 3,
            layer=lambda: layers.CategoryEncoding(10, "multi_hot", name="table")), "ids-range", "table", "warning"),
)  # fmt: skip

MISTAKES = (*NAMES, *SHAPES, *LOSSES, *VALUES)
