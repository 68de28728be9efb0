"""How often predictions are right."""

from typing import Any, ClassVar

import lapis.core.config as config
import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.losses.loss import squeeze_or_expand_to_same_rank
from lapis.metrics.reduction import NamedMetric


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the prediction equals the label, else 0.

    >>> accuracy([1, 2], [1, 3]).tolist()
    [1.0, 0.0]
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=y_pred.dtype)
    y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
    return ops.cast(ops.equal(y_true, y_pred), config.floatx())


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where the prediction lies on the label's side of `threshold`, else 0; the shape stays.

    >>> binary_accuracy([1.0, 0.0], [0.7, 0.6]).tolist()
    [1.0, 0.0]
    """
    y_true, y_pred = squeeze_or_expand_to_same_rank(ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred))
    predicted = ops.cast(ops.greater(y_pred, threshold), y_true.dtype)
    return ops.cast(ops.equal(y_true, predicted), config.floatx())


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest of `(…, classes)` predictions is that of the one-hot label, else 0; gives `(…,)`.

    >>> categorical_accuracy([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]]).tolist()
    [1.0, 0.0]
    """
    return _label_matches(ops.argmax(y_true, axis=-1), y_pred)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest of `(…, classes)` predictions is that of the integer label, else 0.

    Labels have the shape `(…,)` or `(…, 1)`.

    >>> sparse_categorical_accuracy([1, 0], [[0.1, 0.9], [0.2, 0.8]]).tolist()
    [1.0, 0.0]
    """
    matches = _label_matches(ops.convert_to_tensor(y_true), y_pred)
    if len(matches.shape) > 1 and matches.shape[-1] == 1:
        matches = ops.squeeze(matches, -1)
    return matches


def _label_matches(labels: Any, y_pred: Any) -> Any:
    y_pred = ops.convert_to_tensor(y_pred)
    predicted = ops.argmax(y_pred, axis=-1)
    if len(labels.shape) == len(y_pred.shape) and labels.shape[-1] == 1:
        predicted = ops.expand_dims(predicted, -1)
    return ops.cast(ops.equal(labels, predicted), config.floatx())


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the one-hot label is among the `k` largest of `(…, classes)` predictions, else 0; gives `(…,)`.

    >>> top_k_categorical_accuracy([[0, 0, 1]], [[0.1, 0.5, 0.4]], k=2).tolist()
    [1.0]
    """
    return sparse_top_k_categorical_accuracy(ops.argmax(y_true, axis=-1), y_pred, k=k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Any:
    """1 where the integer label is among the `k` largest of `(…, classes)` predictions, else 0.

    With `from_sorted_ids` the predictions are the classes themselves, the best first.

    >>> sparse_top_k_categorical_accuracy([2], [[0.1, 0.5, 0.4]], k=2).tolist()
    [1.0]
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=y_pred.dtype if from_sorted_ids else "int32")
    labels, predictions = ops.reshape(y_true, (-1,)), ops.reshape(y_pred, (-1, y_pred.shape[-1]))
    if from_sorted_ids:
        matches = ops.any(ops.equal(ops.expand_dims(labels, 1), predictions[:, :k]), axis=1)
    else:
        matches = ops.in_top_k(labels, predictions, k=k)
    return ops.reshape(ops.cast(matches, config.floatx()), ops.shape(y_true))


@builtin("keras.metrics")
class Accuracy(NamedMetric):
    """How often predictions equal labels.

    >>> metric = Accuracy()
    >>> float(metric([1, 2, 3, 4], [0, 2, 3, 4]))
    0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name, dtype)


@builtin("keras.metrics")
class BinaryAccuracy(NamedMetric):
    """How often predictions lie on the label's side of `threshold` (default 0.5).

    A threshold outside of 0…1 suits logits.

    >>> metric = BinaryAccuracy(threshold=0.7)
    >>> round(float(metric([1, 1, 0, 0], [0.9, 0.6, 0.8, 0.1])), 4)
    0.5
    """

    _direction = "up"
    _config_keys = ("threshold",)

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


@builtin("keras.metrics")
class CategoricalAccuracy(NamedMetric):
    """How often the largest prediction is that of the one-hot label.

    >>> metric = CategoricalAccuracy()
    >>> round(float(metric([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]])), 4)
    0.5
    """

    _direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


@builtin("keras.metrics")
class SparseCategoricalAccuracy(NamedMetric):
    """How often the largest prediction is that of the integer label.

    >>> metric = SparseCategoricalAccuracy()
    >>> float(metric([1, 0], [[0.1, 0.9], [0.2, 0.8]]))
    0.5
    """

    _direction = "up"

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


@builtin("keras.metrics")
class TopKCategoricalAccuracy(NamedMetric):
    """How often the one-hot label is among the `k` largest predictions (default 5).

    >>> metric = TopKCategoricalAccuracy(k=2)
    >>> round(float(metric([[0, 0, 1], [0, 0, 1]], [[0.1, 0.5, 0.4], [0.5, 0.4, 0.1]])), 4)
    0.5
    """

    _direction = "up"
    _config_keys = ("k",)

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


@builtin("keras.metrics")
class SparseTopKCategoricalAccuracy(NamedMetric):
    """How often the integer label is among the `k` largest predictions (default 5).

    With `from_sorted_ids` predictions are class numbers, the best first.

    >>> metric = SparseTopKCategoricalAccuracy(k=2)
    >>> round(float(metric([2, 2], [[0.1, 0.5, 0.4], [0.5, 0.4, 0.1]])), 4)
    0.5
    """

    _direction = "up"
    _config_keys = ("k",)
    _extra_keys: ClassVar[dict[str, Any]] = {"from_sorted_ids": False}

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        options = {"k": k, "from_sorted_ids": from_sorted_ids}
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, **options)
