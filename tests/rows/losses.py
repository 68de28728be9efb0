"""Losses: called with targets and predictions, with weights among the further arguments."""

import numpy as np

from tests.descriptors import Row, f32, i32


def _probabilities(*shape, seed=0):
    values = f32(*shape, seed=seed, low=0.05, high=1.0)
    return values / values.sum(-1, keepdims=True)


def _one_hot(labels, size):
    return np.eye(size, dtype="float32")[labels]


REAL = f32(4, 3, seed=1, low=0.1), f32(4, 3, seed=2, low=0.1)
SEQUENCE = f32(4, 5, 3, seed=1), f32(4, 5, 3, seed=2)
BINARY = i32(4, 3, seed=3, high=2).astype("float32"), f32(4, 3, seed=4, low=0.02, high=0.98)
LOGITS = BINARY[0], f32(4, 3, seed=5, low=-4, high=4)
CLASSES = _one_hot(i32(4, seed=6, high=3), 3), _probabilities(4, 3, seed=7)
CLASS_LOGITS = CLASSES[0], f32(4, 3, seed=8, low=-4, high=4)
CLASS_SEQUENCE = _one_hot(i32(4, 5, seed=6, high=3), 3), _probabilities(4, 5, 3, seed=7)
SPARSE = i32(4, seed=6, high=3), CLASSES[1]
SPARSE_LOGITS = SPARSE[0], CLASS_LOGITS[1]
SPARSE_SEQUENCE = i32(4, 5, seed=9, high=3), CLASS_SEQUENCE[1]
CHANNELS_FIRST = np.moveaxis(CLASS_SEQUENCE[0], -1, 1), np.moveaxis(CLASS_SEQUENCE[1], -1, 1)
EMBEDDINGS = i32(6, seed=1, high=3), (lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True))(f32(6, 4, seed=2))
TEXT = np.array([[1, 2, 2, 0], [3, 1, 0, 0]]), f32(2, 9, 4, seed=3, low=-2, high=2)
WEIGHTS = f32(4, seed=10, low=0.0, high=2.0)
COLUMN_WEIGHTS = {"sample_weight": WEIGHTS[:, None]}

_SIMPLE = {
    "MeanSquaredError": REAL,
    "MeanAbsoluteError": REAL,
    "MeanAbsolutePercentageError": REAL,
    "MeanSquaredLogarithmicError": REAL,
    "Huber": REAL,
    "LogCosh": REAL,
    "CosineSimilarity": REAL,
    "Poisson": (np.abs(REAL[0]), np.abs(REAL[1])),
    "KLDivergence": (_probabilities(4, 3, seed=1), _probabilities(4, 3, seed=2)),
    "Hinge": BINARY,
    "SquaredHinge": (2 * BINARY[0] - 1, BINARY[1]),
    "CategoricalHinge": CLASSES,
    "BinaryCrossentropy": BINARY,
    "BinaryFocalCrossentropy": BINARY,
    "CategoricalCrossentropy": CLASSES,
    "CategoricalFocalCrossentropy": CLASSES,
    "SparseCategoricalCrossentropy": SPARSE,
    "CategoricalGeneralizedCrossEntropy": SPARSE,
    "Dice": BINARY,
    "Tversky": BINARY,
    "Circle": EMBEDDINGS,
    "CTC": TEXT,
}


def _row(name, cls, inputs, kwargs=None, **options):
    label = ",".join(f"{key}={value}" for key, value in options.items())
    return Row(f"{cls}({label}){name}", lambda k: getattr(k.losses, cls)(**options), inputs, kwargs or {})


ROWS = [_row("", cls, inputs) for cls, inputs in _SIMPLE.items()]
ROWS += [
    _row("", "MeanSquaredError", REAL, reduction=reduction)
    for reduction in ("sum", "mean", "none", None, "mean_with_sample_weight")
]
ROWS += [
    _row(" weighted", "MeanAbsoluteError", SEQUENCE, {"sample_weight": f32(*shape, low=0.0)}, reduction=reduction)
    for reduction in ("sum_over_batch_size", "sum", "none", "mean_with_sample_weight")
    for shape in ((4, 5),)
]
ROWS += [
    _row(" weights (4,)", "MeanSquaredError", REAL, {"sample_weight": WEIGHTS}),
    _row(" weights (4, 1)", "MeanSquaredError", REAL, {"sample_weight": WEIGHTS[:, None]}),
    _row(" weights (4, 1) of (4, 5)", "MeanSquaredError", SEQUENCE, {"sample_weight": WEIGHTS[:, None]}),
    _row(" weight 2", "MeanSquaredError", REAL, {"sample_weight": 2.0}),
    _row(" ranks differ", "MeanSquaredError", (f32(4, seed=1), f32(4, 1, seed=2))),
    _row(" ranks differ", "BinaryCrossentropy", (BINARY[0][:, 0], BINARY[1][:, :1])),
    _row("", "MeanSquaredError", REAL, dtype="bfloat16"),
    _row("", "Huber", REAL, delta=0.3),
    _row("", "CosineSimilarity", SEQUENCE, axis=1),
    _row("", "BinaryCrossentropy", LOGITS, from_logits=True),
    _row("", "BinaryCrossentropy", LOGITS, from_logits=True, label_smoothing=0.2),
    _row("", "BinaryCrossentropy", BINARY, label_smoothing=0.2),
    _row("", "BinaryCrossentropy", BINARY, axis=0),
    _row("", "BinaryFocalCrossentropy", LOGITS, from_logits=True, apply_class_balancing=True, gamma=3.0),
    _row("", "BinaryFocalCrossentropy", BINARY, label_smoothing=0.1, alpha=0.4),
    _row("", "CategoricalCrossentropy", CLASS_LOGITS, from_logits=True),
    _row("", "CategoricalCrossentropy", CLASS_LOGITS, from_logits=True, label_smoothing=0.1),
    _row("", "CategoricalCrossentropy", CLASSES, label_smoothing=0.1),
    _row("", "CategoricalCrossentropy", CHANNELS_FIRST, axis=1),
    _row(" not normalized", "CategoricalCrossentropy", (CLASSES[0], 3 * CLASSES[1])),
    _row("", "CategoricalFocalCrossentropy", CLASS_LOGITS, from_logits=True, alpha=0.5, gamma=1.5),
    _row("", "CategoricalFocalCrossentropy", CLASSES, label_smoothing=0.1),
    _row("", "CategoricalFocalCrossentropy", CHANNELS_FIRST, axis=1),
    _row("", "SparseCategoricalCrossentropy", SPARSE_LOGITS, from_logits=True),
    _row(" labels (4, 1)", "SparseCategoricalCrossentropy", (SPARSE[0][:, None], SPARSE[1])),
    _row("", "SparseCategoricalCrossentropy", SPARSE_SEQUENCE, ignore_class=1),
    _row("", "SparseCategoricalCrossentropy", SPARSE_SEQUENCE, ignore_class=0, reduction="sum"),
    _row(
        " weighted",
        "SparseCategoricalCrossentropy",
        SPARSE_SEQUENCE,
        {"sample_weight": WEIGHTS[:, None]},
        ignore_class=0,
    ),
    _row("", "CategoricalGeneralizedCrossEntropy", SPARSE, q=0.3),
    _row("", "Dice", BINARY, axis=(1,)),
    _row("", "Tversky", BINARY, alpha=0.3, beta=0.9, axis=0),
    _row("", "Circle", EMBEDDINGS, gamma=20.0, margin=0.25, remove_diagonal=False),
]
ROWS += [
    Row(f"masked {reduction}", lambda k, r=reduction: k.losses.MeanSquaredError(reduction=r), SEQUENCE, kwargs, masks=m)
    for reduction in ("sum_over_batch_size", "sum", "none", "mean_with_sample_weight")
    for kwargs, m in (({}, (None, np.arange(20).reshape(4, 5) % 3 > 0)),)
]
ROWS += [
    Row(
        f"masked and weighted {shape}",
        lambda k: k.losses.MeanSquaredError(),
        SEQUENCE,
        {"sample_weight": f32(*shape, low=0.0)},
        masks=(None, np.arange(20).reshape(4, 5) % 3 > 0),
    )
    for shape in ((4, 5), (4, 1))
]

FUNCTIONS = {
    "mean_squared_error": REAL,
    "mean_absolute_error": REAL,
    "mean_absolute_percentage_error": REAL,
    "mean_squared_logarithmic_error": REAL,
    "huber": REAL,
    "log_cosh": REAL,
    "cosine_similarity": REAL,
    "poisson": _SIMPLE["Poisson"],
    "kl_divergence": _SIMPLE["KLDivergence"],
    "hinge": BINARY,
    "squared_hinge": BINARY,
    "categorical_hinge": CLASSES,
    "binary_crossentropy": BINARY,
    "binary_focal_crossentropy": BINARY,
    "categorical_crossentropy": CLASSES,
    "categorical_focal_crossentropy": CLASSES,
    "sparse_categorical_crossentropy": SPARSE,
    "dice": BINARY,
    "tversky": BINARY,
    "circle": EMBEDDINGS,
    "ctc": TEXT,
}
