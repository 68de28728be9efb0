"""Layers and inputs that are there and do nothing."""

from collections.abc import Iterator
from typing import Any

from lapis.core.findings import Finding
from lapis.graph import Node, producer
from lapis.layers import Layer
from lapis.training.building import graph_of
from lapis.training.checks.graphs import has_weights, path_of
from lapis.training.checks.subject import Subject


def unused_layers(subject: Subject) -> Iterator[Finding]:
    """`layer-never-called`: a layer that a model holds, but never called, so that it has no weights.

    A layer may hold one for shapes that it did not meet, such as a projection where widths differ.
    """
    model = subject.model
    if not model.built:
        return
    told = set()
    for holder in model._flatten_layers():
        for layer in holder._layers if hasattr(holder, "train_step") else ():
            if layer._overrides_build and not layer.built and id(layer) not in told:
                told.add(id(layer))
                message = "The model holds it, but does not call it, so it has no weights."
                yield Finding("layer-never-called", "warning", message, "Call it, or leave it out.", path_of(layer))


def unused_branches(subject: Subject) -> Iterator[Finding]:
    """`branch-unused`: a layer with weights, called on what comes from the inputs, that leads to no model's outputs."""
    graph = graph_of(subject.model)
    if graph is None:
        return
    inside = {id(operation) for operation in graph.graph_plan.operations}
    for node in _outside(graph.graph_plan):
        if has_weights(node.operation) and id(node.operation) not in inside:
            message = "It was called on what the inputs lead to, but no output of a model depends on it."
            advice = "Add what it gives to the outputs, or leave the call out."
            yield Finding("branch-unused", "warning", message, advice, path_of(node.operation), node.source)


def _outside(plan: Any) -> Iterator[Node]:
    """The first calls on ways from the plan's nodes that no model has taken."""
    for node in plan.nodes:
        made = {id(x) for x in node.output_tensors}
        for after in node.operation._outbound_nodes:
            given = any(id(x) in made for x in after.input_tensors)
            if given and not after.in_model and isinstance(after.operation, Layer):
                yield after


def unused_inputs(subject: Subject) -> Iterator[Finding]:
    """`input-unused`: an input that no output depends on."""
    graph = graph_of(subject.model)
    if graph is None:
        return
    used = {id(x) for node in graph.graph_plan.nodes for x in node.input_tensors} | {id(x) for x in graph.outputs}
    for x in graph.inputs:
        node = producer(x)
        if node is not None and id(x) not in used:
            message = "No output depends on this input."
            yield Finding(
                "input-unused", "warning", message, "Use it, or leave it out.", path_of(node.operation), node.source
            )
