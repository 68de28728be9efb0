"""Losses between distributions and counts."""

from typing import Any

import lapis.core.config as config
import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.losses.wrapper import NamedLoss


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """`sum(y_true·log(y_true / y_pred))` for distributions `(…, classes)`; gives `(…,)`.

    Both are first clipped to epsilon…1. Kullback and Leibler, *On Information and Sufficiency*, 1951.

    >>> round(float(kl_divergence([0.5, 0.5], [0.25, 0.75])), 4)
    0.1438
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.clip(ops.convert_to_tensor(y_true, y_pred.dtype), config.epsilon(), 1)
    y_pred = ops.clip(y_pred, config.epsilon(), 1)
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """`mean(y_pred - y_true·log(y_pred + epsilon))` over the last axis, for counts and their predicted rates.

    >>> round(float(poisson([1.0, 2.0], [1.0, 2.0])), 4)
    0.8069
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=y_pred.dtype)
    return ops.mean(y_pred - y_true * ops.log(y_pred + config.epsilon()), axis=-1)


@builtin("keras.losses")
class KLDivergence(NamedLoss):
    """How much a predicted distribution misses of the true one, see `kl_divergence`.

    >>> round(float(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])), 4)
    0.1438
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "kl_divergence", dtype: Any = None
    ) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)


@builtin("keras.losses")
class Poisson(NamedLoss):
    """Negative log-likelihood of counts under predicted rates, up to a constant, see `poisson`.

    >>> round(float(Poisson()([[1.0, 2.0]], [[1.0, 2.0]])), 4)
    0.8069
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "poisson", dtype: Any = None
    ) -> None:
        super().__init__(poisson, reduction, name, dtype)
