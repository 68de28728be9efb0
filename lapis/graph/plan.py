"""A plan: the part of a graph that leads from given inputs to given outputs, in running order."""

from collections.abc import Callable, Iterator
from typing import Any

from lapis.core import nest
from lapis.graph.node import Node, producer
from lapis.graph.tensor import KerasHistory, KerasTensor
from lapis.graph.watching import local as watched

_DISCONNECTED = (
    "The output {output} needs the tensor {tensor}, made by {maker}, which cannot be reached from the inputs {inputs}. "
    "Add that tensor to the model's inputs, or take an output that depends on the given inputs only."
)
_AMBIGUOUS = (
    "The tensor {tensor} lies inside the nested model {model!r}, which is called {count} times on the way from the "
    "inputs, so it stands for several values. Say which call is meant with `model.get_tensor(path, call=index)`."
)
_CYCLE = "The graph runs in a circle at the operation {name!r}."


class InnerTensor(KerasTensor):
    """The value that a tensor inside a nested model takes in one of that model's calls."""

    def __init__(self, node: Node, inner: KerasTensor) -> None:
        super().__init__(inner.shape, inner.dtype, name=f"{node.operation.name}/{inner.name}")
        self.node = node
        self.inner = inner
        index = node.operation._inbound_nodes.index(node)
        self._keras_history = KerasHistory(node.operation, index, -1)


class Plan:
    """The nodes between inputs and outputs, in running order.

    Attributes:
        inputs, outputs: flat lists of symbolic tensors. Outputs that lie inside a nested model are replaced by
            tensors that address them through the nested model's call.
        nodes: the calls to make, in order, inputs first.
        calls: the nodes of each operation by its identity, in the order in which they were made.
        operations: the layers and operations involved, each once, in Keras's order: by depth from the outputs, those of
            equal depth in the order in which the graph was walked.
    """

    def __init__(self, inputs: list[KerasTensor], outputs: list[KerasTensor]) -> None:
        self.inputs = list(inputs)
        input_ids = {id(x) for x in self.inputs}
        self.outputs = [_connect(x, self.inputs, input_ids) for x in outputs]
        self.nodes, order = _walk(self.outputs, input_ids)
        self.operations, self.depth_of = _by_depth(self.inputs, self.nodes, order)
        used = {id(node) for node in self.nodes}
        unused = [node for node in map(producer, self.inputs) if node is not None and id(node) not in used]
        self.calls = _calls([*self.nodes, *(node for node in unused if node.is_input)])
        self._inner = _inner_tensors(self.nodes, self.outputs, input_ids)
        self._steps = [
            (node, self._inner_plan(node))
            for node in self.nodes
            if not all(id(x) in input_ids for x in node.output_tensors)
        ]

    def call_index(self, node: Node) -> int:
        """Which of its operation's calls in this plan a node is."""
        return self.calls[id(node.operation)].index(node)

    @property
    def reaches_inside(self) -> bool:
        """Whether it takes tensors from inside of nested models."""
        return bool(self._inner)

    def _inner_plan(self, node: Node) -> tuple["Plan", list[KerasTensor], list[InnerTensor]] | None:
        taps = self._inner.get(id(node))
        if not taps:
            return None
        used = {id(x) for n in self.nodes for x in n.input_tensors} | {id(x) for x in self.outputs}
        kept = [i for i, x in enumerate(node.output_tensors) if id(x) in used]
        graph = node.operation.graph
        inside = [graph.outputs[i] for i in kept] + [tap.inner for tap in taps]
        return Plan(graph.inputs, inside), [node.output_tensors[i] for i in kept], taps

    def run(self, values: list[Any], call: Callable | None = None) -> list[Any]:
        """The outputs' values, given the inputs' values in order.

        `call(operation, args, kwargs)` makes each call; by default the operation itself is called.
        """
        watcher = watched.watcher
        if watcher is not None:
            values = watcher.begin(self.inputs, values)
        env = {id(x): value for x, value in zip(self.inputs, values, strict=True)}
        for node, inner in self._steps:
            args, kwargs = node.fill(env)
            if watcher is not None:
                watcher.enter(node)
            if inner is not None:
                plan, kept, taps = inner
                results = node.operation.run_plan(plan, *args, **kwargs)
                if watcher is not None:
                    results = watcher.leave(node, kept + taps, results)
                env.update(zip(map(id, kept + taps), results, strict=True))
                continue
            out = node.operation(*args, **kwargs) if call is None else call(node.operation, args, kwargs)
            if watcher is not None:
                leaves = watcher.leave(node, nest.flatten(node.outputs), nest.flatten(out))
                env.update(zip(map(id, nest.flatten(node.outputs)), leaves))
            elif node.outputs.__class__ is KerasTensor:
                env[id(node.outputs)] = out
            else:
                env.update((id(x), value) for x, value in zip(nest.flatten(node.outputs), nest.flatten(out)))
        return [env[id(x)] for x in self.outputs]


def _calls(nodes: list[Node]) -> dict[int, list[Node]]:
    calls: dict[int, list[Node]] = {}
    for node in nodes:
        calls.setdefault(id(node.operation), []).append(node)
    for made in calls.values():
        made.sort(key=lambda node: node.operation._inbound_nodes.index(node))
    return calls


def _children(node: Node, input_ids: set[int]) -> Iterator[Node]:
    """The calls that made a node's inputs, going no further up than the plan's inputs."""
    if all(id(x) in input_ids for x in node.output_tensors):
        return
    for x in node.input_tensors:
        made_by = producer(x)
        if made_by is not None:
            yield made_by


def _walk(outputs: list[KerasTensor], input_ids: set[int]) -> tuple[list[Node], dict[int, int]]:
    """The nodes that lead to the outputs, each after what it needs, and the order in which operations were met."""
    finished: dict[int, Node] = {}
    open_nodes: set[int] = set()
    met: dict[int, int] = {}
    for output in outputs:
        root = producer(output)
        if root is None or id(root) in finished:
            continue
        met.setdefault(id(root.operation), len(met))
        open_nodes.add(id(root))
        stack = [(root, _children(root, input_ids))]
        while stack:
            node, children = stack[-1]
            child = next(children, None)
            if child is None:
                stack.pop()
                open_nodes.discard(id(node))
                finished[id(node)] = node
            elif id(child) in open_nodes:
                raise ValueError(_CYCLE.format(name=child.operation.name))
            elif id(child) not in finished:
                met.setdefault(id(child.operation), len(met))
                open_nodes.add(id(child))
                stack.append((child, _children(child, input_ids)))
    return list(finished.values()), met


def _by_depth(inputs: list[KerasTensor], nodes: list[Node], met: dict[int, int]) -> tuple[list[Any], dict[int, int]]:
    """The operations, deepest first: an operation lies one deeper than the deepest that uses it."""
    node_depth: dict[int, int] = {}
    depth: dict[int, int] = {}
    operations: dict[int, Any] = {}
    inside = {id(node) for node in nodes}
    for node in reversed(nodes):
        operation = node.operation
        operations[id(operation)] = operation
        here = max(node_depth.get(id(node), 0), depth.get(id(operation), 0))
        node_depth[id(node)] = depth[id(operation)] = here
        for parent in node.parent_nodes:
            if id(parent) in inside:
                node_depth[id(parent)] = max(node_depth.get(id(parent), 0), here + 1)
    for x in inputs:  # an input that nothing uses still belongs to the model
        made_by = producer(x)
        if made_by is not None and id(made_by.operation) not in depth:
            operations[id(made_by.operation)] = made_by.operation
            depth[id(made_by.operation)] = 0
            met[id(made_by.operation)] = -1
    ordered = sorted(operations, key=lambda key: (-depth[key], met[key]))
    return [operations[key] for key in ordered], depth


def _inner_tensors(nodes: list[Node], outputs: list[KerasTensor], input_ids: set[int]) -> dict[int, list[InnerTensor]]:
    found: dict[int, dict[int, InnerTensor]] = {}
    for x in [*outputs, *(x for node in nodes for x in node.input_tensors)]:
        if isinstance(x, InnerTensor) and id(x) not in input_ids:
            found.setdefault(id(x.node), {})[id(x)] = x
    return {key: list(tensors.values()) for key, tensors in found.items()}


def _boundary(x: KerasTensor, input_ids: set[int]) -> list[tuple[KerasTensor, Any]]:
    """The tensors outside the inputs at which the graph above `x` ends, with what made them."""
    ends: list[tuple[KerasTensor, Any]] = []
    seen: set[int] = set()
    stack = [x]
    while stack:
        tensor = stack.pop()
        if id(tensor) in seen or id(tensor) in input_ids:
            continue
        seen.add(id(tensor))
        node = producer(tensor)
        if node is None or node.is_input:
            ends.append((tensor, node))
        else:
            stack.extend(node.input_tensors)
    return ends


def _connect(x: KerasTensor, inputs: list[KerasTensor], input_ids: set[int]) -> KerasTensor:
    """`x` itself if the inputs lead to it, else the tensor that addresses it through calls of nested models."""
    ends = _boundary(x, input_ids)
    if not ends:
        return x
    found, model = _through_calls(x, ends, input_ids)
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(_AMBIGUOUS.format(tensor=x, model=model.name, count=len(found)))
    end, node = ends[0]
    maker = f"the layer {node.operation.name!r}" if node is not None else "no layer"
    raise ValueError(_DISCONNECTED.format(output=x, tensor=end, maker=maker, inputs=[tensor.name for tensor in inputs]))


def _through_calls(x: KerasTensor, ends: list, input_ids: set[int]) -> tuple[list[KerasTensor], Any]:
    """Every way in which `x`, a tensor inside a nested model, is reached from the inputs by calls of that model."""
    for owner in getattr(ends[0][0], "_owners", ()):
        model = owner()
        if model is None or any(all(end is not x_in for x_in in model.graph.inputs) for end, _ in ends):
            continue
        found: list[KerasTensor] = []
        for node in model._inbound_nodes:
            outer = InnerTensor(node, x)
            outer_ends = _boundary(outer, input_ids)
            if not outer_ends:
                found.append(outer)
            else:
                found += _through_calls(outer, outer_ends, input_ids)[0]
        if found:
            return found, model
    return [], None
