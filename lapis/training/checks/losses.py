"""Checks that losses and metrics fit the last layers of their outputs."""

from collections.abc import Iterator
from typing import Any

import lapis.core.nest as nest
from lapis.core.findings import Finding
from lapis.graph import InnerTensor, KerasTensor, producer
from lapis.metrics import BinaryAccuracy
from lapis.training.checks.pairs import Pair, pairs
from lapis.training.checks.subject import Subject, has_own_steps

_CROSSENTROPIES = ("sparse", "categorical", "binary")


def check_losses(subject: Subject) -> Iterator[Finding]:
    """Probabilities and logits, losses that stay the same whatever is learnt, and options out of range."""
    model = subject.model
    if not model.compiled or has_own_steps(model):
        return
    for pair in pairs(subject):
        yield from _constant(pair)
        yield from _smoothing(pair)
        if pair.kind in _CROSSENTROPIES:
            yield from _probabilities(pair)
            yield from _mixed(pair)
            yield from _threshold(pair)


def _constant(pair: Pair) -> Iterator[Finding]:
    head, width = pair.head, pair.prediction.shape[-1] if pair.prediction.shape else None
    path, source = pair.place
    if head is not None and head.function == "softmax" and head.width == 1:
        yield Finding(
            "softmax-of-one",
            "error",
            "A softmax over one class is always 1, so the output never changes.",
            "For two classes use Dense(1, activation='sigmoid') with binary_crossentropy.",
            path,
            source,
        )
    elif pair.kind in ("sparse", "categorical") and width == 1:
        yield Finding(
            "one-class",
            "error",
            f"{pair.name} over one class is always the same: the output's shape is {tuple(pair.prediction.shape)}.",
            "Give the last layer one unit per class, or use binary_crossentropy.",
            path,
            source,
        )


def _smoothing(pair: Pair) -> Iterator[Finding]:
    smoothing = pair.options.get("label_smoothing", 0)
    if isinstance(smoothing, (int, float)) and not 0 <= smoothing < 1:
        yield Finding(
            "label-smoothing",
            "error",
            f"{pair.name} has label_smoothing={smoothing}, which leaves nothing of the labels.",
            "Give the share that is spread over all classes, from 0 to below 1, such as 0.1.",
            *pair.place,
        )


def _probabilities(pair: Pair) -> Iterator[Finding]:
    head = pair.head
    if head is None:
        return
    if pair.options.get("from_logits"):
        if head.function in ("softmax", "sigmoid"):
            yield Finding(
                "probabilities-as-logits",
                "error",
                f"The layer ends in a {head.function}, but {pair.name} has from_logits=True, and applies another.",
                "Leave out the activation, or from_logits.",
                head.path,
                head.source,
            )
    elif head.is_free:
        yield Finding(
            "logits-as-probabilities",
            "error",
            f"The layer is linear, so it gives any numbers, but {pair.name} takes them for probabilities.",
            "Pass from_logits=True to the loss, or give the layer a "
            f"{'sigmoid' if pair.kind == 'binary' else 'softmax'}.",
            head.path,
            head.source,
        )
    elif head.function in ("tanh", "softsign", "elu", "selu", "gelu", "silu", "leaky_relu"):
        yield Finding(
            "logits-as-probabilities",
            "warning",
            f"The layer ends in {head.function}, which can be negative, but {pair.name} takes that for a probability.",
            f"Use a {'sigmoid' if pair.kind == 'binary' else 'softmax'}.",
            head.path,
            head.source,
        )


def _mixed(pair: Pair) -> Iterator[Finding]:
    head = pair.head
    if head is None or pair.options.get("from_logits"):
        return
    if head.function == "sigmoid" and pair.kind != "binary" and head.width != 1:
        yield Finding(
            "sigmoid-with-categorical",
            "warning",
            f"The layer gives independent probabilities by a sigmoid, but {pair.name} takes one class of "
            f"{pair.prediction.shape[-1]} for right.",
            "Use a softmax for one class of several, or binary_crossentropy for several labels at once.",
            head.path,
            head.source,
        )
    if head.function == "softmax" and pair.kind == "binary" and (head.width or 0) > 2:
        yield Finding(
            "softmax-with-binary",
            "warning",
            f"The layer gives one distribution over {head.width} classes by a softmax, but {pair.name} takes each for "
            "a decision of its own.",
            "Use categorical_crossentropy for one class of several, or a sigmoid for several labels at once.",
            head.path,
            head.source,
        )


def _threshold(pair: Pair) -> Iterator[Finding]:
    """Binary accuracy of logits with the threshold of probabilities."""
    head = pair.head
    if head is None or not head.is_free or not pair.options.get("from_logits") or pair.kind != "binary":
        return
    alone = len(pair.prediction.shape) < 2 or pair.prediction.shape[-1] == 1
    for metric in pair.metrics:
        by_name = isinstance(metric, str) and metric.lower() in (("accuracy", "acc") if alone else ())
        by_name = by_name or metric in ("binary_accuracy", "BinaryAccuracy")
        if by_name or (type(metric) is BinaryAccuracy and metric._fn_kwargs.get("threshold") == 0.5):
            yield Finding(
                "metric-threshold",
                "warning",
                "The accuracy compares logits with the threshold 0.5, where the probability is 0.62.",
                "Use lapis.metrics.BinaryAccuracy(threshold=0.0).",
                head.path,
                head.source,
            )


def check_trained_outputs(subject: Subject) -> Iterator[Finding]:
    """Losses on outputs that no weight of the model can change."""
    model = subject.model
    outputs = nest.flatten(subject.outputs)
    if not subject.trains or not model.compiled or not model.trainable_variables:
        return
    for pair in pairs(subject):
        if len(outputs) > 1 and not _reaches_weights(pair.prediction):
            yield Finding(
                "output-not-trained",
                "warning",
                f"{pair.name} is taken of the output {pair.output!r}, but no trainable weight leads to it.",
                "Leave out its loss, or set `trainable = True` on its layers and compile again.",
                *pair.place,
            )


def _reaches_weights(x: Any) -> bool:
    """Whether a trainable variable lies on the way to a symbolic tensor; so where nobody knows the way."""
    if not isinstance(x, KerasTensor):
        return True
    seen: set[int] = set()
    stack = [x]
    while stack:
        tensor = stack.pop()
        node = producer(tensor)
        if id(tensor) in seen or node is None:
            continue
        seen.add(id(tensor))
        if isinstance(tensor, InnerTensor) or getattr(node.operation, "trainable_variables", None):
            return True
        stack += node.input_tensors
    return False
