"""The base class of losses, and how the values of single elements become one number."""

from typing import Any, Self

import numpy as np

import lapis.core.config as config
import lapis.core.dtype_policies as dtype_policies
import lapis.core.nest as nest
import lapis.ops as ops
from lapis.core.naming import auto_name
from lapis.core.serialization import builtin
from lapis.graph import get_logits, get_mask, set_logits
from lapis.state import get_real_rows, real_size, zero_padding

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


@builtin("keras.losses")
class Loss:
    """How far predictions are from targets: a subclass writes `call(y_true, y_pred)`, one value per element.

    Called as `loss(y_true, y_pred, sample_weight=None)`, it casts both to its dtype, multiplies the values by the
    weights and by the mask that `y_pred` carries, and reduces them:

    - `"sum_over_batch_size"` (default) or `"mean"`: the mean over all elements (over those the mask keeps);
    - `"mean_with_sample_weight"`: the weighted sum over the sum of the weights;
    - `"sum"`: the sum;
    - `"none"` or `None`: no reduction.

    `name` defaults to the class's name in snake case, `dtype` (a type or a policy) to `floatx()`.
    An unknown reduction is a `ValueError`.

    >>> class Largest(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return ops.max(ops.abs(y_true - y_pred), axis=-1)
    >>> float(Largest()([[1.0, 2.0]], [[1.5, 4.0]]))
    2.0
    """

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        self.name = name or auto_name(type(self).__name__)
        self.reduction = standardize_reduction(reduction)
        self._dtype_policy = dtype_policies.get(dtype or config.floatx())
        self._dtype = self._dtype_policy.compute_dtype

    @property
    def dtype(self) -> str:
        """The type that values are computed in."""
        return self._dtype

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss; `sample_weight` has the shape of the values, or leaves out trailing axes."""
        in_mask = None if nest.is_nested(y_pred) else get_mask(y_pred)
        y_pred, y_true = self._convert(y_pred), self._convert(y_true)
        values = self.call(y_true, y_pred)
        mask = _both(in_mask, get_mask(values))
        return reduce_weighted_values(values, sample_weight, mask, self.reduction, self.dtype)

    def _convert(self, x: Any) -> Any:
        # A list of numbers is an array, a list of arrays a structure.
        if isinstance(x, (list, tuple)) and all(isinstance(leaf, (int, float, np.generic)) for leaf in nest.flatten(x)):
            return ops.convert_to_tensor(x, dtype=self.dtype)
        return nest.map_structure(self._convert_one, x)

    def _convert_one(self, x: Any) -> Any:
        converted = ops.convert_to_tensor(x, dtype=self.dtype)
        set_logits(converted, get_logits(x))
        return converted

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One value per element, before weights and reduction."""
        raise NotImplementedError(f"{type(self).__name__} has no call(y_true, y_pred); write one.")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The loss that `get_config()` describes."""
        return cls(**config)


def _both(mask: Any, other: Any) -> Any:
    if mask is None or other is None:
        return other if mask is None else mask
    return ops.logical_and(mask, other)


def standardize_reduction(reduction: str | None) -> str | None:
    """The reduction itself, a `ValueError` where there is none of that name."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction is {reduction!r}; expected one of {', '.join(map(repr, REDUCTIONS))}.")
    return reduction


def squeeze_or_expand_to_same_rank(x1: Any, x2: Any, expand_rank_1: bool = True) -> tuple[Any, Any]:
    """Both with the same rank, where they differ by one last axis of size 1.

    That axis is dropped, except beside a vector, which gains one (unless `expand_rank_1` is false).
    Other differences of rank are left alone.
    """
    rank1, rank2 = len(x1.shape), len(x2.shape)
    if rank1 == rank2 + 1 and x1.shape[-1] == 1:
        if rank2 == 1 and expand_rank_1:
            return x1, ops.expand_dims(x2, axis=-1)
        return ops.squeeze(x1, axis=-1), x2
    if rank2 == rank1 + 1 and x2.shape[-1] == 1:
        if rank1 == 1 and expand_rank_1:
            return ops.expand_dims(x1, axis=-1), x2
        return x1, ops.squeeze(x2, axis=-1)
    return x1, x2


def apply_mask(sample_weight: Any, mask: Any, dtype: str, reduction: str | None) -> Any:
    """The weights with masked elements at zero; `None` where there are neither weights nor a mask.

    Under a mean, the kept elements are scaled by `total / kept`: dividing by the total afterwards then gives the mean
    over the kept ones.
    """
    if mask is None:
        return sample_weight
    mask = ops.cast(mask, dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        total = ops.cast(real_size(mask), dtype)
        mask = mask * ops.divide_no_nan(total, ops.sum(zero_padding(mask)))
    if sample_weight is None:
        return mask
    mask, sample_weight = squeeze_or_expand_to_same_rank(mask, ops.cast(sample_weight, dtype))
    return sample_weight * mask


def reduce_values(values: Any, sample_weight: Any = None, reduction: str | None = "sum_over_batch_size") -> Any:
    """The (already weighted) values as one number, or as they are for `"none"`."""
    if reduction in (None, "none") or tuple(values.shape) in ((), (0,)):
        return values
    total = ops.sum(zero_padding(values))
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        rows = get_real_rows()
        per_row = rows is not None and sample_weight.shape[:1] == (rows.size,)
        divisor = ops.sum(zero_padding(sample_weight) if per_row else sample_weight)
    else:
        divisor = real_size(values)
    return ops.divide_no_nan(total, ops.cast(divisor, total.dtype))


def reduce_weighted_values(
    values: Any,
    sample_weight: Any = None,
    mask: Any = None,
    reduction: str | None = "sum_over_batch_size",
    dtype: Any = None,
) -> Any:
    """The values times weights and mask, reduced."""
    standardize_reduction(reduction)
    values = ops.convert_to_tensor(values, dtype=dtype)
    if sample_weight is not None:
        sample_weight = ops.convert_to_tensor(sample_weight, dtype=dtype)
    sample_weight = apply_mask(sample_weight, mask, values.dtype, reduction)
    if sample_weight is not None:
        values, sample_weight = squeeze_or_expand_to_same_rank(values, ops.cast(sample_weight, values.dtype))
        values = values * sample_weight
    return reduce_values(values, sample_weight, reduction)


def same_kind(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Targets in the type of the predictions, both of the same rank; a `ValueError` where they cannot be compared."""
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=y_pred.dtype)
    y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
    for true_size, pred_size in zip(reversed(y_true.shape), reversed(y_pred.shape)):
        if true_size != pred_size and not {1, None} & {true_size, pred_size}:
            raise ValueError(
                f"Targets of shape {tuple(y_true.shape)} cannot be compared with predictions of shape "
                f"{tuple(y_pred.shape)}; give targets of the predictions' shape."
            )
    return y_true, y_pred
