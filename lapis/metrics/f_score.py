"""One number from precision and recall."""

from typing import Any

import lapis.core.config as config
import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.metrics.metric import Metric
from lapis.state import zero_padding

_AVERAGES = (None, "micro", "macro", "weighted")


@builtin("keras.metrics")
class FBetaScore(Metric):
    """`(1 + beta²)·precision·recall / (beta²·precision + recall)` of `(batch, classes)` labels and predictions.

    `average`: `None` gives one score per class, `"micro"` counts over all classes together, `"macro"` takes the mean
    of the classes' scores, `"weighted"` the mean weighted by how often a class occurs. With `threshold` (0 < t ≤ 1)
    every prediction above it counts as positive, without one the largest of each row.
    Wrong arguments and ranks are `ValueError`s.

    >>> metric = FBetaScore(beta=2.0, threshold=0.5)
    >>> metric([[1.0, 0.0], [1.0, 1.0]], [[0.9, 0.1], [0.2, 0.8]]).shape
    (2,)
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if average not in _AVERAGES:
            raise ValueError(f"average is {average!r}; expected one of {_AVERAGES}.")
        if not isinstance(beta, float) or beta <= 0.0:
            raise ValueError(f"beta must be a float above 0; got beta={beta!r}.")
        if threshold is not None and not (isinstance(threshold, float) and 0.0 < threshold <= 1.0):
            raise ValueError(f"threshold must be None or a float above 0, at most 1; got threshold={threshold!r}.")
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self.axis = None if average == "micro" else 0
        self._built = False

    def _build(self, y_true: Any, y_pred: Any) -> None:
        if len(y_true.shape) != 2 or len(y_pred.shape) != 2:
            raise ValueError(
                f"{type(self).__name__} takes labels and predictions of shape (batch, classes); got y_true of shape "
                f"{tuple(y_true.shape)} and y_pred of shape {tuple(y_pred.shape)}."
            )
        shape = () if self.average == "micro" else (y_pred.shape[-1],)
        self.true_positives = self.add_variable(shape, "zeros", dtype=self.dtype, name="true_positives")
        self.false_positives = self.add_variable(shape, "zeros", dtype=self.dtype, name="false_positives")
        self.false_negatives = self.add_variable(shape, "zeros", dtype=self.dtype, name="false_negatives")
        self.intermediate_weights = self.add_variable(shape, "zeros", dtype=self.dtype, name="intermediate_weights")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch; `sample_weight` has the shape `(batch,)`."""
        y_true = ops.convert_to_tensor(y_true, dtype=self.dtype)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        if not self._built:
            self._build(y_true, y_pred)
        if self.threshold is None:
            # A row of zeros has no largest prediction.
            largest = ops.max(y_pred, axis=-1, keepdims=True)
            positive = ops.logical_and(y_pred >= largest, ops.abs(y_pred) > 1e-9)
        else:
            positive = y_pred > self.threshold
        positive, y_true = zero_padding(ops.cast(positive, self.dtype)), zero_padding(y_true)
        weight = 1 if sample_weight is None else ops.expand_dims(ops.cast(sample_weight, self.dtype), 1)
        self.true_positives.assign_add(ops.sum(positive * y_true * weight, axis=self.axis))
        self.false_positives.assign_add(ops.sum(positive * (1 - y_true) * weight, axis=self.axis))
        self.false_negatives.assign_add(ops.sum((1 - positive) * y_true * weight, axis=self.axis))
        self.intermediate_weights.assign_add(ops.sum(y_true * weight, axis=self.axis))

    def result(self) -> Any:
        epsilon = config.epsilon()
        precision = self.true_positives / (self.true_positives + self.false_positives + epsilon)
        recall = self.true_positives / (self.true_positives + self.false_negatives + epsilon)
        beta2 = self.beta**2
        scores = (1 + beta2) * (precision * recall / (beta2 * precision + recall + epsilon))
        if self.average == "weighted":
            share = self.intermediate_weights / (ops.sum(self.intermediate_weights) + epsilon)
            return ops.sum(scores * share)
        return scores if self.average is None else ops.mean(scores)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        options = {"average": self.average, "beta": self.beta, "threshold": self.threshold}
        return {**super().get_config(), **options}


@builtin("keras.metrics")
class F1Score(FBetaScore):
    """The harmonic mean of precision and recall: `FBetaScore` with `beta=1`.

    >>> metric = F1Score(average="micro", threshold=0.5)
    >>> round(float(metric([[1.0, 0.0], [1.0, 1.0]], [[0.9, 0.1], [0.2, 0.8]])), 4)
    0.8
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        config = super().get_config()
        del config["beta"]
        return config
