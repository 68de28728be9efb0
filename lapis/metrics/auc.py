"""The area under a curve of rates over all thresholds."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

import lapis.core.config as config
import lapis.ops as ops
from lapis.core.serialization import builtin, deserialize_keras_object
from lapis.metrics.confusion import count, evenly_distributed
from lapis.metrics.metric import Metric
from lapis.state import claim_memory

CURVES = ("ROC", "PR", "PRGAIN")
SUMMATIONS = ("interpolation", "majoring", "minoring")


@builtin("keras.metrics")
class AUC(Metric):
    """The area under the ROC or precision-recall curve, by Riemann sums over `num_thresholds` points.

    - `curve`: `"ROC"` (true over false positive rate), `"PR"` (precision over recall) or `"PRGAIN"`
      (precision gain over recall gain; Flach and Kull, *Precision-Recall-Gain Curves*, 2015);
    - `summation_method`: the height between two points is their mean (`"interpolation"`; for PR the precision is
      interpolated along the true positives: Davis and Goadrich, *The Relationship Between Precision-Recall and ROC
      Curves*, 2006), their larger (`"majoring"`) or their smaller (`"minoring"`);
    - `thresholds`: the points themselves, in 0…1, in place of even ones;
    - `multi_label`: `(batch, labels)` with one area per column, averaged with `label_weights`; without it
      `label_weights` weigh the columns' elements;
    - `from_logits`: predictions go through a sigmoid first.

    >>> metric = AUC(num_thresholds=3)
    >>> float(metric([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]))
    0.75
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.curve = _choice("curve", str(curve).upper(), CURVES, curve)
        self.summation_method = _choice("summation_method", str(summation_method).lower(), SUMMATIONS, summation_method)
        if thresholds is None and num_thresholds <= 1:
            raise ValueError(f"num_thresholds must be 2 or more; got num_thresholds={num_thresholds}.")
        if num_labels and not multi_label:
            raise ValueError(f"num_labels={num_labels} needs multi_label=True.")
        self._init_from_thresholds = thresholds is not None
        if thresholds is None:
            claim_memory(f"{self.name}/thresholds", (4, num_thresholds), "float64")
            inner = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
        else:
            inner = sorted(thresholds)
        self.num_thresholds = len(inner) + 2
        self._evenly = thresholds is None or evenly_distributed([0.0, *inner, 1.0])
        # A little beyond 0 and 1, so that the curve begins and ends at its corners.
        self._thresholds = [-config.epsilon(), *inner, 1.0 + config.epsilon()]
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else np.asarray(label_weights, dtype=self.dtype)
        self._from_logits = from_logits
        self._built = False
        if not multi_label or num_labels:
            self._build((0, num_labels or 0))

    @property
    def thresholds(self) -> list[float]:
        """The thresholds, the ones just outside of 0 and 1 included."""
        return self._thresholds[:]

    def _build(self, shape: Sequence[int]) -> None:
        if self.multi_label and len(shape) != 2:
            raise ValueError(f"With multi_label=True predictions have the shape (batch, labels); got {tuple(shape)}.")
        size = (self.num_thresholds, shape[1]) if self.multi_label else (self.num_thresholds,)
        self.true_positives = self.add_variable(size, "zeros", name="true_positives")
        self.false_positives = self.add_variable(size, "zeros", name="false_positives")
        self.true_negatives = self.add_variable(size, "zeros", name="true_negatives")
        self.false_negatives = self.add_variable(size, "zeros", name="false_negatives")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch of labels (0 or 1) and predictions in 0…1, or logits with `from_logits`."""
        y_pred = ops.convert_to_tensor(y_pred)
        if not self._built:
            self._build(y_pred.shape)
        labels = self.true_positives.shape[1:]
        if self.multi_label and tuple(y_pred.shape[1:]) != tuple(labels):
            raise ValueError(f"{self.name} has {labels[0]} labels; got predictions of shape {tuple(y_pred.shape)}.")
        if self._from_logits:
            y_pred = ops.sigmoid(y_pred)
        counts = count(
            y_true,
            y_pred,
            self._thresholds,
            evenly=self._evenly,
            dtype=self.true_positives.dtype,
            sample_weight=sample_weight,
            multi_label=self.multi_label,
            label_weights=None if self.multi_label else self.label_weights,
        )
        for name, value in counts._asdict().items():
            getattr(self, name).assign_add(value)

    def result(self) -> Any:
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self.interpolate_pr_auc()
        x, y = self._points()
        left, right = y[:-1], y[1:]
        if self.summation_method == "interpolation":
            heights = (left + right) / 2.0
        elif self.summation_method == "minoring":
            heights = ops.minimum(left, right)
        else:
            heights = ops.maximum(left, right)
        return self._mean_over_labels((x[:-1] - x[1:]) * heights)

    def _points(self) -> tuple[Any, Any]:
        tp, fp, tn, fn = self.true_positives, self.false_positives, self.true_negatives, self.false_negatives
        recall = ops.divide_no_nan(tp, tp + fn)
        if self.curve == "ROC":
            return ops.divide_no_nan(fp, fp + tn), recall
        if self.curve == "PR":
            return recall, ops.divide_no_nan(tp, tp + fp)
        odds = ops.divide_no_nan(tp + fn, tn + fp)
        none_found = ops.equal(tp, 0.0)
        recall_gain = ops.where(none_found, 0.0, 1.0 - odds * ops.divide_no_nan(fn, tp))
        precision_gain = ops.where(none_found, 1.0, 1.0 - odds * ops.divide_no_nan(fp, tp))
        return ops.maximum(recall_gain, 0.0), precision_gain

    def interpolate_pr_auc(self) -> Any:
        """The area under the precision-recall curve, the precision interpolated along the true positives."""
        # Between two thresholds the true positives grow in proportion to all predicted positives p; the area under
        # tp / p is then slope · (Δtp + intercept · log(p_left / p_right)), over all positives.
        tp, p = ops.convert_to_tensor(self.true_positives), self.true_positives + self.false_positives
        gained = tp[:-1] - tp[1:]
        slope = ops.divide_no_nan(gained, ops.maximum(p[:-1] - p[1:], 0))
        intercept = tp[1:] - slope * p[1:]
        both = ops.logical_and(p[:-1] > 0, p[1:] > 0)
        ratio = ops.where(both, ops.divide_no_nan(p[:-1], ops.maximum(p[1:], 0)), 1.0)
        positives = ops.maximum(tp[1:] + self.false_negatives[1:], 0)
        areas = ops.divide_no_nan(slope * (gained + intercept * ops.log(ratio)), positives)
        return self._mean_over_labels(areas)

    def _mean_over_labels(self, areas: Any) -> Any:
        if not self.multi_label:
            return ops.sum(areas)
        areas = ops.sum(areas, axis=0)
        if self.label_weights is None:
            return ops.mean(areas)
        return ops.divide_no_nan(ops.sum(areas * self.label_weights), ops.sum(self.label_weights))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The metric that `get_config()` describes."""
        # Keras writes the weights as an array.
        return cls(**{**config, "label_weights": deserialize_keras_object(config.get("label_weights"))})

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        config = {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": None if self.label_weights is None else self.label_weights.tolist(),
            "from_logits": self._from_logits,
        }
        if self._init_from_thresholds:
            config["thresholds"] = self._thresholds[1:-1]
        return {**super().get_config(), **config}


def _choice(argument: str, value: str, choices: Sequence[str], received: Any) -> str:
    if value not in choices:
        raise ValueError(f"{argument} is {received!r}; expected one of {', '.join(map(repr, choices))}.")
    return value
