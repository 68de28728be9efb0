"""Right programs that look unusual: the checks have nothing to say of them."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

import lapis
from lapis import layers, losses, metrics, ops

N = 10
RIGHT: list[Callable[[], tuple[Any, dict[str, Any]]]] = []


def _right(program: Callable[[], tuple[Any, dict[str, Any]]]) -> Callable:
    RIGHT.append(program)
    return program


def _x(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random((N, *shape), "float32")


def _ids(below: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, below, (N, *shape))


def _model(units: int = 1, activation: Any = None, loss: Any = "mse", **compiled: Any) -> lapis.Model:
    inputs = lapis.Input((4,))
    model = lapis.Model(inputs, layers.Dense(units, activation=activation)(inputs))
    model.compile("sgd", loss, **compiled)
    return model


@_right
def vector_of_targets() -> tuple[Any, dict[str, Any]]:
    return _model(), {"x": _x(4), "y": _x()}


@_right
def column_against_a_vector() -> tuple[Any, dict[str, Any]]:
    inputs = lapis.Input((4,))
    model = lapis.Model(inputs, layers.Flatten()(layers.Dense(1)(inputs))[:, 0])
    model.compile("sgd", "mae")
    return model, {"x": _x(4), "y": _x(1)}


@_right
def steps_without_their_last_axis() -> tuple[Any, dict[str, Any]]:
    inputs = lapis.Input((None, 3))
    model = lapis.Model(inputs, layers.Dense(1)(layers.LSTM(2, return_sequences=True)(inputs)))
    model.compile("sgd", "huber")
    return model, {"x": _x(5, 3), "y": _x(5)}


@_right
def logits() -> tuple[Any, dict[str, Any]]:
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    return _model(3, None, loss, metrics=["accuracy"]), {"x": _x(4), "y": _ids(3)}


@_right
def binary_logits_with_their_threshold() -> tuple[Any, dict[str, Any]]:
    accuracy = metrics.BinaryAccuracy(threshold=0.0)
    loss = losses.BinaryCrossentropy(from_logits=True)
    return _model(1, None, loss, metrics=[accuracy]), {"x": _x(4), "y": _ids(2)}


@_right
def softmax_as_a_layer() -> tuple[Any, dict[str, Any]]:
    model = lapis.Sequential([lapis.Input((4,)), layers.Dense(3), layers.Softmax()])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model, {"x": _x(4), "y": _ids(3)}


@_right
def softmax_as_an_operation() -> tuple[Any, dict[str, Any]]:
    inputs = lapis.Input((4,))
    model = lapis.Model(inputs, ops.softmax(layers.Dense(3)(inputs) / 2.0))
    model.compile("sgd", "categorical_crossentropy")
    return model, {"x": _x(4), "y": np.eye(3)[_ids(3)]}


@_right
def softmax_of_two_with_binary_crossentropy() -> tuple[Any, dict[str, Any]]:
    return _model(2, "softmax", "binary_crossentropy"), {"x": _x(4), "y": np.eye(2)[_ids(2)]}


@_right
def soft_labels() -> tuple[Any, dict[str, Any]]:
    shares = _x(3)
    return _model(3, "softmax", "kl_divergence"), {"x": _x(4), "y": shares / shares.sum(-1, keepdims=True)}


@_right
def several_labels_at_once() -> tuple[Any, dict[str, Any]]:
    accuracy = ["binary_accuracy"]
    return _model(5, "sigmoid", "binary_crossentropy", metrics=accuracy), {"x": _x(4), "y": _ids(2, 5)}


@_right
def labels_as_floats() -> tuple[Any, dict[str, Any]]:
    return _model(3, "softmax", "sparse_categorical_crossentropy"), {"x": _x(4), "y": _ids(3, 1).astype("float32")}


@_right
def labels_as_truth() -> tuple[Any, dict[str, Any]]:
    return _model(1, "sigmoid", "binary_crossentropy"), {"x": _x(4), "y": _x(1) > 0.5}


@_right
def smoothed_labels() -> tuple[Any, dict[str, Any]]:
    loss = losses.CategoricalCrossentropy(label_smoothing=0.1)
    return _model(3, "softmax", loss), {"x": _x(4), "y": np.eye(3)[_ids(3)]}


@_right
def ignored_class() -> tuple[Any, dict[str, Any]]:
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    return _model(3, "softmax", loss), {"x": _x(4), "y": _ids(4) - 1}


@_right
def label_without_weight() -> tuple[Any, dict[str, Any]]:
    y = _ids(3)
    y[2] = -1
    model = _model(3, "softmax", "sparse_categorical_crossentropy")
    return model, {"x": _x(4), "y": y, "sample_weight": (y >= 0).astype("float32")}


@_right
def fewer_labels_than_units() -> tuple[Any, dict[str, Any]]:
    return _model(1000, "softmax", "sparse_categorical_crossentropy"), {"x": _x(4), "y": _ids(3)}


@_right
def segmentation() -> tuple[Any, dict[str, Any]]:
    inputs = lapis.Input((6, 6, 3))
    model = lapis.Model(inputs, layers.Conv2D(4, 3, padding="same", activation="softmax")(inputs))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, {"x": _x(6, 6, 3), "y": _ids(4, 6, 6, 1)}


@_right
def padded_steps_with_labels_beyond_the_classes() -> tuple[Any, dict[str, Any]]:
    inputs = lapis.Input((5,), dtype="int32")
    hidden = layers.Embedding(10, 3, mask_zero=True)(inputs)
    model = lapis.Model(inputs, layers.Dense(3, activation="softmax")(layers.LSTM(3, return_sequences=True)(hidden)))
    model.compile("sgd", "sparse_categorical_crossentropy")
    ids = _ids(9, 5) + 1
    ids[:, 3:] = 0
    return model, {"x": ids, "y": np.where(ids > 0, _ids(3, 5), -1)}


@_right
def ids_as_floats() -> tuple[Any, dict[str, Any]]:
    model = lapis.Sequential([lapis.Input((5,)), layers.Embedding(10, 3), layers.GlobalAveragePooling1D(),
                              layers.Dense(1)])  # fmt: skip
    model.compile("sgd", "mse")
    return model, {"x": _ids(10, 5).astype("float32"), "y": _x()}


def _two(loss: Any = None, **compiled: Any) -> lapis.Model:
    a, b = lapis.Input((3,), name="a"), lapis.Input((2,), name="b")
    joined = layers.concatenate([a, b])
    outputs = [layers.Dense(1, name="p")(joined), layers.Dense(3, activation="softmax", name="q")(joined)]
    model = lapis.Model([a, b], outputs)
    both = {"p": "mse", "q": "sparse_categorical_crossentropy"}
    model.compile("sgd", both if loss is None else loss, **compiled)
    return model


PAIR = {"b": _x(2), "a": _x(3)}


@_right
def names_in_any_order() -> tuple[Any, dict[str, Any]]:
    weighted = {"sample_weight": {"q": _x(), "p": _x()}, "y": {"q": _ids(3), "p": _x()}}
    return _two(loss_weights={"q": 0.5}, metrics={"q": ["accuracy"]}), {"x": PAIR, **weighted}


@_right
def an_output_without_a_loss() -> tuple[Any, dict[str, Any]]:
    return _two({"p": None, "q": "sparse_categorical_crossentropy"}), {"x": [_x(3), _x(2)], "y": {"q": _ids(3)}}


@_right
def class_weights_per_output() -> tuple[Any, dict[str, Any]]:
    weights = {"q": {0: 1.0, 2: 3.0}}
    return _two(), {"x": PAIR, "y": {"p": _x(), "q": _ids(3)}, "class_weight": weights}


@_right
def validation_by_name() -> tuple[Any, dict[str, Any]]:
    validation = {"b": _x(2), "a": _x(3)}, [_x(1), _ids(3)]
    return _two(), {"x": [_x(3), _x(2)], "y": [_x(1), _ids(3)], "validation_data": validation}


@_right
def inputs_of_one_shape() -> tuple[Any, dict[str, Any]]:
    a, b = lapis.Input((3,)), lapis.Input((3,))
    model = lapis.Model([a, b], layers.Dense(1)(layers.subtract([a, b])))
    model.compile("sgd", "mse")
    return model, {"x": [_x(3), _x(3)], "y": _x(1)}


@_right
def nested_outputs() -> tuple[Any, dict[str, Any]]:
    inputs = lapis.Input((4,))
    outputs = {"one": layers.Dense(1)(inputs), "many": [layers.Dense(2)(inputs), layers.Dense(3)(inputs)]}
    model = lapis.Model(inputs, outputs)
    model.compile("sgd", {"one": "mse", "many": ["mae", "mse"]})
    return model, {"x": _x(4), "y": {"one": _x(1), "many": [_x(2), _x(3)]}}


@_right
def a_table_of_columns() -> tuple[Any, dict[str, Any]]:
    frame = pd.DataFrame(_x(4), columns=list("abcd"))
    return _model(), {"x": frame, "y": pd.Series(_x(), name="target")}


@_right
def a_generator_with_a_short_last_batch() -> tuple[Any, dict[str, Any]]:
    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield _x(4), _x(1)
        yield _x(4)[:3], _x(1)[:3]

    return _model(), {"x": batches()}


@_right
def a_data_set_with_weights() -> tuple[Any, dict[str, Any]]:
    class Batches(lapis.utils.PyDataset):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> tuple:
            return _x(4), _x(1), _x()

    return _model(), {"x": Batches()}


@_right
def a_loss_of_ones_own() -> tuple[Any, dict[str, Any]]:
    def away(y_true: Any, y_pred: Any) -> Any:
        return ops.abs(ops.sum(y_true) - ops.mean(y_pred, axis=-1))

    return _model(3, None, away), {"x": _x(4), "y": np.full((N, 7), 100)}


@_right
def a_loss_class_of_ones_own() -> tuple[Any, dict[str, Any]]:
    class Nearest(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return ops.min(ops.abs(y_true - y_pred), axis=-1)

    return _model(1, None, Nearest()), {"x": _x(4), "y": _x(3)}


@_right
def a_loss_added_by_a_layer() -> tuple[Any, dict[str, Any]]:
    class Small(layers.Layer):
        def call(self, inputs: Any) -> Any:
            self.add_loss(ops.mean(ops.square(inputs)))
            return inputs

    model = lapis.Sequential([lapis.Input((4,)), layers.Dense(3), Small()])
    model.compile("sgd")
    return model, {"x": _x(4)}


class _Own(lapis.Model):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = layers.Dense(3), layers.Dense(1)

    def call(self, inputs: Any, training: bool = False) -> Any:
        hidden = self.first(inputs["x"])
        return {"hidden": hidden, "out": self.second(hidden)}


@_right
def a_subclass_with_names() -> tuple[Any, dict[str, Any]]:
    model = _Own()
    model.compile("sgd", {"out": "mse"}, metrics={"out": ["mae"]})
    return model, {"x": {"x": _x(4)}, "y": {"out": _x(1)}}


@_right
def weights_per_step() -> tuple[Any, dict[str, Any]]:
    inputs = lapis.Input((5, 3))
    model = lapis.Model(inputs, layers.GRU(2, return_sequences=True)(inputs))
    model.compile("sgd", "mse")
    return model, {"x": _x(5, 3), "y": _x(5, 2), "sample_weight": _x(5)}


@_right
def weights_that_are_spread_over_steps() -> tuple[Any, dict[str, Any]]:
    inputs = lapis.Input((5, 3))
    model = lapis.Model(inputs, layers.GRU(2, return_sequences=True)(inputs))
    model.compile("sgd", losses.Huber())
    return model, {"x": _x(5, 3), "y": _x(5, 2), "sample_weight": _x(1)}


@_right
def frozen_layers_below() -> tuple[Any, dict[str, Any]]:
    inputs = lapis.Input((4,))
    hidden = layers.Dense(3, trainable=False)(inputs)
    model = lapis.Model(inputs, [layers.Dense(1)(hidden), layers.Dense(2)(hidden)])
    model.compile("sgd", ["mse", "mse"])
    return model, {"x": _x(4), "y": [_x(1), _x(2)]}


@_right
def a_mixture_of_probabilities() -> tuple[Any, dict[str, Any]]:
    inputs = lapis.Input((4,))
    each = layers.Dense(3, activation="sigmoid")(inputs)
    mixed = layers.Dense(1, use_bias=False, kernel_constraint="non_neg", kernel_initializer="uniform")(each)
    model = lapis.Model(inputs, mixed)
    model.compile("sgd", "binary_crossentropy")
    return model, {"x": _x(4), "y": _ids(2)}


@_right
def an_autoencoder_of_noisy_shares() -> tuple[Any, dict[str, Any]]:
    return _model(4, "sigmoid", "binary_crossentropy"), {"x": _x(4), "y": _x(4) * 1.002}


@_right
def embeddings_that_should_agree() -> tuple[Any, dict[str, Any]]:
    return _model(3, None, losses.CosineSimilarity()), {"x": _x(4), "y": _x(3)}


@_right
def classes_in_a_circle() -> tuple[Any, dict[str, Any]]:
    normalized = layers.UnitNormalization()
    model = lapis.Sequential([lapis.Input((4,)), layers.Dense(3), normalized])
    model.compile("sgd", losses.Circle())
    return model, {"x": _x(4), "y": _ids(3)}
