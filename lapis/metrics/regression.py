"""Means of errors between real numbers."""

from typing import Any, ClassVar

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.losses import regression as losses
from lapis.losses.loss import squeeze_or_expand_to_same_rank
from lapis.metrics.reduction import Mean, NamedMetric


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The cosine of the angle between the vectors along `axis`: 1 for the same direction."""
    return -losses.cosine_similarity(y_true, y_pred, axis=axis)


@builtin("keras.metrics")
class MeanSquaredError(NamedMetric):
    """The mean of squared differences.

    >>> metric = MeanSquaredError()
    >>> float(metric([[0.0, 1.0]], [[1.0, 1.0]]))
    0.5
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_error, name, dtype)


@builtin("keras.metrics")
class MeanAbsoluteError(NamedMetric):
    """The mean of absolute differences.

    >>> metric = MeanAbsoluteError()
    >>> round(float(metric([[0.0, 1.0]], [[1.0, 1.0]])), 4)
    0.5
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_error, name, dtype)


@builtin("keras.metrics")
class MeanAbsolutePercentageError(NamedMetric):
    """The mean of absolute differences in percent of the target.

    >>> metric = MeanAbsolutePercentageError()
    >>> round(float(metric([[1.0, 2.0]], [[1.0, 4.0]])), 4)
    50.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


@builtin("keras.metrics")
class MeanSquaredLogarithmicError(NamedMetric):
    """The mean of squared differences of `log(1 + x)`.

    >>> metric = MeanSquaredLogarithmicError()
    >>> round(float(metric([[0.0, 3.0]], [[0.0, 1.0]])), 4)
    0.2402
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


@builtin("keras.metrics")
class RootMeanSquaredError(Mean):
    """The square root of the mean of squared differences over everything seen.

    >>> metric = RootMeanSquaredError()
    >>> float(metric([[0.0, 0.0]], [[2.0, 2.0]]))
    2.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype=dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # pyright: ignore
        """Take in a batch of targets and predictions."""
        y_true = ops.convert_to_tensor(y_true, self.dtype)
        y_pred = ops.convert_to_tensor(y_pred, self.dtype)
        y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        super().update_state(ops.square(y_pred - y_true), sample_weight)

    def result(self) -> Any:
        return ops.sqrt(super().result())


@builtin("keras.metrics")
class CosineSimilarity(NamedMetric):
    """The mean cosine of the angle between vectors along `axis` (default the last).

    >>> metric = CosineSimilarity()
    >>> round(float(metric([[0.0, 2.0]], [[1.0, 1.0]])), 4)
    0.7071
    """

    _direction = "up"
    _extra_keys: ClassVar[dict[str, Any]] = {"axis": -1}

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)


@builtin("keras.metrics")
class LogCoshError(NamedMetric):
    """The mean logarithm of the hyperbolic cosine of the error.

    >>> metric = LogCoshError()
    >>> round(float(metric([[0.0, 0.0]], [[1.0, 0.0]])), 4)
    0.2169
    """

    _direction = "down"

    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(losses.log_cosh, name, dtype)
