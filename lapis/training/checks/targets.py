"""Checks that targets, metrics and sample weights have the shapes that they are compared with."""

import itertools
from collections.abc import Iterator
from typing import Any

from lapis.core.findings import Finding
from lapis.metrics import (
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from lapis.training.checks.pairs import Pair, pairs
from lapis.training.checks.subject import Subject

_MOST_OUTPUTS = 6  # whose orders are tried
_OF_ONE_HOT = (CategoricalAccuracy, TopKCategoricalAccuracy)
_OF_NUMBERS = (SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy)
_NAMES_OF_ONE_HOT = ("categorical_accuracy", "top_k_categorical_accuracy", "CategoricalAccuracy")
_NAMES_OF_NUMBERS = ("sparse_categorical_accuracy", "sparse_top_k_categorical_accuracy", "SparseCategoricalAccuracy")


def check_targets(subject: Subject) -> Iterator[Finding]:
    """Targets, of training and of validation, against the outputs' shapes."""
    if subject.batch is None:
        return
    for validation in (False, True):
        found: list[Finding] = []
        paired = list(pairs(subject, validation))
        for pair in paired:
            found += _of_pair(pair)
        batch = subject.validation_batch if validation else subject.batch
        if any(one.severity == "error" for one in found) and batch is not None:
            found = list(_other_order(paired, batch[1])) or found
        yield from found
        for pair in paired:
            yield from _of_weights(pair)
            yield from _of_metrics(pair)


def _of_pair(pair: Pair) -> Iterator[Finding]:
    return {"sparse": _sparse, "categorical": _categorical}.get(pair.kind, _elementwise)(pair)


def _finding(pair: Pair, code: str, severity: Any, message: str, advice: str) -> Finding:
    return Finding(code, severity, message, advice, *pair.place)


def _shapes(pair: Pair) -> tuple[tuple, tuple]:
    """The shapes of targets and predictions, the samples' axis of both unknown."""
    target, prediction = tuple(pair.target.shape), tuple(pair.prediction.shape)
    return (None, *target[1:]) if target else (), (None, *prediction[1:]) if prediction else ()


def _agree(one: tuple, other: tuple) -> bool:
    return len(one) == len(other) and all(a is None or b is None or a == b for a, b in zip(one, other))


def _without_ones(shape: tuple) -> tuple:
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _sparse(pair: Pair) -> Iterator[Finding]:
    target, prediction = _shapes(pair)
    if len(prediction) < 2 or prediction[-1] in (None, 1):
        return
    if _agree(target, prediction):
        yield _finding(
            pair,
            "one-hot-labels",
            "error",
            f"{pair.name} takes class numbers, but the targets of shape {pair.target.shape} are one-hot.",
            "Use categorical_crossentropy, or y.argmax(-1).",
        )
    elif not _agree(_without_ones(target), _without_ones(prediction[:-1])):
        yield _finding(
            pair,
            "targets-shape",
            "error",
            f"{pair.name} takes class numbers of shape {prediction[:-1]} for an output of shape {prediction}, but the "
            f"targets have shape {target}.",
            "Give one class number per prediction.",
        )


def _categorical(pair: Pair) -> Iterator[Finding]:
    target, prediction = _shapes(pair)
    if len(prediction) < 2 or prediction[-1] in (None, 1) or _agree(target, prediction):
        return
    if _agree(_without_ones(target), _without_ones(prediction[:-1])):
        yield _finding(
            pair,
            "class-number-labels",
            "error",
            f"{pair.name} takes one-hot targets of shape {prediction}, but got shape {target}: class numbers.",
            "Use sparse_categorical_crossentropy, or lapis.utils.to_categorical(y, num_classes).",
        )
    else:
        yield _finding(
            pair,
            "targets-shape",
            "error",
            f"{pair.name} takes targets of the output's shape {prediction}, but got shape {target}.",
            "Give a one-hot vector, one number per class, for each prediction.",
        )


def _elementwise(pair: Pair) -> Iterator[Finding]:
    target, prediction = _shapes(pair)
    if not prediction or not target:
        return
    told = f"{pair.name} compares targets of shape {target} with an output of shape {prediction}"
    advice = f"Give targets of shape {prediction}."
    target, prediction = _same_rank(target, prediction)
    if len(target) != len(prediction):
        yield _finding(pair, "targets-broadcast", "error", f"{told}: each target with several samples' values.", advice)
        return
    sizes = [(a, b) for a, b in zip(target, prediction) if None not in (a, b) and a != b]
    if any(b == 1 for _, b in sizes):
        yield _finding(
            pair, "targets-broadcast", "error", f"{told}: each value of the output with several targets.", advice
        )
    elif sizes and all(a == 1 for a, _ in sizes):
        yield _finding(
            pair, "targets-broadcast", "warning", f"{told}: each target with several values of the output.", advice
        )
    elif sizes:
        yield _finding(pair, "targets-shape", "error", f"{told}, which do not fit.", advice)


def _same_rank(target: tuple, prediction: tuple) -> tuple[tuple, tuple]:
    """Both after a last axis of size 1 that only one of them has is dropped, as losses do."""
    if len(target) == len(prediction) + 1 and target[-1] == 1:
        return target[:-1], prediction
    if len(prediction) == len(target) + 1 and prediction[-1] == 1:
        return target, prediction[:-1]
    return target, prediction


def _other_order(paired: list[Pair], y: Any) -> Iterator[Finding]:
    """Targets in a list whose shapes fit the outputs in one other order."""
    if not isinstance(y, (list, tuple)) or not 1 < len(paired) <= _MOST_OUTPUTS:
        return
    if len({pair.index for pair in paired}) != len(paired):
        return

    def fits(order: tuple[Pair, ...]) -> bool:
        moved = (Pair(**{**vars(pair), "target": other.target}) for pair, other in zip(paired, order))
        return not any(True for pair in moved for _ in _of_pair(pair))

    orders = [order for order in itertools.permutations(paired) if fits(order)]
    if len(orders) == 1:
        names = [pair.output for pair in paired]
        shapes = [tuple(pair.target.shape) for pair in paired]
        yield _finding(
            paired[0],
            "outputs-order",
            "error",
            f"The targets have shapes {shapes}, which fit the outputs {names} only in another order.",
            "Give them in the order of the outputs, or in a dict by name.",
        )


def _of_weights(pair: Pair) -> Iterator[Finding]:
    if pair.weight is None:
        return
    weight, prediction = tuple(pair.weight.shape), tuple(pair.prediction.shape)
    if len(prediction) < 2:
        return
    values = prediction[:-1]
    wrong = len(weight) == 1 and any(size not in (1, None) for size in values[1:])
    if wrong or (len(weight) > len(values) and any(size != 1 for size in weight[len(values) :])):
        yield _finding(
            pair,
            "sample-weight-shape",
            "error",
            f"Sample weights of shape {weight} do not fit the values of {pair.name}, of shape {values}.",
            f"Give weights of shape {values}, or with sizes of 1 where they are the same.",
        )


def _of_metrics(pair: Pair) -> Iterator[Finding]:
    """Accuracies of one-hot targets with class numbers, and the reverse."""
    target, prediction = _shapes(pair)
    if len(prediction) < 2 or prediction[-1] in (None, 1):
        return
    one_hot = _agree(target, prediction)
    numbers = not one_hot and _agree(_without_ones(target), _without_ones(prediction[:-1]))
    for metric in pair.metrics:
        of_one_hot = metric in _NAMES_OF_ONE_HOT if isinstance(metric, str) else type(metric) in _OF_ONE_HOT
        of_numbers = metric in _NAMES_OF_NUMBERS if isinstance(metric, str) else type(metric) in _OF_NUMBERS
        if (of_one_hot and numbers) or (of_numbers and one_hot):
            yield _finding(
                pair,
                "metric-labels",
                "error",
                f"The metric {getattr(metric, 'name', metric)!r} takes "
                f"{'one-hot targets' if numbers else 'class numbers'}, but the targets have shape {target} for an "
                f"output of shape {prediction}.",
                f"Use {'the sparse metric' if numbers else 'the metric without sparse'}, or 'accuracy', which chooses.",
            )
