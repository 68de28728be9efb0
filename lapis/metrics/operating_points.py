"""The best of one rate where another one is good enough."""

from typing import Any

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.metrics.confusion import count
from lapis.metrics.metric import Metric
from lapis.state import claim_memory


def _even_thresholds(num_thresholds: int) -> list[float]:
    return [i / (num_thresholds - 1) for i in range(num_thresholds)]


class _OperatingPoint(Metric):
    """Counts at even thresholds, from which a subclass takes two rates."""

    _direction = "up"

    def __init__(
        self, value: float, argument: str, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if not 0 <= value <= 1:
            raise ValueError(f"{argument} must lie between 0 and 1; got {argument}={value}.")
        if num_thresholds <= 0:
            raise ValueError(f"num_thresholds must be 1 or more; got num_thresholds={num_thresholds}.")
        claim_memory(f"{self.name}/thresholds", (4, num_thresholds), "float64")
        self.value = value
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self.thresholds = [0.5] if num_thresholds == 1 else _even_thresholds(num_thresholds)
        self._evenly = num_thresholds > 1
        self._argument = argument
        setattr(self, argument, value)
        shape = (num_thresholds,)
        self.true_positives = self.add_variable(shape, "zeros", name="true_positives")
        self.false_positives = self.add_variable(shape, "zeros", name="false_positives")
        self.true_negatives = self.add_variable(shape, "zeros", name="true_negatives")
        self.false_negatives = self.add_variable(shape, "zeros", name="false_negatives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch of labels (0 or 1) and predictions in 0…1."""
        counts = count(
            y_true,
            y_pred,
            self.thresholds,
            evenly=self._evenly,
            dtype=self.true_positives.dtype,
            sample_weight=sample_weight,
            class_id=self.class_id,
        )
        for name, value in counts._asdict().items():
            getattr(self, name).assign_add(value)

    def _sensitivity(self) -> Any:
        return ops.divide_no_nan(self.true_positives, self.true_positives + self.false_negatives)

    def _specificity(self) -> Any:
        return ops.divide_no_nan(self.true_negatives, self.true_negatives + self.false_positives)

    def _precision(self) -> Any:
        return ops.divide_no_nan(self.true_positives, self.true_positives + self.false_positives)

    def _best(self, wanted: Any, constrained: Any) -> Any:
        return ops.max(ops.where(constrained >= self.value, wanted, 0.0), initial=0)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        options = {"class_id": self.class_id, "num_thresholds": self.num_thresholds, self._argument: self.value}
        return {**super().get_config(), **options}


@builtin("keras.metrics")
class SensitivityAtSpecificity(_OperatingPoint):
    """The best sensitivity `tp / (tp + fn)` where the specificity `tn / (tn + fp)` is at least `specificity`.

    Both are taken at `num_thresholds` even thresholds; `class_id` looks at one column only.

    >>> metric = SensitivityAtSpecificity(0.5)
    >>> float(metric([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(specificity, "specificity", num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        return self._best(self._sensitivity(), self._specificity())


@builtin("keras.metrics")
class SpecificityAtSensitivity(_OperatingPoint):
    """The best specificity `tn / (tn + fp)` where the sensitivity `tp / (tp + fn)` is at least `sensitivity`.

    >>> metric = SpecificityAtSensitivity(0.5)
    >>> round(float(metric([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])), 4)
    0.6667
    """

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(sensitivity, "sensitivity", num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        return self._best(self._specificity(), self._sensitivity())


@builtin("keras.metrics")
class PrecisionAtRecall(_OperatingPoint):
    """The best precision `tp / (tp + fp)` where the recall `tp / (tp + fn)` is at least `recall`.

    >>> metric = PrecisionAtRecall(0.5)
    >>> round(float(metric([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])), 4)
    0.5
    """

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(recall, "recall", num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        return self._best(self._precision(), self._sensitivity())


@builtin("keras.metrics")
class RecallAtPrecision(_OperatingPoint):
    """The best recall `tp / (tp + fn)` where the precision `tp / (tp + fp)` is at least `precision`.

    >>> metric = RecallAtPrecision(0.8)
    >>> round(float(metric([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])), 4)
    0.5
    """

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(precision, "precision", num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        return self._best(self._sensitivity(), self._precision())
