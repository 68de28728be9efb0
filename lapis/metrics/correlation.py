"""How predictions vary with targets along an axis."""

from typing import Any

import lapis.core.config as config
import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.losses.loss import same_kind
from lapis.metrics.reduction import NamedMetric


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Pearson's correlation coefficient along `axis`, from -1 to 1.

    >>> round(float(pearson_correlation([[1.0, 2.0, 3.0]], [[2.0, 4.0, 6.0]])[0]), 4)
    1.0
    """
    y_true, y_pred = same_kind(y_true, y_pred)

    def standardized(x: Any) -> Any:
        centred = x - ops.mean(x, axis=axis, keepdims=True)
        return centred / ops.std(centred, axis=axis, keepdims=True)

    return ops.mean(standardized(y_true) * standardized(y_pred), axis=axis)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Lin's concordance: Pearson's correlation, less what differs in mean and spread.

    Lin, *A Concordance Correlation Coefficient to Evaluate Reproducibility*, 1989.

    >>> round(float(concordance_correlation([[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0]])[0]), 4)
    1.0
    """
    y_true, y_pred = same_kind(y_true, y_pred)
    mean_true, mean_pred = (ops.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred))
    spread = ops.var(y_true, axis=axis, keepdims=True) + ops.var(y_pred, axis=axis, keepdims=True)
    covariance = (y_true - mean_pred) * (y_pred - mean_pred)
    return ops.mean(2 * covariance / (spread + ops.square(mean_true - mean_pred) + config.epsilon()), axis=axis)


@builtin("keras.metrics")
class PearsonCorrelation(NamedMetric):
    """The mean of Pearson's correlation coefficients along `axis` (default the last).

    >>> metric = PearsonCorrelation()
    >>> round(float(metric([[1.0, 2.0, 3.0]], [[2.0, 3.0, 4.0]])), 4)
    1.0
    """

    _direction = "up"
    _config_keys = ("axis",)

    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)


@builtin("keras.metrics")
class ConcordanceCorrelation(NamedMetric):
    """The mean of Lin's concordance coefficients along `axis` (default the last).

    >>> metric = ConcordanceCorrelation()
    >>> round(float(metric([[1.0, 2.0, 3.0]], [[2.0, 3.0, 4.0]])), 4)
    0.5714
    """

    _direction = "up"
    _config_keys = ("axis",)

    def __init__(self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)
