"""Outputs, each with its loss and what is known of it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import lapis.core.nest as nest
import lapis.losses as losses
from lapis.graph import KerasTensor, get_mask, producer
from lapis.losses import Loss
from lapis.losses.lookup import FUNCTIONS
from lapis.losses.wrapper import LossFunctionWrapper
from lapis.training.checks.heads import Head, head_of
from lapis.training.checks.subject import Subject, has_own_steps
from lapis.training.compile_loss import as_loss
from lapis.training.outputs import OutputTree

_KINDS = {
    losses.sparse_categorical_crossentropy: "sparse",
    losses.categorical_generalized_cross_entropy: "sparse",
    losses.categorical_crossentropy: "categorical",
    losses.categorical_focal_crossentropy: "categorical",
    losses.binary_crossentropy: "binary",
    losses.binary_focal_crossentropy: "binary",
}
_OTHERS = (losses.ctc, losses.circle, losses.dice, losses.tversky)  # whose targets have shapes of their own


@dataclass(frozen=True)
class Pair:
    """An output and one of its losses.

    Attributes:
        kind: `"sparse"`, `"categorical"` or `"binary"` for crossentropies over the last axis, `"elementwise"` for
            other losses of Lapis that compare number by number.
        name: the loss's name.
        options: the arguments that the loss was made with.
        target, weight: arrays, `None` where there are none.
        whole_target, whole_weight: all of them, where they are held in arrays.
        prediction: a symbolic tensor, or shape and type.
        index: the output's place.
        output: the output's name.
        metrics: what was given as metrics for the output, plain and weighted.
        has_mask: whether a mask may leave some elements out.
    """

    kind: str
    name: str
    options: dict[str, Any]
    target: Any
    weight: Any
    whole_target: Any
    whole_weight: Any
    prediction: Any
    index: int
    output: str
    metrics: list[Any]
    has_mask: bool

    @property
    def head(self) -> Head | None:
        """What the last layer does."""
        return head_of(self.prediction)

    @property
    def place(self) -> tuple[str, str | None]:
        """The path of the layer that makes the output, and where it was called."""
        head = self.head
        if head is not None:
            return head.path, head.source
        node = producer(self.prediction) if isinstance(self.prediction, KerasTensor) else None
        return (self.output, None) if node is None else (node.operation.name, node.source)


def pairs(subject: Subject, validation: bool = False) -> Iterator[Pair]:
    """The outputs that have a loss of Lapis's, with their targets; nothing where they do not match."""
    compiled, outputs = subject.model._compile_loss if subject.model.compiled else None, subject.outputs
    if compiled is None or outputs is None or has_own_steps(subject.model):
        return
    batch = subject.validation_batch if validation else subject.batch
    whole = (subject.validation_whole if validation else subject.whole) or batch
    nothing = (None, None, None)
    if validation and batch is None:
        return
    predictions = nest.flatten(outputs)
    metrics: list[list[Any]] = [[] for _ in predictions]
    if subject.model._compile_metrics is not None:
        with contextlib.suppress(ValueError):
            metrics = subject.model._compile_metrics.match(outputs)
    with contextlib.suppress(ValueError):  # told where names are checked
        tree, found, targets = _matched(compiled, outputs, None if batch is None else batch[1])
        whole_targets = targets if whole is batch else compiled.match((whole or nothing)[1], outputs)[2]
        weights, whole_weights = (
            tree.spread(one, "sample_weight") if nest.is_nested(one) else [one] * len(tree)
            for one in ((batch or nothing)[2], (whole or nothing)[2])
        )
        for index, loss in found:
            kind = _kind(loss)
            if kind is not None and isinstance(loss, LossFunctionWrapper):
                yield Pair(
                    kind,
                    loss.name,
                    loss._fn_kwargs,
                    targets[index],
                    weights[index],
                    whole_targets[index],
                    whole_weights[index],
                    predictions[index],
                    index,
                    tree.names[index],
                    metrics[index],
                    _has_mask(subject.model, predictions[index]),
                )


def _matched(compiled: Any, outputs: Any, y: Any) -> tuple[OutputTree, list[tuple[int, Loss]], list[Any]]:
    """The outputs, their losses and targets; without targets those losses that do not depend on them."""
    if y is not None:
        tree, parts, targets = compiled.match(y, outputs)
        return tree, [(part.output, part.loss) for part in parts], targets
    tree, per_output, _ = compiled.match_losses(outputs)
    return tree, list(_named(per_output)), [None] * len(tree)


def _named(per_output: list[Any]) -> Iterator[tuple[int, Loss]]:
    for index, given in enumerate(per_output):
        for one in given if isinstance(given, (list, tuple)) else [given]:
            if one is not None and one not in ("crossentropy", "ce"):
                yield index, as_loss(one)


def _kind(loss: Loss) -> str | None:
    """What a loss compares, `None` for one that is not of Lapis, or not along the last axis."""
    if not isinstance(loss, LossFunctionWrapper) or type(loss).call is not LossFunctionWrapper.call:
        return None
    if FUNCTIONS.get(getattr(loss.fn, "__name__", "")) is not loss.fn or loss.fn in _OTHERS:
        return None
    return _KINDS.get(loss.fn, "elementwise") if loss._fn_kwargs.get("axis", -1) == -1 else None


def _has_mask(model: Any, prediction: Any) -> bool:
    if isinstance(prediction, KerasTensor):
        return get_mask(prediction) is not None
    return any(getattr(layer, "mask_zero", False) or layer.type_name == "Masking" for layer in model._flatten_layers())
