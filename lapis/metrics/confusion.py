"""Counting true and false positives and negatives at thresholds."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import lapis.core.config as config
import lapis.ops as ops
from lapis.losses.loss import squeeze_or_expand_to_same_rank
from lapis.state import zero_padding

# The threshold of predictions that are filtered by rank: all that the filter keeps lie above it.
LOWEST = -1e10


class Counts(NamedTuple):
    """Weights of elements by label and prediction per threshold: `(thresholds,)` or `(thresholds, labels)`."""

    true_positives: Any
    false_positives: Any
    true_negatives: Any
    false_negatives: Any


def parse_thresholds(thresholds: Any, default: float) -> list[float]:
    """Thresholds as a list; a `ValueError` if one is outside of 0…1."""
    if thresholds is None:
        return [default]
    thresholds = list(thresholds) if isinstance(thresholds, (list, tuple)) else [thresholds]
    wrong = [t for t in thresholds if t is None or not 0 <= t <= 1]
    if wrong:
        raise ValueError(f"thresholds must lie between 0 and 1; got {wrong}.")
    return thresholds


def evenly_distributed(thresholds: Sequence[float]) -> bool:
    """Whether there are three thresholds or more, at equal distances from 0 to 1."""
    count = len(thresholds)
    return count >= 3 and bool(np.allclose(thresholds, np.linspace(0.0, 1.0, count), atol=config.epsilon()))


def count(
    y_true: Any,
    y_pred: Any,
    thresholds: Sequence[float],
    *,
    evenly: bool,
    dtype: str,
    sample_weight: Any = None,
    top_k: int | None = None,
    class_id: int | None = None,
    multi_label: bool = False,
    label_weights: Any = None,
) -> Counts:
    """What a batch adds to the counts: an element is predicted positive where `y_pred > threshold`.

    `top_k` looks only at the `k` largest predictions of each row, `class_id` only at one column; `multi_label` counts
    each column by itself; `evenly` says that the thresholds are, which allows counting by buckets.
    """
    y_pred, y_true = squeeze_or_expand_to_same_rank(ops.cast(y_pred, dtype), ops.cast(y_true, dtype))
    if sample_weight is not None:
        sample_weight = ops.expand_dims(ops.cast(sample_weight, dtype), axis=-1)
        _, sample_weight = squeeze_or_expand_to_same_rank(y_true, sample_weight, expand_rank_1=False)
    if top_k is not None:
        y_pred = _keep_top_k(y_pred, top_k)
    if class_id is not None:
        if len(y_pred.shape) == 1:
            raise ValueError(f"class_id needs predictions of shape (batch, classes); got {tuple(y_pred.shape)}.")
        y_true, y_pred = y_true[..., class_id, None], y_pred[..., class_id, None]

    weights = ops.ones_like(y_pred)
    if sample_weight is not None:
        weights = weights * sample_weight
    if label_weights is not None:
        weights = weights * ops.expand_dims(ops.cast(label_weights, dtype), 0)
    weights = zero_padding(weights)
    columns = y_pred.shape[-1] if multi_label else 1
    y_true, y_pred, weights = (ops.reshape(x, (-1, columns)) for x in (y_true, y_pred, weights))

    positive = weights * ops.cast(ops.cast(y_true, "bool"), dtype)
    negative = weights - positive
    above = _weight_above_evenly if evenly else _weight_above
    true_positives, false_positives = (above(x, y_pred, thresholds) for x in (positive, negative))
    counts = Counts(
        true_positives,
        false_positives,
        ops.sum(negative, axis=0) - false_positives,
        ops.sum(positive, axis=0) - true_positives,
    )
    return counts if multi_label else Counts(*(ops.squeeze(x, axis=1) for x in counts))


def _weight_above(weights: Any, y_pred: Any, thresholds: Sequence[float]) -> Any:
    limits = ops.reshape(ops.convert_to_tensor(thresholds, dtype=y_pred.dtype), (-1, 1, 1))
    return ops.sum(ops.where(ops.expand_dims(y_pred, 0) > limits, weights, 0.0), axis=1)


def _weight_above_evenly(weights: Any, y_pred: Any, thresholds: Sequence[float]) -> Any:
    # Thresholds i / (n - 1): each prediction lies above `bucket` many of them, so one histogram and a sum from the
    # right replace n comparisons.
    n, columns = len(thresholds), weights.shape[-1]
    bucket = ops.ceil(ops.clip(y_pred, 0.0, 1.0) * (n - 1))
    if thresholds[0] < 0.0:
        bucket = ops.maximum(bucket, 1.0)
    index = ops.cast(bucket, "int32") * columns + ops.arange(columns, dtype="int32")
    sums = ops.segment_sum(ops.reshape(weights, (-1,)), ops.reshape(index, (-1,)), num_segments=(n + 1) * columns)
    from_right = ops.flip(ops.cumsum(ops.flip(ops.reshape(sums, (n + 1, columns)), axis=0), axis=0), axis=0)
    return from_right[1:]


def _keep_top_k(y_pred: Any, k: int) -> Any:
    _, indices = ops.top_k(y_pred, k)
    kept = ops.sum(ops.one_hot(indices, y_pred.shape[-1], dtype=y_pred.dtype), axis=-2)
    return y_pred * kept + LOWEST * (1 - kept)
