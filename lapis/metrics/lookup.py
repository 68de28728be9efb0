"""Metrics by name."""

from typing import Any

from lapis.core.naming import to_snake_case
from lapis.core.serialization import builtin_functions, deserialize_keras_object, resolve, serialize_keras_object
from lapis.metrics import (
    accuracy,
    auc,
    correlation,
    counts,
    f_score,
    hinges,
    iou,
    operating_points,
    probabilistic,
    r2_score,
    reduction,
    regression,
)
from lapis.metrics.metric import Metric

CLASSES = (
    reduction.Mean,
    reduction.Sum,
    reduction.MeanMetricWrapper,
    regression.MeanSquaredError,
    regression.RootMeanSquaredError,
    regression.MeanAbsoluteError,
    regression.MeanAbsolutePercentageError,
    regression.MeanSquaredLogarithmicError,
    regression.CosineSimilarity,
    regression.LogCoshError,
    r2_score.R2Score,
    auc.AUC,
    counts.FalseNegatives,
    counts.FalsePositives,
    counts.TrueNegatives,
    counts.TruePositives,
    counts.Precision,
    counts.Recall,
    operating_points.PrecisionAtRecall,
    operating_points.RecallAtPrecision,
    operating_points.SensitivityAtSpecificity,
    operating_points.SpecificityAtSensitivity,
    correlation.ConcordanceCorrelation,
    correlation.PearsonCorrelation,
    hinges.Hinge,
    hinges.SquaredHinge,
    hinges.CategoricalHinge,
    probabilistic.KLDivergence,
    probabilistic.Poisson,
    probabilistic.BinaryCrossentropy,
    probabilistic.CategoricalCrossentropy,
    probabilistic.SparseCategoricalCrossentropy,
    accuracy.Accuracy,
    accuracy.BinaryAccuracy,
    accuracy.CategoricalAccuracy,
    accuracy.SparseCategoricalAccuracy,
    accuracy.TopKCategoricalAccuracy,
    accuracy.SparseTopKCategoricalAccuracy,
    f_score.F1Score,
    f_score.FBetaScore,
    iou.IoU,
    iou.BinaryIoU,
    iou.MeanIoU,
    iou.OneHotIoU,
    iou.OneHotMeanIoU,
)

_ALIASES: dict[str, Any] = {
    "bce": probabilistic.BinaryCrossentropy,
    "mse": regression.MeanSquaredError,
    "mae": regression.MeanAbsoluteError,
    "mape": regression.MeanAbsolutePercentageError,
    "msle": regression.MeanSquaredLogarithmicError,
}

TABLE: dict[str, Any] = {
    **{cls.__name__: cls for cls in CLASSES},
    **{to_snake_case(cls.__name__): cls for cls in CLASSES},
    **_ALIASES,
    **{name.upper(): cls for name, cls in _ALIASES.items()},
}

FUNCTIONS: dict[str, Any] = {
    fn.__name__: fn
    for fn in (
        accuracy.accuracy,
        accuracy.binary_accuracy,
        accuracy.categorical_accuracy,
        accuracy.sparse_categorical_accuracy,
        accuracy.top_k_categorical_accuracy,
        accuracy.sparse_top_k_categorical_accuracy,
        correlation.pearson_correlation,
        correlation.concordance_correlation,
    )
}
builtin_functions(FUNCTIONS)


def get(identifier: Any) -> Any:
    """A metric from its name, config, class, function or itself; `None` gives `None`.

    Names are those of classes, as they are or in snake case, and short ones such as `"mse"`.
    An unknown name is a `ValueError` that lists close ones.

    >>> get("mse").name, type(get("AUC")).__name__
    ('mean_squared_error', 'AUC')
    """
    return resolve(identifier, "metric", TABLE, Metric)


def serialize(metric: Any) -> dict[str, Any]:
    """The metric as plain data.

    >>> serialize(get("mse"))["config"]
    {'name': 'mean_squared_error', 'dtype': 'float32'}
    """
    return serialize_keras_object(metric)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The metric that plain data, or a name, describes."""
    if isinstance(config, str):
        found = (custom_objects or {}).get(config)
        return found if found is not None else get(config)
    return deserialize_keras_object(config, custom_objects)
