"""Metrics and losses against the formulas of NumPy, SciPy and scikit-learn, which owe nothing to Keras.

Metrics see the samples in uneven batches, with and without weights; the reference sees all of them at once.
"""

import numpy as np
import pytest
import sklearn.metrics as sk
from scipy import special, stats

import lapis
from lapis.graph import set_mask

pytestmark = pytest.mark.usefixtures("quick_compilation")

RNG = np.random.default_rng(5)
N = 60
CUTS = [1, 4, 5, 29]  # batches of 1, 3, 1, 24 and 31 samples
WEIGHTS = RNG.uniform(0.0, 2.0, N).astype("float32")
WEIGHTS[7] = 0.0
LABELS = RNG.integers(0, 3, N)
LOGITS = RNG.normal(np.eye(3)[LABELS], 1.0).astype("float32")
PROBABILITIES = special.softmax(LOGITS, axis=-1).astype("float32")
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
BINARY = RNG.integers(0, 2, N)
# A thousand distinct scores would need as many thresholds; these lie between those of 101.
SCORES = (np.clip(np.round(0.3 * BINARY + RNG.uniform(0, 0.7, N), 2), 0.01, 0.99) - 0.005).astype("float32")
TARGETS = RNG.normal(size=(N, 2)).astype("float32")
PREDICTED = (TARGETS + RNG.normal(size=(N, 2))).astype("float32")
GUESSES = PROBABILITIES.argmax(-1)
OF_LABEL = np.take_along_axis(PROBABILITIES, LABELS[:, None], axis=-1)[:, 0]


def _precision_at(recall, weights):
    """The best precision where the recall is at least so high, among 101 thresholds."""
    best = 0.0
    for threshold in np.linspace(0, 1, 101):
        said = threshold < SCORES
        if said.any() and sk.recall_score(BINARY, said, sample_weight=weights) >= recall:
            best = max(best, sk.precision_score(BINARY, said, sample_weight=weights))
    return best


def _iou(weights):
    table = sk.confusion_matrix(LABELS, GUESSES, sample_weight=weights)
    return np.diag(table) / (table.sum(0) + table.sum(1) - np.diag(table))


def _mean(values, weights):
    return np.average(values, weights=weights)


m, n = lapis.metrics, lapis.losses
METRICS = {
    "accuracy": (
        m.SparseCategoricalAccuracy,
        LABELS,
        PROBABILITIES,
        lambda w: sk.accuracy_score(LABELS, GUESSES, sample_weight=w),
    ),
    "categorical": (
        m.CategoricalAccuracy,
        ONE_HOT,
        PROBABILITIES,
        lambda w: sk.accuracy_score(LABELS, GUESSES, sample_weight=w),
    ),
    "binary": (
        m.BinaryAccuracy,
        BINARY[:, None],
        SCORES[:, None],
        lambda w: sk.accuracy_score(BINARY, SCORES > 0.5, sample_weight=w),
    ),
    "top 2": (
        lambda: m.SparseTopKCategoricalAccuracy(2),
        LABELS,
        PROBABILITIES,
        lambda w: sk.top_k_accuracy_score(LABELS, PROBABILITIES, k=2, sample_weight=w),
    ),
    "precision": (m.Precision, BINARY, SCORES, lambda w: sk.precision_score(BINARY, SCORES > 0.5, sample_weight=w)),
    "recall": (m.Recall, BINARY, SCORES, lambda w: sk.recall_score(BINARY, SCORES > 0.5, sample_weight=w)),
    "roc": (lambda: m.AUC(101), BINARY, SCORES, lambda w: sk.roc_auc_score(BINARY, SCORES, sample_weight=w)),
    "f1 macro": (
        lambda: m.F1Score(average="macro"),
        ONE_HOT,
        PROBABILITIES,
        lambda w: sk.f1_score(LABELS, GUESSES, average="macro", sample_weight=w),
    ),
    "f1 weighted": (
        lambda: m.F1Score(average="weighted"),
        ONE_HOT,
        PROBABILITIES,
        lambda w: sk.f1_score(LABELS, GUESSES, average="weighted", sample_weight=w),
    ),
    "f2 of classes": (
        lambda: m.FBetaScore(beta=2.0),
        ONE_HOT,
        PROBABILITIES,
        lambda w: sk.fbeta_score(LABELS, GUESSES, beta=2.0, average=None, sample_weight=w),
    ),
    "precision at recall": (lambda: m.PrecisionAtRecall(0.6, 101), BINARY, SCORES, lambda w: _precision_at(0.6, w)),
    "mean iou": (lambda: m.MeanIoU(3, dtype="float32"), LABELS, GUESSES, lambda w: _iou(w).mean()),
    "iou of a class": (lambda: m.IoU(3, [1], dtype="float32"), LABELS, GUESSES, lambda w: _iou(w)[1]),
    "r2": (m.R2Score, TARGETS, PREDICTED, lambda w: sk.r2_score(TARGETS, PREDICTED, sample_weight=w)),
    "r2 by variance": (
        lambda: m.R2Score("variance_weighted_average"),
        TARGETS,
        PREDICTED,
        lambda w: sk.r2_score(TARGETS, PREDICTED, sample_weight=w, multioutput="variance_weighted"),
    ),
    "mse": (
        m.MeanSquaredError,
        TARGETS,
        PREDICTED,
        lambda w: sk.mean_squared_error(TARGETS, PREDICTED, sample_weight=w),
    ),
    "rmse": (
        m.RootMeanSquaredError,
        TARGETS,
        PREDICTED,
        lambda w: sk.mean_squared_error(TARGETS, PREDICTED, sample_weight=w) ** 0.5,
    ),
    "mae": (
        m.MeanAbsoluteError,
        TARGETS,
        PREDICTED,
        lambda w: sk.mean_absolute_error(TARGETS, PREDICTED, sample_weight=w),
    ),
    "log loss": (m.SparseCategoricalCrossentropy, LABELS, PROBABILITIES, lambda w: _mean(-np.log(OF_LABEL), w)),
    "kl": (
        m.KLDivergence,
        PROBABILITIES,
        PROBABILITIES[::-1],
        lambda w: _mean(special.rel_entr(PROBABILITIES, PROBABILITIES[::-1]).sum(-1), w),
    ),
    "cosine": (
        m.CosineSimilarity,
        TARGETS,
        PREDICTED,
        lambda w: _mean(
            (TARGETS * PREDICTED).sum(-1) / np.linalg.norm(TARGETS, axis=-1) / np.linalg.norm(PREDICTED, axis=-1), w
        ),
    ),
    "log cosh": (m.LogCoshError, TARGETS, PREDICTED, lambda w: _mean(np.log(np.cosh(PREDICTED - TARGETS)).mean(-1), w)),
    "hinge": (
        m.Hinge,
        (2 * BINARY - 1)[:, None],
        LOGITS[:, :1],
        lambda w: sk.hinge_loss(BINARY, LOGITS[:, 0], sample_weight=w),
    ),
}


@pytest.mark.parametrize("weighted", [False, True], ids=["alone", "weighted"])
@pytest.mark.parametrize("name", METRICS)
def test_metric(name, weighted):
    make, y_true, y_pred, reference = METRICS[name]
    metric, weights = make(), WEIGHTS if weighted else None
    for batch in np.split(np.arange(N), CUTS):
        metric.update_state(y_true[batch], y_pred[batch], None if weights is None else weights[batch])
    np.testing.assert_allclose(metric.result(), reference(weights), rtol=2e-5, atol=1e-6)


def test_correlations():
    pearson, concordance = m.PearsonCorrelation(axis=0), m.ConcordanceCorrelation(axis=0)
    for metric in (pearson, concordance):
        metric.update_state(TARGETS, PREDICTED)
    expected = [stats.pearsonr(a, b).statistic for a, b in zip(TARGETS.T, PREDICTED.T)]
    np.testing.assert_allclose(pearson.result(), np.mean(expected), rtol=1e-5)
    spread = [(a.std(), b.std(), a.mean() - b.mean()) for a, b in zip(TARGETS.T, PREDICTED.T)]
    agreement = [2 * r * s * t / (s**2 + t**2 + d**2) for r, (s, t, d) in zip(expected, spread)]
    np.testing.assert_allclose(concordance.result(), np.mean(agreement), rtol=1e-5)


_ERROR = np.abs(PREDICTED - TARGETS)
LOSSES = {
    "mse": (n.MeanSquaredError, TARGETS, PREDICTED, (_ERROR**2).mean(-1)),
    "mae": (n.MeanAbsoluteError, TARGETS, PREDICTED, _ERROR.mean(-1)),
    "huber": (lambda **k: n.Huber(0.7, **k), TARGETS, PREDICTED, special.huber(0.7, _ERROR).mean(-1)),
    "log cosh": (n.LogCosh, TARGETS, PREDICTED, np.log(np.cosh(_ERROR)).mean(-1)),
    "sparse crossentropy": (n.SparseCategoricalCrossentropy, LABELS, PROBABILITIES, -np.log(OF_LABEL)),
    "of logits": (lambda **k: n.CategoricalCrossentropy(True, **k), ONE_HOT, LOGITS, -np.log(OF_LABEL)),
    "focal": (n.CategoricalFocalCrossentropy, ONE_HOT, PROBABILITIES, -0.25 * (1 - OF_LABEL) ** 2 * np.log(OF_LABEL)),
    "binary of logits": (
        lambda **k: n.BinaryCrossentropy(True, **k),
        BINARY[:, None],
        LOGITS[:, :1],
        -np.where(BINARY, special.log_expit(LOGITS[:, 0]), special.log_expit(-LOGITS[:, 0])),
    ),
    "kl": (
        n.KLDivergence,
        PROBABILITIES,
        PROBABILITIES[::-1],
        special.rel_entr(PROBABILITIES, PROBABILITIES[::-1]).sum(-1),
    ),
    "poisson": (n.Poisson, ONE_HOT, PROBABILITIES, (PROBABILITIES - ONE_HOT * np.log(PROBABILITIES)).mean(-1)),
    "hinge": (n.Hinge, 2 * ONE_HOT - 1, LOGITS, np.maximum(1 - (2 * ONE_HOT - 1) * LOGITS, 0).mean(-1)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_loss(name):
    make, y_true, y_pred, values = LOSSES[name]
    close = {"rtol": 2e-5, "atol": 1e-6}
    np.testing.assert_allclose(make(reduction="none")(y_true, y_pred), values, **close)
    np.testing.assert_allclose(make()(y_true, y_pred), values.mean(), **close)
    np.testing.assert_allclose(make(reduction="sum")(y_true, y_pred, WEIGHTS), (WEIGHTS * values).sum(), **close)
    np.testing.assert_allclose(make()(y_true, y_pred, WEIGHTS), (WEIGHTS * values).mean(), **close)
    average = make(reduction="mean_with_sample_weight")(y_true, y_pred, WEIGHTS)
    np.testing.assert_allclose(average, np.average(values, weights=WEIGHTS), **close)
    masked = lapis.ops.convert_to_tensor(y_pred)
    set_mask(masked, lapis.ops.convert_to_tensor(BINARY == 1))
    np.testing.assert_allclose(make()(y_true, masked), values[BINARY == 1].mean(), **close)
    masked = lapis.ops.convert_to_tensor(np.array(y_pred))
    set_mask(masked, lapis.ops.convert_to_tensor(BINARY == 1))
    both = (WEIGHTS * values)[BINARY == 1].mean()
    np.testing.assert_allclose(make()(y_true, masked, WEIGHTS), both, **close)
