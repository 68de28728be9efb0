"""Batches and steps that the data or the model contradict."""

import math
from collections.abc import Iterator
from typing import Any

from lapis.core import nest
from lapis.core.findings import Finding
from lapis.graph import producer
from lapis.layers import BatchNormalization, InputLayer
from lapis.training.building import graph_of
from lapis.training.checks.graphs import nodes, path_of
from lapis.training.checks.subject import Subject

_DEFAULT_BATCH = 32  # what `fit` takes for arrays


def steps_beyond_data(subject: Subject) -> Iterator[Finding]:
    """`steps-beyond-data`, `validation-steps-beyond-data`: an epoch longer than the data; `no-epochs`."""
    size = subject.batch_size or _DEFAULT_BATCH
    if subject.batch_size and subject.steps_per_epoch:  # with one alone, the other follows from the data
        name = "steps" if subject.method == "evaluate" else "steps_per_epoch"
        yield from _beyond("steps-beyond-data", name, subject.steps_per_epoch, _length(subject.whole), size)
    if subject.validation_steps:
        size = _length(subject.validation_batch) or size
        yield from _beyond(
            "validation-steps-beyond-data",
            "validation_steps",
            subject.validation_steps,
            _length(subject.validation_whole),
            size,
        )
    if subject.method == "fit" and subject.epochs is not None and subject.epochs < 1:
        message = f"epochs is {subject.epochs}, so nothing is trained."
        yield Finding("no-epochs", "warning", message, "Pass at least 1.")


def _beyond(code: str, name: str, steps: int, samples: int | None, size: int) -> Iterator[Finding]:
    there_are = None if samples is None else math.ceil(samples / size)
    if there_are is not None and steps > there_are:
        message = f"{name} is {steps}, but {samples} samples make {there_are} batches of {size}."
        yield Finding(code, "warning", message, f"Leave {name} out, or take at most {there_are}.")


def _length(structure: Any) -> int | None:
    """The samples in a structure of arrays."""
    leaves = [leaf for leaf in nest.flatten(structure) if leaf is not None and getattr(leaf, "shape", ())]
    return int(leaves[0].shape[0]) if leaves else None


def static_batches(subject: Subject) -> Iterator[Finding]:
    """`batch-size-fixed`: batches of another size than an `Input` says; `stateful-shuffled`: whose states mix."""
    graph = graph_of(subject.model)
    stateful = [node.operation for node in nodes(subject.model) if getattr(node.operation, "stateful", False)]
    stack = getattr(subject.model, "_stack", None)  # a Sequential without an Input is built for the first batch's size
    if graph is not None and (stateful or not stack or isinstance(stack[0], InputLayer)):
        yield from _other_sizes(graph, stateful, subject)
    samples, size = _length(subject.whole), subject.batch_size or _DEFAULT_BATCH
    if stateful and subject.method == "fit" and subject.shuffle is True and (samples or 0) > size:
        message = "It begins each batch with the states of the batch before, but fit shuffles the samples."
        yield Finding("stateful-shuffled", "warning", message, "Pass shuffle=False.", path_of(stateful[0]))


def _other_sizes(graph: Any, stateful: list[Any], subject: Subject) -> Iterator[Finding]:
    stack = getattr(subject.model, "_stack", None)
    if stack and stack[0].type_name != "InputLayer":
        return  # it was built on the first batch, whose size binds none of the others
    severity = "error" if stateful else "warning"
    for x in graph.inputs:
        fixed, node = x.shape[0], producer(x)
        if fixed is None or node is None:
            continue
        parts = (
            ("", subject.batch, subject.whole),
            ("validation ", subject.validation_batch, subject.validation_whole),
        )
        for which, batch, whole in parts:
            size, samples = _length(batch), _length(whole)
            rest = samples % size if samples and size else 0
            came = size if size not in (None, fixed) else rest if rest not in (0, fixed) else None
            if came is None:
                continue
            last = "the last " if came == rest and size == fixed else ""
            message = f"It takes batches of {fixed}, but {last}{which}batch{'' if last else 'es'} will be of {came}."
            advice = (
                f"Pass batch_size={fixed} and a multiple of {fixed} samples, or leave the batch size of Input open."
            )
            yield Finding("batch-size-fixed", severity, message, advice, path_of(node.operation), node.source)


def lonely_statistics(subject: Subject) -> Iterator[Finding]:
    """`batch-of-one`: batch normalization over one sample without positions, which gives its `beta` alone."""
    if subject.method != "fit" or _length(subject.batch) != 1:
        return
    for node in nodes(subject.model):
        layer = node.operation
        if not isinstance(layer, BatchNormalization) or not layer.trainable or node.kwargs.get("training") is False:
            continue
        shape = node.input_tensors[0].shape
        positions = [size for axis, size in enumerate(shape) if axis not in (0, layer.axis % len(shape))]
        if all(size == 1 for size in positions):
            message = "It normalizes over the batch, so with one sample a batch it gives the same for every sample."
            advice = "Take larger batches, or LayerNormalization."
            yield Finding("batch-of-one", "warning", message, advice, path_of(layer), node.source)
