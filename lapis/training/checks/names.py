"""Checks that inputs, targets, losses, metrics and weights are matched with what the model has, by name and shape."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import lapis.core.nest as nest
from lapis.core.findings import CheckError, Finding
from lapis.graph import HostOutputs
from lapis.metrics import get as get_metric
from lapis.metrics.lookup import TABLE as METRICS
from lapis.training.building import graph_of
from lapis.training.checks.subject import Subject, has_own_steps
from lapis.training.outputs import OutputTree

_MOST_INPUTS = 6  # whose orders are tried


def check_inputs(subject: Subject) -> Iterator[Finding]:
    """Inputs by name, number, order and shape."""
    graph = graph_of(subject.model)
    if graph is None or has_own_steps(subject.model):
        return
    for given, batch, what in _both(subject):
        x = batch[0]
        if x.__class__ is HostOutputs:  # the host's part has taken them in by name
            continue
        yield from _of_inputs(graph, x, what)
        names = graph.input_names
        yield from _contradicting_names(None if given is None else given[0], names, f"{what}x", "inputs-order")
        yield from _sorted_away(graph.input, x, f"{what}x", "inputs-order")


def _both(subject: Subject) -> Iterator[tuple[Any, Any, str]]:
    """What was given and its first batch, of training and of validation, with how errors call it."""
    if subject.batch is not None:
        yield subject.given, subject.batch, ""
    if subject.validation_batch is not None:
        yield subject.validation_given, subject.validation_batch, "validation "


def _of_inputs(graph: Any, x: Any, what: str) -> Iterator[Finding]:
    found: list[Finding] = []
    flat = _collect(lambda: graph._in_order(x), found)
    if found:
        yield from found
        return
    specs = graph.inputs
    wrong = [(spec, array) for spec, array in zip(specs, flat) if not _fits(array, spec)]
    if not wrong:
        return
    names = graph.input_names
    order = None if isinstance(x, dict) else _fitting_order(flat, specs)
    if order is not None:
        told = [names[specs.index(spec)] for spec in order]
        yield Finding(
            "inputs-order",
            "error",
            f"The arrays of {what}x have shapes {[tuple(one.shape) for one in flat]}, which fit the inputs "
            f"{names} only in another order: they seem to be {told}.",
            "Give them in the order of the inputs, or in a dict by name.",
            told[0],
        )
        return
    for spec, array in wrong:
        yield Finding(
            "input-shape",
            "error",
            f"The input {spec._keras_history.operation.name!r} of the model {graph.path!r} has shape "
            f"{spec.shape}, but {what}x has an array of shape {tuple(array.shape)} for it.",
            "Reshape the data, or declare the input with their shape.",
            spec._keras_history.operation.path,
        )


def _fits(array: Any, spec: Any) -> bool:
    """Whether an array has an input's shape, up to a last axis of size 1, which is added or dropped."""
    if array is None or not hasattr(array, "shape") or spec.dtype == "string":
        return True
    shape, wanted = tuple(array.shape), spec.shape
    if len(shape) == len(wanted) + 1 and shape[-1] == 1:
        shape = shape[:-1]
    elif len(shape) == len(wanted) - 1 and wanted[-1] == 1:
        shape = (*shape, 1)
    return len(shape) == len(wanted) and all(
        size is None or size == have for size, have in zip(wanted[1:], shape[1:], strict=True)
    )


def _fitting_order(flat: list[Any], specs: list[Any]) -> Any:
    """The only order of the inputs in which all arrays fit, `None` where there is none or several."""
    if not 1 < len(flat) <= _MOST_INPUTS:
        return None
    fitting = [order for order in itertools.permutations(specs) if all(_fits(x, spec) for x, spec in zip(flat, order))]
    return fitting[0] if len(fitting) == 1 else None


def _contradicting_names(given: Any, names: list[str], what: str, code: str) -> Iterator[Finding]:
    """Columns in a list that carry the very names of inputs or outputs, in another order."""
    if not isinstance(given, (list, tuple)):
        return
    own = [column_name(one) for one in given]
    if own != names and None not in own and sorted(map(str, own)) == sorted(names):
        yield Finding(
            code,
            "error",
            f"{what} is a list of columns named {own}, but they are taken in the order {names}.",
            f"Give a dict by name: {{{', '.join(f'{name!r}: ...' for name in names[:2])}, ...}}.",
            names[0],
        )


def column_name(x: Any) -> str | None:
    """The name of a pandas Series, or of a DataFrame's only column."""
    if not hasattr(x, "iloc"):
        return None
    if hasattr(x, "columns"):
        return str(x.columns[0]) if len(x.columns) == 1 else None
    return None if x.name is None else str(x.name)


def _sorted_away(structure: Any, given: Any, what: str, code: str) -> Iterator[Finding]:
    """A list for what the model has in a dict whose keys are not in alphabetical order."""
    if not isinstance(structure, dict) or not isinstance(given, (list, tuple)) or len(structure) != len(given):
        return
    declared, taken = list(structure), sorted(structure)
    if declared != taken:
        yield Finding(
            code,
            "warning",
            f"{what} is a list, which is matched with the keys of the model's dict in alphabetical order, {taken}; "
            f"they were declared in the order {declared}.",
            "Give a dict by name.",
        )


def check_outputs(subject: Subject) -> Iterator[Finding]:
    """Targets, losses, loss weights, metrics and sample weights by name and number."""
    model, outputs = subject.model, subject.outputs
    if outputs is None or has_own_steps(model) or not model.compiled:
        return
    found: list[Finding] = []
    if model._compile_metrics is not None:
        for name in nest.flatten(_collect(lambda: model._compile_metrics.match(outputs), found)):
            if isinstance(name, str) and name.lower() not in ("accuracy", "acc") and name not in METRICS:
                _collect(lambda name=name: get_metric(name), found)
    names = getattr(model, "output_names", None)
    if model._compile_loss is not None:
        names = model._compile_loss.output_names
        if subject.batch is None:
            _collect(lambda: model._compile_loss.match_losses(outputs), found)
    tree = OutputTree(outputs, names)
    for given, (_, y, sample_weight), what in _both(subject):
        if model._compile_loss is not None:
            found += _with_prefix(what, lambda y=y: model._compile_loss.match(y, outputs))
        elif y is not None:
            found += _with_prefix(what, lambda y=y: tree.spread(y, "y"))
        if nest.is_nested(sample_weight):
            weight = sample_weight
            found += _with_prefix(what, lambda weight=weight: tree.spread(weight, "sample_weight"))
        if tree.named:
            found += _contradicting_names(None if given is None else given[1], tree.names, f"{what}y", "outputs-order")
        found += _sorted_away(outputs, y, f"{what}y", "outputs-order")
    yield from dict.fromkeys(found)


def _with_prefix(what: str, match: Callable[[], Any]) -> list[Finding]:
    found: list[Finding] = []
    _collect(match, found)
    return [replace(one, message=f"In the {what}data: {one.message}") if what else one for one in found]


def _collect(match: Callable[[], Any], found: list[Finding]) -> Any:
    """What matching gives; what it refuses is added to `found`."""
    try:
        return match()
    except CheckError as error:
        found += error.findings
    except ValueError as error:  # a loss or metric that does not exist
        found.append(Finding("unknown-name", "error", str(error), "Use a name of Keras, a function or an object."))
    return None
