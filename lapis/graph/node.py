"""One call of an operation in a graph."""

from typing import Any

from lapis.core import nest
from lapis.core.source import calling_line
from lapis.graph.dims import name_outputs
from lapis.graph.tensor import KerasHistory, KerasTensor


class Node:
    """One call of an operation on symbolic tensors, made when the call is.

    Attributes:
        operation: the layer or operation that was called.
        args, kwargs: the arguments of the call, symbolic tensors among them.
        outputs: what came out, in its structure.
        input_tensors, output_tensors: the symbolic tensors among both, flat.
        source: `"file:line"` of the user's program that made the call, `None` where nobody knows.
        in_model: whether it is part of a model, or has been.
    """

    __slots__ = (
        *("_substitute", "args", "in_model", "input_tensors", "kwargs", "operation", "output_tensors", "outputs"),
        "source",
    )

    def __init__(self, operation: Any, args: tuple, kwargs: dict, outputs: Any) -> None:
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.outputs = outputs
        self.source = calling_line()
        self.in_model = False
        if len(args) == 1 and not kwargs and args[0].__class__ is KerasTensor:
            self.input_tensors = [args[0]]
            self._substitute = _one
        else:
            leaves = nest.flatten((args, kwargs)) if kwargs else nest.flatten(args)
            self.input_tensors = [x for x in leaves if isinstance(x, KerasTensor)]
            self._substitute = _many
        single = outputs.__class__ is KerasTensor
        self.output_tensors = [outputs] if single else [x for x in nest.flatten(outputs) if isinstance(x, KerasTensor)]
        for x in self.input_tensors:
            if x.dims is not None:
                name_outputs(operation, args, kwargs, self.output_tensors)
                break
        index = len(operation._inbound_nodes)
        for position, x in enumerate(self.output_tensors):
            x._keras_history = KerasHistory(operation, index, position)
        operation._inbound_nodes.append(self)
        for x in self.input_tensors:
            history = getattr(x, "_keras_history", None)
            if history is not None:
                history.operation._outbound_nodes.append(self)

    @property
    def is_input(self) -> bool:
        """Whether it is where a graph begins."""
        return not self.input_tensors

    @property
    def parent_nodes(self) -> list["Node"]:
        """The calls that made the inputs, each once."""
        parents: dict[int, Node] = {}
        for x in self.input_tensors:
            node = producer(x)
            if node is not None:
                parents[id(node)] = node
        return list(parents.values())

    def fill(self, values: dict[int, Any]) -> tuple[tuple, dict]:
        """The arguments with each symbolic tensor replaced by its value, `values` going by identity."""
        return self._substitute(self, values)

    def __repr__(self) -> str:
        return f"<Node {self.operation.name}: {[x.shape for x in self.input_tensors]}>"


def _one(node: Node, values: dict[int, Any]) -> tuple[tuple, dict]:
    return (values[id(node.args[0])],), {}


def _many(node: Node, values: dict[int, Any]) -> tuple[tuple, dict]:
    def swap(x: Any) -> Any:
        return values[id(x)] if isinstance(x, KerasTensor) else x

    return nest.map_structure(swap, node.args), {key: nest.map_structure(swap, x) for key, x in node.kwargs.items()}


def producer(x: KerasTensor) -> Node | None:
    """The call that made the tensor, `None` for one made by hand."""
    history = getattr(x, "_keras_history", None)
    return None if history is None else history.operation._inbound_nodes[history.node_index]
