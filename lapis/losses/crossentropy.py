"""Crossentropies between labels and predicted probabilities or logits."""

import warnings
from typing import Any

import lapis.core.config as config
import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.graph import get_logits, set_mask
from lapis.losses.wrapper import NamedLoss


def _check_axis(axis: Any) -> None:
    if isinstance(axis, bool):
        raise ValueError(f"axis must be an integer; got axis={axis}.")


def _smooth_classes(y_true: Any, label_smoothing: float) -> Any:
    if not label_smoothing:
        return y_true
    return y_true * (1.0 - label_smoothing) + label_smoothing / ops.cast(ops.shape(y_true)[-1], y_true.dtype)


def _smooth_binary(y_true: Any, label_smoothing: float) -> Any:
    return y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y_true


def _logits_of(y_pred: Any, from_logits: bool, function: str, axis: int | None = None) -> tuple[Any, bool]:
    """Predictions and whether they are logits: in place of probabilities that a model has just made of logits, those.

    A crossentropy of logits has an exact gradient where probabilities are too close to 0 or 1 for one.
    """
    logits = None if from_logits else get_logits(y_pred)
    y_pred = ops.convert_to_tensor(y_pred)
    if logits is None or logits.function != function or (axis is not None and axis % len(y_pred.shape) != logits.axis):
        return y_pred, from_logits
    return ops.cast(logits.values, y_pred.dtype), True


def _warn_if_single_class(function: str, y_pred: Any) -> None:
    if y_pred.shape[-1] == 1:
        warnings.warn(
            f"{function} got y_pred of shape {tuple(y_pred.shape)}, a single class, whose probability is always 1. "
            "For two classes with one output use binary_crossentropy.",
            SyntaxWarning,
            stacklevel=3,
        )


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """`-mean(y·log p + (1 - y)·log(1 - p))` along `axis`, for labels from 0 to 1.

    `y_pred` holds probabilities, or logits with `from_logits`. `label_smoothing` in 0…1 pulls labels towards 1/2.

    >>> round(float(binary_crossentropy([0.0, 1.0], [0.5, 0.5])), 4)
    0.6931
    """
    y_pred, from_logits = _logits_of(y_pred, from_logits, "sigmoid")
    y_true = _smooth_binary(ops.cast(y_true, y_pred.dtype), label_smoothing)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Binary crossentropy times `(1 - p_t)^gamma`, `p_t` the probability given to the label: hard cases count more.

    With `apply_class_balancing` the positive class is weighted by `alpha`, the negative by `1 - alpha`.
    Lin et al., *Focal Loss for Dense Object Detection*, https://arxiv.org/abs/1708.02002.

    >>> round(float(binary_focal_crossentropy([0.0, 1.0], [0.5, 0.5])), 4)
    0.1733
    """
    y_pred = ops.sigmoid(y_pred) if from_logits else ops.convert_to_tensor(y_pred)
    y_true = _smooth_binary(ops.cast(y_true, y_pred.dtype), label_smoothing)
    p_t = y_true * y_pred + (1 - y_true) * (1 - y_pred)
    losses = ops.power(1.0 - p_t, gamma) * ops.binary_crossentropy(y_true, *_logits_of(y_pred, False, "sigmoid"))
    if apply_class_balancing:
        losses = (y_true * alpha + (1 - y_true) * (1 - alpha)) * losses
    return ops.mean(losses, axis=axis)


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """`-sum(y·log p)` along `axis`, for one-hot labels or distributions `(…, classes)`; gives `(…,)`.

    Probabilities are first divided by their sum; with `from_logits` a softmax is part of the loss.
    `label_smoothing` spreads that share of each label evenly over the classes.

    >>> round(float(categorical_crossentropy([0.0, 1.0], [0.2, 0.8])), 4)
    0.2231
    """
    _check_axis(axis)
    y_pred, from_logits = _logits_of(y_pred, from_logits, "softmax", axis)
    _warn_if_single_class("categorical_crossentropy", y_pred)
    y_true = _smooth_classes(ops.cast(y_true, y_pred.dtype), label_smoothing)
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """`-sum(alpha·(1 - p)^gamma·y·log p)` along `axis`, for one-hot labels `(…, classes)`; gives `(…,)`.

    `alpha` is a number or one per class. Lin et al., https://arxiv.org/abs/1708.02002.

    >>> round(float(categorical_focal_crossentropy([0.0, 1.0], [0.5, 0.5])), 4)
    0.0433
    """
    _check_axis(axis)
    y_pred = ops.convert_to_tensor(y_pred)
    _warn_if_single_class("categorical_focal_crossentropy", y_pred)
    y_true = _smooth_classes(ops.cast(y_true, y_pred.dtype), label_smoothing)
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    p = ops.clip(y_pred / ops.sum(y_pred, axis=axis, keepdims=True), config.epsilon(), 1.0 - config.epsilon())
    logits, remembered = _logits_of(y_pred, False, "softmax", axis)
    log_p = ops.log_softmax(logits, axis=axis) if remembered else ops.log(p)
    return ops.sum(ops.multiply(ops.power(1.0 - p, gamma), alpha) * -y_true * log_p, axis=axis)


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """`-log p[y]` for integer labels `(…)` and predictions `(…, classes)`; gives `(…)`.

    Elements labelled `ignore_class` give 0 and are masked, so that a mean leaves them out.

    >>> round(float(sparse_categorical_crossentropy([1], [[0.2, 0.8]])[0]), 4)
    0.2231
    """
    y_true = ops.convert_to_tensor(y_true)
    y_pred, from_logits = _logits_of(y_pred, from_logits, "softmax", axis)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[axis] == 1:
        y_true = ops.squeeze(y_true, axis=axis)
    if axis not in (-1, len(y_pred.shape) - 1):
        y_pred = ops.moveaxis(y_pred, axis, -1)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits)
    valid = ops.not_equal(y_true, ops.cast(ignore_class, y_pred.dtype))
    y_true = ops.where(valid, y_true, 0)
    y_pred = ops.where(ops.expand_dims(valid, -1), y_pred, 0)
    losses = ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits)
    losses = ops.where(valid, losses, 0.0)
    set_mask(losses, valid)
    return losses


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """`(1 - p[y]^q) / q` for integer labels `(…)` and probabilities `(…, classes)`: robust against wrong labels.

    It goes from crossentropy (`q` near 0) to the absolute error (`q` near 1).
    Zhang and Sabuncu, https://arxiv.org/abs/1805.07836.

    >>> round(float(categorical_generalized_cross_entropy([1], [[0.75, 0.25]], 0.5)[0]), 4)
    1.0
    """
    y_pred = ops.convert_to_tensor(y_pred)
    one_hot = ops.one_hot(ops.cast(y_true, "int32"), ops.shape(y_pred)[-1], dtype=y_pred.dtype)
    return (1 - ops.power(ops.sum(y_pred * one_hot, axis=-1), q)) / q


@builtin("keras.losses")
class BinaryCrossentropy(NamedLoss):
    """Crossentropy of independent yes-or-no labels, see `binary_crossentropy`.

    >>> round(float(BinaryCrossentropy(from_logits=True)([[0.0, 1.0]], [[0.0, 0.0]])), 4)
    0.6931
    """

    _config_keys = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(binary_crossentropy, reduction, name, dtype, **options)


@builtin("keras.losses")
class BinaryFocalCrossentropy(NamedLoss):
    """Binary crossentropy that weighs hard cases more, see `binary_focal_crossentropy`.

    >>> round(float(BinaryFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.1733
    """

    _config_keys = ("from_logits", "label_smoothing", "axis", "apply_class_balancing", "alpha", "gamma")

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        options = {"apply_class_balancing": apply_class_balancing, "alpha": alpha, "gamma": gamma}
        options |= {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(binary_focal_crossentropy, reduction, name, dtype, **options)


@builtin("keras.losses")
class CategoricalCrossentropy(NamedLoss):
    """Crossentropy of one-hot labels or distributions over classes, see `categorical_crossentropy`.

    >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.2231
    """

    _config_keys = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_crossentropy, reduction, name, dtype, **options)


@builtin("keras.losses")
class CategoricalFocalCrossentropy(NamedLoss):
    """Crossentropy of one-hot labels that weighs hard cases more, see `categorical_focal_crossentropy`.

    >>> round(float(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.0433
    """

    _config_keys = ("from_logits", "label_smoothing", "axis", "alpha", "gamma")

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        options = {"alpha": alpha, "gamma": gamma}
        options |= {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_focal_crossentropy, reduction, name, dtype, **options)


@builtin("keras.losses")
class SparseCategoricalCrossentropy(NamedLoss):
    """Crossentropy of integer labels, see `sparse_categorical_crossentropy`.

    >>> round(float(SparseCategoricalCrossentropy()([1, 0], [[0.2, 0.8], [0.5, 0.5]])), 4)
    0.4581
    """

    _config_keys = ("from_logits", "ignore_class")
    _extra_keys = {"axis": -1}  # noqa: RUF012

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(sparse_categorical_crossentropy, reduction, name, dtype, **options)


@builtin("keras.losses")
class CategoricalGeneralizedCrossEntropy(NamedLoss):
    """Crossentropy of integer labels that forgives wrong ones, see `categorical_generalized_cross_entropy`.

    `q` lies strictly between 0 and 1 (default 0.5), anything else is a `ValueError`.

    >>> round(float(CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]])), 4)
    1.0
    """

    _config_keys = ("q",)

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        if not 0 < q < 1:
            raise ValueError(f"q must lie strictly between 0 and 1; got q={q}.")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)
