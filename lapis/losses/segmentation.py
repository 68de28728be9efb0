"""Losses that measure how two regions overlap."""

from typing import Any

import lapis.core.config as config
import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.losses.wrapper import NamedLoss
from lapis.state import zero_padding


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """`1 - 2·sum(y_true·y_pred) / (sum(y_true) + sum(y_pred))` over `axis` (default all axes).

    >>> round(float(dice([1.0, 1.0, 0.0], [1.0, 0.0, 0.0])), 4)
    0.3333
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(y_true, y_pred.dtype)
    y_true, y_pred = zero_padding(y_true), zero_padding(y_pred)
    overlap = ops.sum(y_true * y_pred, axis=axis)
    return 1 - 2.0 * overlap / (ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis) + config.epsilon())


def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Any:
    """`1 - overlap / (overlap + alpha·missed + beta·extra)` over `axis` (default all axes).

    The overlap is `sum(y_true·y_pred)`, missed is `sum(y_true·(1 - y_pred))`, extra `sum(y_pred·(1 - y_true))`.
    Salehi et al., https://arxiv.org/abs/1706.05721.

    >>> round(float(tversky([1.0, 1.0, 0.0], [1.0, 0.0, 0.0])), 4)
    0.3333
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(y_true, y_pred.dtype)
    y_true, y_pred = zero_padding(y_true), zero_padding(y_pred)
    overlap = ops.sum(y_true * y_pred, axis=axis)
    missed = ops.sum(y_true * (1 - y_pred), axis=axis)
    extra = ops.sum(y_pred * (1 - y_true), axis=axis)
    return 1 - overlap / (overlap + alpha * missed + beta * extra + config.epsilon())


def _check_axis(axis: Any) -> None:
    if axis is not None and not all(isinstance(a, int) for a in (axis if isinstance(axis, (list, tuple)) else [axis])):
        raise TypeError(f"axis is {axis!r}; expected an integer, several of them, or None for all axes.")


@builtin("keras.losses")
class Dice(NamedLoss):
    """One minus the Dice coefficient of two regions over `axis` (default all), see `dice`.

    >>> round(float(Dice()([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])), 4)
    0.3333
    """

    _config_keys = ("axis",)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        _check_axis(axis)
        super().__init__(dice, reduction, name, dtype, axis=axis)


@builtin("keras.losses")
class Tversky(NamedLoss):
    """Overlap of two regions, missed parts weighted by `alpha`, extra ones by `beta`, see `tversky`.

    >>> round(float(Tversky()([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])), 4)
    0.3333
    """

    _config_keys = ("alpha", "beta", "axis")

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        _check_axis(axis)
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
