"""Losses between real numbers. Each function takes `(…, size)` twice and gives `(…,)`, a mean over the last axis."""

from typing import Any

import lapis.core.config as config
import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.losses.loss import same_kind
from lapis.losses.wrapper import NamedLoss


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """`mean((y_true - y_pred)²)`.

    >>> float(mean_squared_error([1.0, 2.0], [1.0, 4.0]))
    2.0
    """
    y_true, y_pred = same_kind(y_true, y_pred)
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """`mean(|y_true - y_pred|)`.

    >>> float(mean_absolute_error([1.0, 2.0], [1.0, 4.0]))
    1.0
    """
    y_true, y_pred = same_kind(y_true, y_pred)
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """`100 · mean(|y_true - y_pred| / max(|y_true|, epsilon))`, in percent.

    >>> float(mean_absolute_percentage_error([1.0, 2.0], [1.0, 4.0]))
    50.0
    """
    y_true, y_pred = same_kind(y_true, y_pred)
    epsilon = ops.cast(config.epsilon(), y_pred.dtype)
    return 100.0 * ops.mean(ops.abs((y_true - y_pred) / ops.maximum(ops.abs(y_true), epsilon)), axis=-1)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """`mean((log(1 + y_true) - log(1 + y_pred))²)`, both first raised to at least epsilon.

    >>> round(float(mean_squared_logarithmic_error([0.0, 3.0], [0.0, 1.0])), 4)
    0.2402
    """
    y_true, y_pred = same_kind(y_true, y_pred)

    def log1p(x: Any) -> Any:
        return ops.log(ops.maximum(x, config.epsilon()) + 1.0)

    return ops.mean(ops.square(log1p(y_pred) - log1p(y_true)), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """The mean of `e²/2` where the error `e` is at most `delta`, of `delta·(|e| - delta/2)` beyond.

    Huber, *Robust Estimation of a Location Parameter*, 1964.

    >>> float(huber([0.0, 0.0], [1.0, 3.0]))
    1.5
    """
    y_true, y_pred = same_kind(y_true, y_pred)
    delta = ops.cast(delta, y_pred.dtype)
    error = ops.abs(y_pred - y_true)
    return ops.mean(ops.where(error <= delta, 0.5 * ops.square(error), delta * (error - 0.5 * delta)), axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """`mean(log(cosh(y_pred - y_true)))`, without overflow for large errors.

    >>> round(float(log_cosh([0.0, 0.0], [1.0, 0.0])), 4)
    0.2169
    """
    y_true, y_pred = same_kind(y_true, y_pred)
    error = y_pred - y_true
    log2 = ops.cast(0.6931471805599453, y_pred.dtype)
    return ops.mean(error + ops.softplus(-2.0 * error) - log2, axis=-1)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle between the vectors along `axis`: -1 for the same direction.

    A vector of zeros gives 0.

    >>> float(cosine_similarity([[0.0, 2.0]], [[0.0, 1.0]])[0])
    -1.0
    """
    y_true, y_pred = same_kind(y_true, y_pred)
    return -ops.sum(ops.normalize(y_true, axis=axis) * ops.normalize(y_pred, axis=axis), axis=axis)


@builtin("keras.losses")
class MeanSquaredError(NamedLoss):
    """The mean of squared differences, see `mean_squared_error`.

    >>> float(MeanSquaredError()([[0.0, 1.0]], [[1.0, 1.0]]))
    0.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_squared_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


@builtin("keras.losses")
class MeanAbsoluteError(NamedLoss):
    """The mean of absolute differences, see `mean_absolute_error`.

    >>> round(float(MeanAbsoluteError()([[0.0, 1.0]], [[1.0, 1.0]])), 4)
    0.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_absolute_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


@builtin("keras.losses")
class MeanAbsolutePercentageError(NamedLoss):
    """The mean of absolute differences in percent of the target, see `mean_absolute_percentage_error`.

    >>> round(float(MeanAbsolutePercentageError()([[1.0, 2.0]], [[1.0, 4.0]])), 4)
    50.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


@builtin("keras.losses")
class MeanSquaredLogarithmicError(NamedLoss):
    """The mean of squared differences of logarithms, see `mean_squared_logarithmic_error`.

    >>> round(float(MeanSquaredLogarithmicError()([[0.0, 3.0]], [[0.0, 1.0]])), 4)
    0.2402
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


@builtin("keras.losses")
class Huber(NamedLoss):
    """Quadratic for errors up to `delta` (default 1), linear beyond, see `huber`.

    >>> round(float(Huber()([[0.0, 0.0]], [[1.0, 3.0]])), 4)
    1.5
    """

    _extra_keys = {"delta": 1.0}  # noqa: RUF012

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


@builtin("keras.losses")
class LogCosh(NamedLoss):
    """The logarithm of the hyperbolic cosine of the error, see `log_cosh`.

    >>> round(float(LogCosh()([[0.0, 0.0]], [[1.0, 0.0]])), 4)
    0.2169
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "log_cosh", dtype: Any = None
    ) -> None:
        super().__init__(log_cosh, reduction, name, dtype)


@builtin("keras.losses")
class CosineSimilarity(NamedLoss):
    """Minus the cosine of the angle between vectors along `axis` (default the last), see `cosine_similarity`.

    >>> round(float(CosineSimilarity()([[0.0, 2.0]], [[1.0, 1.0]])), 4)
    -0.7071
    """

    _extra_keys = {"axis": -1}  # noqa: RUF012

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)
