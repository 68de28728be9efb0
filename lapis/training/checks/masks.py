"""Masks that get lost between the layer that makes them and one that wants them."""

from collections.abc import Iterator
from typing import Any

from lapis.core import nest
from lapis.core.dtypes import is_float_dtype
from lapis.core.findings import Finding
from lapis.graph import FunctionOperation, KerasTensor, Node, Plan, get_mask, producer
from lapis.layers import Softmax
from lapis.layers.calling import signature_of
from lapis.training.building import graph_of
from lapis.training.checks.graphs import path_of, plans
from lapis.training.checks.subject import Subject

_ADVICE = "Take a layer or an operation that lets masks through, or pass `mask=` to {consumer}."


def lost_masks(subject: Subject) -> Iterator[Finding]:
    """`mask-lost`: what layers want was told when the graph was made; here the loss, and in `check` all of them."""
    model = subject.model
    if subject.method == "check":
        for plan in plans(model):
            yield from masks_lost_on_the_way(plan)
    graph = graph_of(model)
    if graph is None or getattr(model, "loss", None) is None:
        return
    for x in graph.outputs:
        node = _where_lost(x)
        if node is not None and _has_the_steps_of(x, node):
            yield _finding(node, "the loss", None)


def masks_lost_in_operations(plan: Plan) -> Iterator[Finding]:
    """Those that operations drop, for a graph that is being made; layers told of theirs when they were called."""
    if any(get_mask(x) is not None for node in plan.nodes for x in node.output_tensors):
        for node, finding in _lost(plan):
            if isinstance(node.operation, FunctionOperation):
                yield finding


def masks_lost_on_the_way(plan: Plan) -> Iterator[Finding]:
    """`mask-lost` for each call that drops a mask which a later layer of the graph wants."""
    yield from (finding for _, finding in _lost(plan))


def _lost(plan: Plan) -> Iterator[tuple[Node, Finding]]:
    told: set[int] = set()
    for node in plan.nodes:
        for x in _wanting(node):
            dropper = _where_lost(x)
            if dropper is not None and id(dropper) not in told:
                told.add(id(dropper))
                yield dropper, _finding(dropper, f"the layer {path_of(node.operation)!r}", node.source)


def _finding(dropper: Node, consumer: str, source: str | None) -> Finding:
    operation = dropper.operation
    where = f" ({source})" if source else ""
    message = f"{operation.type_name} drops the mask of its input, which {consumer}{where} wants."
    advice = _ADVICE.format(consumer=consumer)
    return Finding("mask-lost", "warning", message, advice, path_of(operation), dropper.source)


def _uses_mask(operation: Any) -> bool:
    """Whether it is a layer whose call takes a mask of steps; a model only hands it on."""
    if isinstance(operation, (FunctionOperation, Softmax)) or hasattr(operation, "graph"):
        return False
    signature = signature_of(type(operation).call)
    return signature.takes_mask or bool(signature.mask_names)


def _wanting(node: Node) -> Iterator[KerasTensor]:
    """The tensors whose masks the call would use, and which have none."""
    if not _uses_mask(node.operation):
        return
    signature = signature_of(type(node.operation).call)
    arguments = signature.bind(node.args, node.kwargs, node.operation)
    if signature.mask_names:
        wanted = {name: mask for name, mask in signature.mask_names.items() if name in arguments}
    else:
        wanted = {next(iter(arguments)): "mask"}
    for name, mask in wanted.items():
        if arguments.get(mask) is None:
            tensors = [x for x in nest.flatten(arguments[name]) if isinstance(x, KerasTensor)]
            yield from (x for x in tensors[:1] if get_mask(x) is None)


def _where_lost(x: KerasTensor) -> Node | None:
    """The call above that was given a mask and gave none, on a way that keeps the steps."""
    stack, seen = [x], set()
    while stack:
        tensor = stack.pop()
        node = producer(tensor)
        if node is None or node.is_input or id(node) in seen or get_mask(tensor) is not None:
            continue
        seen.add(id(node))
        rank = max(len(given.shape) for given in node.input_tensors)
        if len(tensor.shape) < rank or not is_float_dtype(tensor.dtype) or _uses_mask(node.operation):
            continue  # the steps end here, and the need for their mask with them
        if all(get_mask(given) is None for given in node.input_tensors):
            stack += node.input_tensors
        elif _drops(node.operation):
            return node
    return None


def _drops(operation: Any) -> bool:
    """Whether no mask comes out; of layers with others inside, only running them tells."""
    return isinstance(operation, FunctionOperation) or not (operation.supports_masking or operation._layers)


def _has_the_steps_of(x: KerasTensor, node: Node) -> bool:
    """Whether the output still has the axes that a lost mask spoke of, so that its loss is one of steps."""
    masks = [get_mask(given) for given in node.input_tensors if get_mask(given) is not None]
    return any(len(mask.shape) > 1 and x.shape[: len(mask.shape)] == mask.shape for mask in masks)
