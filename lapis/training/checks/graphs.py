"""The graphs that a model is made of."""

from collections.abc import Iterator
from typing import Any

from lapis.graph import Node, Plan
from lapis.training.building import graph_of


def plans(model: Any) -> Iterator[Plan]:
    """The plans of the model and of the models inside it, each once."""
    seen: set[int] = set()
    for layer in model._flatten_layers():
        graph = graph_of(layer) if hasattr(layer, "graph") else None
        if graph is not None and id(graph) not in seen:
            seen.add(id(graph))
            yield graph.graph_plan


def nodes(model: Any) -> Iterator[Node]:
    """The calls in all of these plans, but for the inputs."""
    for plan in plans(model):
        yield from (node for node in plan.nodes if not node.is_input)


def path_of(operation: Any) -> str:
    """The path of a layer, the name of another operation."""
    return getattr(operation, "path", operation.name)


def function_name(node: Node) -> str | None:
    """The name of the function in `lapis.ops` that a call is of, `None` for a layer."""
    function = getattr(node.operation, "function", None)
    return None if function is None else function.__name__


def has_weights(operation: Any) -> bool:
    """Whether training may change the operation."""
    return bool(getattr(operation, "trainable_variables", None))
