"""Losses that ask for a margin. Labels are -1 and 1 (0 and 1 are taken for those), or one-hot."""

from typing import Any

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.losses.wrapper import NamedLoss
from lapis.state import zero_padding


def _to_signs(y_true: Any) -> Any:
    other = ops.logical_and(ops.not_equal(y_true, 0), ops.not_equal(y_true, 1))
    return ops.where(ops.any(zero_padding(other)), y_true, 2.0 * y_true - 1.0)


def _margin_shortfall(y_true: Any, y_pred: Any) -> Any:
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = _to_signs(ops.cast(y_true, y_pred.dtype))
    return ops.maximum(1.0 - y_true * y_pred, 0.0)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """`mean(max(1 - y_true·y_pred, 0))` over the last axis.

    Labels that are all 0 or 1 are read as -1 and 1.

    >>> float(hinge([-1.0, 1.0], [-2.0, 0.5]))
    0.25
    """
    return ops.mean(_margin_shortfall(y_true, y_pred), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """`mean(max(1 - y_true·y_pred, 0)²)` over the last axis.

    Labels that are all 0 or 1 are read as -1 and 1.

    >>> float(squared_hinge([-1.0, 1.0], [-2.0, 0.0]))
    0.5
    """
    return ops.mean(ops.square(_margin_shortfall(y_true, y_pred)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """`max(best wrong score - right score + 1, 0)` for one-hot labels `(…, classes)`; gives `(…,)`.

    >>> float(categorical_hinge([0.0, 1.0, 0.0], [0.25, 0.5, 0.0]))
    0.75
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(y_true, y_pred.dtype)
    right = ops.sum(y_true * y_pred, axis=-1)
    wrong = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(wrong - right + 1.0, 0.0)


@builtin("keras.losses")
class Hinge(NamedLoss):
    """The shortfall from a margin of 1, see `hinge`.

    >>> float(Hinge()([[-1.0, 1.0]], [[-2.0, 0.5]]))
    0.25
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "hinge", dtype: Any = None
    ) -> None:
        super().__init__(hinge, reduction, name, dtype)


@builtin("keras.losses")
class SquaredHinge(NamedLoss):
    """The squared shortfall from a margin of 1, see `squared_hinge`.

    >>> round(float(SquaredHinge()([[-1.0, 1.0]], [[-2.0, 0.0]])), 4)
    0.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "squared_hinge", dtype: Any = None
    ) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


@builtin("keras.losses")
class CategoricalHinge(NamedLoss):
    """The shortfall of the right class's score from the best wrong one's plus 1, see `categorical_hinge`.

    >>> round(float(CategoricalHinge()([[0.0, 1.0, 0.0]], [[0.25, 0.5, 0.0]])), 4)
    0.75
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "categorical_hinge", dtype: Any = None
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)
