"""The metrics given to `compile`, for all outputs."""

from collections.abc import Sequence
from typing import Any

import lapis.core.nest as nest
import lapis.metrics as metrics_module
from lapis.core.findings import refuse
from lapis.core.naming import to_snake_case
from lapis.core.notes import described, noting
from lapis.metrics import MeanMetricWrapper, Metric
from lapis.training.compile_loss import target_kind
from lapis.training.outputs import OutputTree, object_name

_ACCURACIES = {
    "binary": metrics_module.BinaryAccuracy,
    "sparse": metrics_module.SparseCategoricalAccuracy,
    "categorical": metrics_module.CategoricalAccuracy,
}


def _get_metric(identifier: Any, y_true: Any, y_pred: Any) -> Metric:
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        return _ACCURACIES[target_kind(y_true, y_pred)](name=identifier)
    found = metrics_module.get(identifier)
    if found is None:
        raise ValueError("A list of metrics holds None; leave it out.")
    name = identifier if isinstance(identifier, str) else object_name(found)
    if not isinstance(found, Metric):
        return MeanMetricWrapper(found, name=to_snake_case(name or type(found).__name__))
    if isinstance(identifier, str):
        found.name = identifier
    return found


class CompileMetrics(Metric):
    """All metrics of all outputs as one metric, whose result is a dict by name.

    With several outputs names begin with the output's. `metrics` see no sample weights, `weighted_metrics` do; a
    weighted metric that repeats a name has `weighted_` before it.
    """

    def __init__(
        self,
        metrics: Any,
        weighted_metrics: Any,
        name: str = "compile_metrics",
        output_names: Sequence[str] | None = None,
    ) -> None:
        super().__init__(name=name)
        for label, given in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if given and not nest.is_nested(given):
                raise ValueError(f"{label} must be a list, tuple or dict; got {given!r}. Put it in a list.")
        self.built = False
        self.output_names = output_names
        self.__dict__.update(_given=(metrics, weighted_metrics))
        self._plain: list[list[Metric]] = []
        self._weighted: list[list[Metric]] = []
        self._outputs: OutputTree | None = None

    @property
    def metrics(self) -> list[Metric]:
        """The single metrics, in order."""
        return [metric for per_output in self._plain + self._weighted for metric in per_output]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Match metrics with outputs and make those given by name."""
        outputs = self._outputs = OutputTree(y_pred, self.output_names)
        targets, predictions = outputs.spread(y_true, "y"), nest.flatten(y_pred)
        metrics, weighted = self.__dict__["_given"]
        self._plain = self._resolve(metrics, "metrics", targets, predictions)
        self._weighted = self._resolve(weighted, "weighted_metrics", targets, predictions)
        self.built = True

    def match(self, y_pred: Any) -> list[list[Any]]:
        """What was given for each output, plain and weighted together, by names and structure alone; nothing is kept.

        Raises:
            CheckError: where names or structures do not match.
        """
        outputs = OutputTree(y_pred, self.output_names)
        plain, weighted = (
            self._per_output(given, what, outputs)
            for given, what in zip(self.__dict__["_given"], ("metrics", "weighted_metrics"))
        )
        return [one + other for one, other in zip(plain, weighted)]

    def _per_output(self, given: Any, what: str, outputs: OutputTree) -> list[list[Any]]:
        if not given:
            return [[] for _ in range(len(outputs))]
        alone = len(outputs) == 1 and not isinstance(given, dict)
        per_output = [given] if alone else outputs.spread(given, what, leaves_may_nest=True)
        return [[] if entry is None else nest.flatten(entry) for entry in per_output]

    def _resolve(self, given: Any, what: str, targets: list[Any], predictions: list[Any]) -> list[list[Metric]]:
        outputs: OutputTree = self._outputs  # pyright: ignore[reportAssignmentType]
        resolved = []
        for index, several in enumerate(self._per_output(given, what, outputs)):
            if several and targets[index] is None:
                refuse(
                    "missing-target",
                    f"There are no targets for the output {outputs.names[index]!r}, but compile() gave it {what}.",
                    "Pass y, or batches of (x, y).",
                    outputs.names[index],
                )
            resolved.append([_get_metric(one, targets[index], predictions[index]) for one in several])
        return resolved

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch of targets, outputs and weights, each one array or a structure per output."""
        if not self.built:
            self.build(y_true, y_pred)
        outputs: OutputTree = self._outputs  # pyright: ignore[reportAssignmentType]
        targets, predictions = outputs.spread(y_true, "y"), nest.flatten(y_pred)
        if nest.is_nested(sample_weight):
            weights = outputs.spread(sample_weight, "sample_weight")
        else:
            weights = [sample_weight] * len(outputs)
        for index, prediction in enumerate(predictions):
            for metric in self._plain[index]:
                self._update(metric, index, targets[index], prediction)
            for metric in self._weighted[index]:
                self._update(metric, index, targets[index], prediction, weights[index])

    def _update(self, metric: Metric, index: int, y_true: Any, y_pred: Any, *weight: Any) -> None:
        def where() -> str:
            given = described({"y_true": y_true, "y_pred": y_pred})
            return f"In the metric {self._prefix(index) + metric.name!r}, called with {given}."

        with noting(where):
            metric.update_state(y_true, y_pred, *weight)

    def reset_state(self) -> None:
        for metric in self.metrics:
            metric.reset_state()

    def named_metrics(self) -> list[tuple[str, Metric]]:
        """The single metrics with the names that they have in logs."""
        named: list[tuple[str, Metric]] = []
        seen: dict[str, int] = {}

        def add(name: str, metric: Metric) -> None:
            repeated = seen.get(name, 0)
            seen[name] = repeated + 1
            named.append((f"{name}_{repeated}" if repeated else name, metric))

        for index, per_output in enumerate(self._plain):
            for metric in per_output:
                add(self._prefix(index) + metric.name, metric)
        for index, per_output in enumerate(self._weighted):
            for metric in per_output:
                name = self._prefix(index) + metric.name
                add(name if name not in seen else f"{self._prefix(index)}weighted_{metric.name}", metric)
        return named

    def _prefix(self, index: int) -> str:
        outputs = self._outputs
        return f"{outputs.names[index]}_" if outputs is not None and len(outputs) > 1 and outputs.named else ""

    def result(self) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        if not self.built:
            raise ValueError("The compiled metrics have seen no data yet; call fit, evaluate or update_state first.")
        results = {}
        for name, metric in self.named_metrics():
            with noting(lambda name=name: f"In the metric {name!r}, as its result was computed."):
                results[name] = metric.result()
        return results
