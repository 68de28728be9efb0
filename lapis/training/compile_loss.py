"""The losses of all outputs as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, NoReturn

import lapis.core.nest as nest
import lapis.losses as losses
import lapis.ops as ops
from lapis.core.config import floatx
from lapis.core.findings import refuse
from lapis.core.naming import to_snake_case
from lapis.core.notes import described, noting
from lapis.losses.wrapper import LossFunctionWrapper
from lapis.metrics import Mean
from lapis.state import real_batch_size
from lapis.training.outputs import OutputTree, object_name


def target_kind(y_true: Any, y_pred: Any) -> str:
    """`"binary"`, `"sparse"` (class numbers) or `"categorical"` (one-hot), from the shapes of targets and outputs."""
    if len(y_pred.shape) < 2 or y_pred.shape[-1] == 1:
        return "binary"
    if len(y_true.shape) < len(y_pred.shape) or y_true.shape[-1] == 1:
        return "sparse"
    return "categorical"


_CROSSENTROPIES = {
    "binary": losses.binary_crossentropy,
    "sparse": losses.sparse_categorical_crossentropy,
    "categorical": losses.categorical_crossentropy,
}


def _get_loss(identifier: Any, y_true: Any, y_pred: Any) -> losses.Loss:
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        identifier = _CROSSENTROPIES[target_kind(y_true, y_pred)]
    return as_loss(identifier)


def as_loss(identifier: Any) -> losses.Loss:
    """The loss that a name, a function or an object stands for."""
    found = losses.get(identifier)
    if isinstance(found, losses.Loss):
        return found
    name = identifier if isinstance(identifier, str) else to_snake_case(object_name(found) or type(found).__name__)
    return LossFunctionWrapper(found, name=name)


def _refuse_missing_target(index: int, outputs: OutputTree) -> NoReturn:
    which = f" for the output {outputs.names[index]!r}" if len(outputs) > 1 else ""
    message = f"There are no targets{which}, but compile() gave it a loss."
    refuse("missing-target", message, "Pass y, or batches of (x, y).", outputs.names[index])


@dataclass
class Part:
    """One loss of one output."""

    output: int
    loss: losses.Loss
    weight: float | None
    name: str


def _with_loss(per_output: list[Any]) -> list[int]:
    return [index for index, loss in enumerate(per_output) if loss is not None]


def _where(part: Part, outputs: OutputTree, y_true: Any, y_pred: Any) -> str:
    which = f" for the output {part.name!r}" if len(outputs) > 1 else ""
    return f"In the loss {part.loss.name!r}{which}, called with {described({'y_true': y_true, 'y_pred': y_pred})}."


class CompileLoss:
    """The weighted sum of the losses given to `compile`, for outputs of any structure.

    `loss` is one loss for every output, or one per output in a list or dict, `None` where an output has none; an output
    may have a list of them. With several losses each is also tracked alone, unweighted, in `metrics`.
    """

    name = "compile_loss"

    def __init__(self, loss: Any, loss_weights: Any = None, output_names: Sequence[str] | None = None) -> None:
        weights = nest.flatten(loss_weights)
        if loss_weights is not None and not all(weight is None or isinstance(weight, Real) for weight in weights):
            raise ValueError(
                f"loss_weights must be numbers, alone or in a list or dict per output; got {loss_weights!r}."
            )
        self.output_names = output_names
        self.built = False
        self.metrics: list[Mean] = []
        self._loss = loss
        self._weights = loss_weights
        self._parts: list[Part] = []
        self._outputs: OutputTree | None = None

    @property
    def variables(self) -> list[Any]:
        """The variables of the single losses' trackers."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Match losses with outputs."""
        outputs, parts, _ = self.match(y_true, y_pred)
        if isinstance(self._loss, dict) and isinstance(y_pred, dict):  # then the losses' order is that of the trackers
            place = {name: index for index, name in enumerate(self._loss)}
            parts.sort(key=lambda part: place.get(outputs.names[part.output], len(place)))
        self._outputs, self._parts = outputs, parts
        self._add_trackers()
        self.built = True

    def match(self, y_true: Any, y_pred: Any) -> tuple[OutputTree, list[Part], list[Any]]:
        """The outputs, their losses and their targets, from arrays or only their shapes; nothing is kept.

        Raises:
            CheckError: where names, numbers or structures do not match.
        """
        outputs, per_output, weights = self.match_losses(y_pred)
        targets = self._align_targets(y_true, _with_loss(per_output), outputs)
        predictions = nest.flatten(y_pred)
        parts: list[Part] = []
        for index, given in enumerate(per_output):
            alone = not isinstance(given, (list, tuple))
            several = [given] if alone else list(given)
            for loss, weight in zip(several, self._split_weight(weights[index], len(several), alone)):
                if loss is None:
                    continue
                if targets[index] is None:
                    _refuse_missing_target(index, outputs)
                resolved = _get_loss(loss, targets[index], predictions[index])
                parts.append(Part(index, resolved, weight, outputs.loss_name(index, resolved.name)))
        return outputs, parts, targets

    def match_losses(self, y_pred: Any) -> tuple[OutputTree, list[Any], list[Any]]:
        """The outputs, and what was given as loss and as weight for each."""
        outputs = OutputTree(y_pred, self.output_names)
        per_output = self._per_output(self._loss, outputs)
        return outputs, per_output, self._weights_per_output(outputs, per_output)

    def _per_output(self, loss: Any, outputs: OutputTree) -> list[Any]:
        if not nest.is_nested(loss):
            return [loss] * len(outputs)
        if len(outputs) == 1 and isinstance(loss, (list, tuple)):
            if len(loss) != 1:
                refuse(
                    "outputs-structure",
                    f"The model has one output, but compile() got {len(loss)} losses: {loss!r}.",
                    "Give one loss.",
                )
            return list(loss)
        flat = isinstance(loss, (list, tuple)) and not any(nest.is_nested(one) for one in loss)
        if flat and len(loss) == len(outputs):
            return list(loss)
        return outputs.spread(loss, "loss", leaves_may_nest=True)

    def _weights_per_output(self, outputs: OutputTree, per_output: list[Any]) -> list[Any]:
        weights = self._weights
        if not nest.is_nested(weights):
            return [weights] * len(outputs)
        with_loss = _with_loss(per_output)
        if isinstance(weights, (list, tuple)) and len(weights) == len(with_loss) != len(outputs):
            placed = dict(zip(with_loss, weights))
            return [placed.get(index) for index in range(len(outputs))]
        if len(outputs) == 1 and isinstance(weights, (list, tuple)):
            if len(weights) != 1:
                refuse(
                    "outputs-structure",
                    f"The model has one output, but loss_weights has {len(weights)}: {weights!r}.",
                    "Give one number.",
                )
            return list(weights)
        return outputs.spread(weights, "loss_weights", leaves_may_nest=True)

    def _split_weight(self, weight: Any, count: int, alone: bool) -> list[Any]:
        if not isinstance(weight, (list, tuple)):
            return [weight] * count
        if alone or len(weight) != count:
            refuse(
                "outputs-structure",
                f"loss_weights has {len(weight)} numbers for an output with {count} losses.",
                "Give one number per loss, or one for all.",
            )
        return list(weight)

    def _add_trackers(self) -> None:
        if len(self._parts) < 2:
            return
        taken: dict[str, int] = {}
        for part in self._parts:
            name = f"{part.name}_loss"
            repeated = taken.get(name, 0)
            taken[name] = repeated + 1
            self.metrics.append(Mean(name=f"{name}_{repeated}" if repeated else name))

    def fill_targets(self, y_true: Any, y_pred: Any) -> Any:
        """Targets with `None` for those that a list leaves out, as it may for outputs without a loss."""
        if isinstance(y_true, dict) or len(nest.flatten(y_true)) >= len(nest.flatten(y_pred)):
            return y_true
        outputs, per_output, _ = self.match_losses(y_pred)
        return self._align_targets(y_true, _with_loss(per_output), outputs)

    def _align_targets(self, y_true: Any, with_loss: list[int], outputs: OutputTree) -> list[Any]:
        """Targets in the order of the outputs; a list may leave out those of outputs without a loss."""
        given = nest.flatten(y_true) if not isinstance(y_true, dict) else []
        if given and y_true is not None and len(given) == len(with_loss) < len(outputs):
            placed = dict(zip(with_loss, given))
            return [placed.get(index) for index in range(len(outputs))]
        return outputs.spread(y_true, "y")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The total loss, `None` if no output has a loss; trackers are updated."""
        if not self.built:
            self.build(y_true, y_pred)
        outputs: OutputTree = self._outputs  # pyright: ignore[reportAssignmentType]
        with_loss = sorted({part.output for part in self._parts})
        targets = self._align_targets(y_true, with_loss, outputs)
        predictions = nest.flatten(y_pred)
        weights = outputs.spread(sample_weight, "sample_weight") if nest.is_nested(sample_weight) else None
        total = None
        for position, part in enumerate(self._parts):
            index = part.output
            if targets[index] is None:
                _refuse_missing_target(index, outputs)
            weight = sample_weight if weights is None else weights[index]
            with noting(lambda index=index, part=part: _where(part, outputs, targets[index], predictions[index])):
                value = ops.cast(part.loss(targets[index], predictions[index], weight), floatx())
            if self.metrics:
                self.metrics[position].update_state(value, sample_weight=real_batch_size(predictions[index]))
            if part.weight is not None:
                value = value * part.weight
            total = value if total is None else total + value
        return total
