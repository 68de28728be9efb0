"""Metrics: `inputs` holds the arguments of one update after the other."""

import numpy as np

from tests.descriptors import Row, f32, i32


def _one_hot(labels, size):
    return np.eye(size, dtype="float32")[labels]


def _probabilities(*shape, seed=0):
    values = f32(*shape, seed=seed, low=0.05, high=1.0)
    return values / values.sum(-1, keepdims=True)


def _updates(make, weight_shape=(6,)):
    """Three updates, the last two weighted."""
    weights = [f32(*weight_shape, seed=90 + i, low=0.0, high=2.0) for i in range(2)]
    return (make(1), (*make(2), weights[0]), (*make(3), weights[1]))


REAL = _updates(lambda seed: (f32(6, 3, seed=seed), f32(6, 3, seed=seed + 10)))
POSITIVE = _updates(lambda seed: (f32(6, 3, seed=seed, low=0.1), f32(6, 3, seed=seed + 10, low=0.1)))
VALUES = ((f32(6, seed=1),), (f32(6, 2, seed=2),), (f32(6, seed=3), f32(6, seed=4, low=0.0)), (np.float32(3.0),))
FLAT = _updates(lambda seed: (i32(6, seed=seed, high=2), f32(6, seed=seed + 10, low=0.0)))
COLUMNS = _updates(lambda seed: (i32(6, 3, seed=seed, high=2), f32(6, 3, seed=seed + 10, low=0.0)))
COLUMNS_LOGITS = _updates(lambda seed: (i32(6, 3, seed=seed, high=2), f32(6, 3, seed=seed + 10, low=-4, high=4)))
SINGLE = _updates(lambda seed: (i32(6, 1, seed=seed, high=2), f32(6, 1, seed=seed + 10, low=0.0)), (6, 1))
MIXED_RANK = _updates(lambda seed: (i32(6, seed=seed, high=2), f32(6, 1, seed=seed + 10, low=0.0)))
ONE_HOT = _updates(lambda seed: (_one_hot(i32(6, seed=seed, high=4), 4), _probabilities(6, 4, seed=seed + 10)))
SPARSE = _updates(lambda seed: (i32(6, seed=seed, high=4), _probabilities(6, 4, seed=seed + 10)))
SPARSE_COLUMN = _updates(lambda seed: (i32(6, 1, seed=seed, high=4), _probabilities(6, 4, seed=seed + 10)))
SPARSE_SEQUENCE = _updates(
    lambda seed: (i32(6, 5, seed=seed, high=4), _probabilities(6, 5, 4, seed=seed + 10)), weight_shape=(6, 5)
)
ONE_HOT_SEQUENCE = _updates(
    lambda seed: (_one_hot(i32(6, 5, seed=seed, high=4), 4), _probabilities(6, 5, 4, seed=seed + 10)),
    weight_shape=(6, 5),
)
LABELS = _updates(lambda seed: (i32(6, seed=seed, high=4), i32(6, seed=seed + 10, high=4)))
IMAGES = _updates(lambda seed: (i32(2, 4, seed=seed, high=3), i32(2, 4, seed=seed + 10, high=3)), weight_shape=(2, 4))
IMAGE_SCORES = tuple(
    (_one_hot(i32(2, 4, seed=seed, high=3), 3), _probabilities(2, 4, 3, seed=seed + 10)) for seed in (1, 2)
)
INTEGER_WEIGHTED = tuple((*update[:2], i32(2, 4, seed=i, high=3)) for i, update in enumerate(IMAGES))
UNWEIGHTED = tuple(update[:2] for update in IMAGES)


def _row(cls, inputs, note="", **options):
    label = ",".join(f"{key}={value}" for key, value in options.items())
    return Row(f"{cls}({label}){note}", lambda k: getattr(k.metrics, cls)(**options), inputs)


ROWS = [
    _row("Mean", VALUES),
    _row("Mean", VALUES, dtype="float16"),
    _row("Mean", VALUES, name="average"),
    _row("Sum", VALUES),
    _row("MeanSquaredError", REAL),
    _row("MeanSquaredError", MIXED_RANK, " ranks differ"),
    _row("RootMeanSquaredError", REAL),
    _row("MeanAbsoluteError", REAL),
    _row("MeanAbsolutePercentageError", REAL),
    _row("MeanSquaredLogarithmicError", POSITIVE),
    _row("CosineSimilarity", REAL),
    _row("CosineSimilarity", REAL[:1], axis=0),
    _row("LogCoshError", REAL),
    _row("R2Score", REAL),
    _row("R2Score", REAL, class_aggregation=None),
    _row("R2Score", REAL, class_aggregation="variance_weighted_average"),
    _row("R2Score", REAL, num_regressors=2),
    _row("PearsonCorrelation", REAL),
    _row("PearsonCorrelation", REAL, axis=-1, name="r"),
    _row("ConcordanceCorrelation", REAL),
    _row("Hinge", COLUMNS),
    _row("SquaredHinge", COLUMNS),
    _row("CategoricalHinge", ONE_HOT),
    _row("KLDivergence", ONE_HOT),
    _row("Poisson", POSITIVE),
    _row("BinaryCrossentropy", COLUMNS),
    _row("BinaryCrossentropy", COLUMNS_LOGITS, from_logits=True, label_smoothing=0.1),
    _row("CategoricalCrossentropy", ONE_HOT),
    _row("CategoricalCrossentropy", ONE_HOT, from_logits=True, label_smoothing=0.1),
    _row("SparseCategoricalCrossentropy", SPARSE),
    _row("SparseCategoricalCrossentropy", SPARSE_SEQUENCE, from_logits=True),
    _row("SparseCategoricalCrossentropy", SPARSE_SEQUENCE, ignore_class=1),
    _row("Accuracy", LABELS),
    _row("BinaryAccuracy", FLAT),
    _row("BinaryAccuracy", SINGLE, " (6, 1)"),
    _row("BinaryAccuracy", MIXED_RANK, " ranks differ"),
    _row("BinaryAccuracy", COLUMNS_LOGITS, threshold=0.0),
    _row("CategoricalAccuracy", ONE_HOT),
    _row("CategoricalAccuracy", ONE_HOT_SEQUENCE, " sequence"),
    _row("SparseCategoricalAccuracy", SPARSE),
    _row("SparseCategoricalAccuracy", SPARSE_COLUMN, " (6, 1)"),
    _row("SparseCategoricalAccuracy", SPARSE_SEQUENCE, " sequence"),
    _row("TopKCategoricalAccuracy", ONE_HOT, k=2),
    _row("TopKCategoricalAccuracy", ONE_HOT_SEQUENCE, k=3),
    _row("SparseTopKCategoricalAccuracy", SPARSE, k=2),
    _row("SparseTopKCategoricalAccuracy", SPARSE_COLUMN, k=1),
    _row("SparseTopKCategoricalAccuracy", SPARSE_SEQUENCE, k=3),
    _row(
        "SparseTopKCategoricalAccuracy",
        tuple((i32(6, seed=seed, high=5), i32(6, 4, seed=seed + 9, high=5)) for seed in (1, 2)),
        k=2,
        from_sorted_ids=True,
    ),
]
for _count in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"):
    ROWS += [
        _row(_count, FLAT),
        _row(_count, COLUMNS, thresholds=[0.2, 0.7]),
        _row(_count, COLUMNS, thresholds=[0.0, 0.25, 0.5, 0.75, 1.0]),
    ]
ROWS += [
    _row("TruePositives", SINGLE, " (6, 1)"),
    _row("TruePositives", FLAT, thresholds=0.3, name="count"),
]
for _ratio in ("Precision", "Recall"):
    ROWS += [
        _row(_ratio, FLAT),
        _row(_ratio, MIXED_RANK, " ranks differ"),
        _row(_ratio, COLUMNS, thresholds=[0.2, 0.7]),
        _row(_ratio, COLUMNS, thresholds=[0.0, 0.5, 1.0]),
        _row(_ratio, ONE_HOT, top_k=2),
        _row(_ratio, ONE_HOT, class_id=1),
        _row(_ratio, ONE_HOT, top_k=2, class_id=3, thresholds=0.2),
        _row(_ratio, ONE_HOT_SEQUENCE[:1], " sequence", top_k=1),
    ]
for _point, _argument in (
    ("SensitivityAtSpecificity", "specificity"),
    ("SpecificityAtSensitivity", "sensitivity"),
    ("PrecisionAtRecall", "recall"),
    ("RecallAtPrecision", "precision"),
):
    ROWS.append(_row(_point, FLAT, **{_argument: 0.5}))
ROWS += [
    _row("PrecisionAtRecall", COLUMNS, recall=0.7, num_thresholds=7),
    _row("RecallAtPrecision", FLAT, precision=0.4, num_thresholds=1),
    _row("SensitivityAtSpecificity", ONE_HOT, specificity=0.3, class_id=2),
]
for _curve in ("ROC", "PR", "PRGAIN"):
    for _method in ("interpolation", "majoring", "minoring"):
        ROWS.append(_row("AUC", FLAT, curve=_curve, summation_method=_method))
    ROWS.append(_row("AUC", COLUMNS, curve=_curve, multi_label=True, num_thresholds=12))
ROWS += [
    _row("AUC", COLUMNS, " flattened"),
    _row("AUC", FLAT, num_thresholds=3),
    _row("AUC", FLAT, thresholds=[0.9, 0.2, 0.4]),
    _row("AUC", FLAT, thresholds=[0.25, 0.5, 0.75]),
    _row("AUC", COLUMNS_LOGITS, from_logits=True),
    _row("AUC", COLUMNS, multi_label=True, num_labels=3),
    _row("AUC", COLUMNS, multi_label=True, label_weights=[0.2, 0.5, 1.3]),
    _row("AUC", COLUMNS, multi_label=True, thresholds=[0.3, 0.4], curve="PR"),
    _row("AUC", COLUMNS, label_weights=[0.2, 0.5, 1.3]),
    _row("AUC", COLUMNS, label_weights=[0.2, 0.5, 1.3], thresholds=[0.1, 0.7]),
    _row("FBetaScore", COLUMNS),
    _row("FBetaScore", COLUMNS, beta=2.0, threshold=0.4),
    _row("FBetaScore", COLUMNS, average="micro", beta=0.5, threshold=0.4),
    _row("FBetaScore", COLUMNS, average="macro"),
    _row("FBetaScore", COLUMNS, average="weighted", threshold=0.5),
    _row("F1Score", ONE_HOT),
    _row("F1Score", COLUMNS, average="micro", threshold=0.5),
    _row("IoU", UNWEIGHTED, num_classes=3, target_class_ids=[0, 2]),
    _row("IoU", INTEGER_WEIGHTED, num_classes=3, target_class_ids=[1], ignore_class=0),
    _row("IoU", IMAGES, num_classes=3, target_class_ids=[0, 1], dtype="float32"),
    _row("IoU", UNWEIGHTED, num_classes=2, target_class_ids=[0], name="outside"),
    _row("IoU", IMAGE_SCORES, num_classes=3, target_class_ids=[0, 1], sparse_y_true=False, sparse_y_pred=False),
    _row("BinaryIoU", tuple((i32(6, seed=s, high=2), f32(6, seed=s + 5, low=0.0)) for s in (1, 2))),
    _row("BinaryIoU", FLAT, target_class_ids=[1], threshold=0.3, dtype="float32"),
    _row("MeanIoU", UNWEIGHTED, num_classes=3),
    _row("MeanIoU", INTEGER_WEIGHTED, num_classes=3, ignore_class=2),
    _row("OneHotIoU", IMAGE_SCORES, num_classes=3, target_class_ids=[0, 2]),
    _row("OneHotMeanIoU", IMAGE_SCORES, num_classes=3),
    _row("OneHotMeanIoU", tuple((t, p.argmax(-1)) for t, p in IMAGE_SCORES), num_classes=3, sparse_y_pred=True),
]

FUNCTIONS = {
    "binary_accuracy": FLAT[0],
    "categorical_accuracy": ONE_HOT[0],
    "sparse_categorical_accuracy": SPARSE[0],
    "top_k_categorical_accuracy": ONE_HOT[0],
    "sparse_top_k_categorical_accuracy": SPARSE[0],
    "pearson_correlation": REAL[0],
    "concordance_correlation": REAL[0],
}
