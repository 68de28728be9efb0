"""Numbers of true and false positives and negatives, precision and recall."""

from typing import Any, ClassVar

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.metrics.confusion import LOWEST, count, evenly_distributed, parse_thresholds
from lapis.metrics.metric import Metric


class _Count(Metric):
    """One of the four counts, a number or one per threshold."""

    _counted: ClassVar[str]

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = parse_thresholds(thresholds, default=0.5)
        self._evenly = evenly_distributed(self.thresholds)
        self.accumulator = self.add_variable((len(self.thresholds),), "zeros", name="accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch of labels (0 or 1) and predictions in 0…1."""
        counts = count(
            y_true,
            y_pred,
            self.thresholds,
            evenly=self._evenly,
            dtype=self.accumulator.dtype,
            sample_weight=sample_weight,
        )
        self.accumulator.assign_add(getattr(counts, self._counted))

    def result(self) -> Any:
        return self.accumulator[0] if len(self.thresholds) == 1 else ops.convert_to_tensor(self.accumulator)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {**super().get_config(), "thresholds": self.init_thresholds}


@builtin("keras.metrics")
class TruePositives(_Count):
    """How many positives were predicted positive, at `thresholds` (default 0.5).

    >>> metric = TruePositives()
    >>> float(metric([0, 1, 1, 1], [1, 0, 1, 1]))
    2.0
    """

    _counted = "true_positives"


@builtin("keras.metrics")
class FalsePositives(_Count):
    """How many negatives were predicted positive, at `thresholds` (default 0.5).

    >>> metric = FalsePositives()
    >>> round(float(metric([0, 1, 1, 1], [1, 0, 1, 1])), 4)
    1.0
    """

    _counted = "false_positives"


@builtin("keras.metrics")
class TrueNegatives(_Count):
    """How many negatives were predicted negative, at `thresholds` (default 0.5).

    >>> metric = TrueNegatives()
    >>> round(float(metric([0, 0, 1, 1], [1, 0, 1, 1])), 4)
    1.0
    """

    _counted = "true_negatives"


@builtin("keras.metrics")
class FalseNegatives(_Count):
    """How many positives were predicted negative, at `thresholds` (default 0.5).

    >>> metric = FalseNegatives()
    >>> round(float(metric([0, 1, 1, 1], [1, 0, 1, 1])), 4)
    1.0
    """

    _counted = "false_negatives"


class _Ratio(Metric):
    """True positives over themselves and one other count."""

    _direction = "up"
    _other: ClassVar[str]

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        self.thresholds = parse_thresholds(thresholds, default=0.5 if top_k is None else LOWEST)
        self._evenly = evenly_distributed(self.thresholds)
        shape = (len(self.thresholds),)
        self.true_positives = self.add_variable(shape, "zeros", name="true_positives")
        setattr(self, self._other, self.add_variable(shape, "zeros", name=self._other))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch of labels (0 or 1) and predictions in 0…1."""
        counts = count(
            y_true,
            y_pred,
            self.thresholds,
            evenly=self._evenly,
            dtype=self.true_positives.dtype,
            sample_weight=sample_weight,
            top_k=self.top_k,
            class_id=self.class_id,
        )
        self.true_positives.assign_add(counts.true_positives)
        getattr(self, self._other).assign_add(getattr(counts, self._other))

    def result(self) -> Any:
        ratio = ops.divide_no_nan(self.true_positives, self.true_positives + getattr(self, self._other))
        return ratio[0] if len(self.thresholds) == 1 else ratio

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        options = {"thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}
        return {**super().get_config(), **options}


@builtin("keras.metrics")
class Precision(_Ratio):
    """Of all predicted positive, the share that is: `tp / (tp + fp)`, 0 where there are none.

    `thresholds` (default 0.5) gives one value each; `top_k` counts the `k` largest predictions of each row as positive
    instead; `class_id` looks at one column only.

    >>> metric = Precision()
    >>> round(float(metric([0, 1, 1, 1], [1, 0, 1, 1])), 4)
    0.6667
    """

    _other = "false_positives"


@builtin("keras.metrics")
class Recall(_Ratio):
    """Of all positives, the share predicted so: `tp / (tp + fn)`, 0 where there are none.

    The arguments are those of `Precision`.

    >>> metric = Recall()
    >>> round(float(metric([0, 1, 1, 1], [1, 0, 1, 1])), 4)
    0.6667
    """

    _other = "false_negatives"
