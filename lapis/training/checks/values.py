"""Checks of the numbers in the data: labels, targets, and what goes straight into an embedding."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

import lapis.layers as layers
from lapis.core.findings import Finding
from lapis.graph import HostOutputs, Node
from lapis.training.building import graph_of
from lapis.training.checks.pairs import Pair, pairs
from lapis.training.checks.subject import Subject, has_own_steps

_MOST_NUMBERS = 1 << 19  # that are looked at in one array, in about a millisecond
_NEAR = 1e-2  # by which interpolation may leave the range from 0 to 1
_MOVING = (layers.Identity, layers.Reshape, layers.Flatten)


def check_labels(subject: Subject) -> Iterator[Finding]:
    """Class numbers and probabilities in the targets, and targets that are no numbers."""
    for validation in (False, True):
        for pair in pairs(subject, validation):
            target, weight = _known(pair)
            if target is None or not target.size:
                continue
            yield from _not_numbers(pair, target)
            if pair.kind == "sparse":
                yield from _classes(pair, target, weight)
            elif pair.kind == "binary":
                yield from _shares(pair, target, weight)


def _known(pair: Pair) -> tuple[np.ndarray | None, np.ndarray | None]:
    """As many targets as are quickly looked at, with their weights."""
    whole, weight = pair.whole_target, pair.whole_weight
    if not isinstance(whole, np.ndarray):
        whole, weight = pair.target, pair.weight
    if not isinstance(whole, np.ndarray) or not whole.ndim or whole.dtype.kind not in "iufb":
        return None, None
    rows = max(1, _MOST_NUMBERS * len(whole) // max(whole.size, 1))
    return whole[:rows], weight[:rows] if isinstance(weight, np.ndarray) else None


def _not_numbers(pair: Pair, target: np.ndarray) -> Iterator[Finding]:
    if target.dtype.kind == "f" and not np.isfinite(target.sum(dtype="float64")) and np.isnan(target).any():
        place = tuple(int(axis[0]) for axis in np.nonzero(np.isnan(target)))
        yield Finding(
            "targets-nan",
            "error",
            f"The targets of {pair.name} hold NaN, first at {place}, so the loss is NaN.",
            "Leave these samples out, or replace the values and give them a sample weight of 0.",
            *pair.place,
        )


def _counted(target: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """The targets whose weights are not 0, flat."""
    if weight is None or weight.all():
        return target.ravel()
    aligned = weight.reshape(weight.shape + (1,) * (target.ndim - weight.ndim))
    try:
        return target[np.broadcast_to(aligned != 0, target.shape)]
    except ValueError:
        return target[:0]


def _classes(pair: Pair, target: np.ndarray, weight: np.ndarray | None) -> Iterator[Finding]:
    count = pair.prediction.shape[-1]
    if target.dtype.kind == "b" or target.shape == pair.prediction.shape:
        return
    labels = _counted(target, weight)
    ignored = pair.options.get("ignore_class")
    if ignored is not None:
        labels = labels[labels != ignored]
    if not labels.size:
        return
    if labels.dtype.kind == "f" and (labels != np.floor(labels)).any():
        example = labels[labels != np.floor(labels)][0]
        if not np.isnan(example):
            yield Finding(
                "labels-fractional",
                "error",
                f"{pair.name} takes class numbers, but the targets hold {example:g}.",
                "Give whole numbers from 0, or use a loss for numbers such as mse.",
                *pair.place,
            )
        return
    low, high = labels.min(), labels.max()
    if pair.has_mask or not isinstance(count, int) or count < 2 or (low >= 0 and high < count):
        return
    hint = " The labels seem to be counted from 1: pass y - 1." if low == 1 and high == count else ""
    hint = hint or (" Pass ignore_class=-1 to the loss if -1 means no label." if low == -1 and high < count else "")
    yield Finding(
        "labels-range",
        "error",
        f"{pair.name} takes class numbers from 0 to {count - 1}, but the targets reach from {low:g} to {high:g}.",
        f"Give the last layer one unit per class, or number the classes from 0.{hint}",
        *pair.place,
    )


def _shares(pair: Pair, target: np.ndarray, weight: np.ndarray | None) -> Iterator[Finding]:
    if target.dtype.kind == "b":
        return
    labels = _counted(target, weight)
    if not labels.size or pair.has_mask:
        return
    low, high = labels.min(), labels.max()
    if not (low < -_NEAR or high > 1 + _NEAR):
        return
    whole = labels.dtype.kind in "iu" or not (labels[:4096] % 1).any()
    hint = " Labels of -1 and 1 become (y + 1) / 2." if whole and low == -1 and high == 1 else ""
    yield Finding(
        "targets-range",
        "error" if whole else "warning",
        f"{pair.name} takes targets from 0 to 1, but they reach from {low:g} to {high:g}.",
        f"Give probabilities or labels 0 and 1; for class numbers use sparse_categorical_crossentropy.{hint}",
        *pair.place,
    )


class Limit(NamedTuple):
    """A layer that takes the whole numbers below `count`, fed straight from an input."""

    layer: Any
    count: int
    path: str
    source: str | None


def check_ids(subject: Subject) -> Iterator[Finding]:
    """Numbers for embeddings and encodings that lie straight behind an input."""
    graph = graph_of(subject.model)
    x = None if subject.batch is None else (subject.whole or subject.batch)[0]
    if graph is None or x is None or x.__class__ is HostOutputs or has_own_steps(subject.model):
        return
    limits = limits_of(graph)
    if not any(limits):
        return
    try:
        arrays = graph._in_order(x)
    except ValueError:  # told where names are checked
        return
    for array, of_input in zip(arrays, limits):
        if isinstance(array, np.ndarray) and array.size and array.dtype.kind in "iuf":
            rows = max(1, _MOST_NUMBERS * len(array) // array.size)
            yield from (found for limit in of_input for found in _beyond(array[:rows], limit))


def _beyond(ids: np.ndarray, limit: Limit) -> Iterator[Finding]:
    low, high = ids.min(), ids.max()
    name = limit.layer.type_name
    if low < 0 or high >= limit.count:
        place = tuple(int(axis[0]) for axis in np.nonzero((ids < 0) | (ids >= limit.count)))
        yield Finding(
            "ids-range",
            "error" if isinstance(limit.layer, layers.Embedding) else "warning",  # an encoding gives zeros
            f"The {name} takes numbers from 0 to {limit.count - 1}, but the data reach from {low:g} to {high:g}: "
            f"{ids[place]:g} at {place}.",
            f"Make the {name} larger, or number what goes in from 0.",
            limit.path,
            limit.source,
        )
    elif ids.dtype.kind == "f" and (ids != np.floor(ids)).any():
        yield Finding(
            "ids-fractional",
            "error",
            f"The {name} takes whole numbers, but the data hold {ids[ids != np.floor(ids)][0]:g}.",
            "Give the numbers of entries, not values; a Dense layer takes values.",
            limit.path,
            limit.source,
        )


def limits_of(graph: Any) -> list[list[Limit]]:
    """For each input of a graph the layers that look its numbers up, also those in nested models."""
    readers: dict[int, list[Node]] = {}
    for node in graph.graph_plan.nodes:
        for x in node.input_tensors:
            readers.setdefault(id(x), []).append(node)
    return [list(_limits(x, readers, "")) for x in graph.inputs]


def _limits(x: Any, readers: dict[int, list[Node]], prefix: str) -> Iterator[Limit]:
    for node in readers.get(id(x), ()):
        operation = node.operation
        path = f"{prefix}{operation.name}"
        inner = graph_of(operation) if hasattr(type(operation), "train_step") else None
        if type(operation) is layers.Embedding:
            yield Limit(operation, operation.input_dim, path, node.source)
        elif type(operation) is layers.CategoryEncoding and operation.num_tokens is not None:
            yield Limit(operation, operation.num_tokens, path, node.source)
        elif type(operation) in _MOVING:
            yield from _limits(node.output_tensors[0], readers, prefix)
        elif inner is not None and len(node.input_tensors) == len(inner.inputs):
            place = next(index for index, one in enumerate(node.input_tensors) if one is x)
            for limit in limits_of(inner)[place]:
                yield limit._replace(path=f"{path}/{limit.path}")
