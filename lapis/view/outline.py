"""What a picture or a table of a model shows: its layers, and which feeds which."""

from dataclasses import dataclass, field
from typing import Any

from lapis.core import nest
from lapis.graph import KerasTensor, Node, Plan


@dataclass
class Item:
    """One layer of a model, with the calls that the model makes of it; `inner` where it is a model shown opened."""

    layer: Any
    nodes: list[Node] = field(default_factory=list)
    inner: "Outline | None" = None


@dataclass(frozen=True)
class Link:
    """One item feeds another: from its output number `source_port` to the other's input number `target_port`."""

    source: int
    source_port: int
    target: int
    target_port: int


@dataclass
class Outline:
    """The layers of a model and the links between them.

    Attributes:
        name: the model's name.
        items: its layers, each once, however often it is called.
        links: which feeds which, each pair once.
        entries: for each of the model's inputs, the items (and their input numbers) that it reaches.
        exits: for each of the model's outputs, the item and its output number; `None` for an input passed on.
    """

    name: str
    items: list[Item]
    links: list[Link]
    entries: list[list[tuple[int, int]]]
    exits: list[tuple[int, int] | None]


def graph_of(model: Any) -> Plan | None:
    """The graph of a model built from layers; `None` for any other layer or model."""
    plan = getattr(getattr(model, "graph", None), "graph_plan", None)
    return plan if isinstance(plan, Plan) else None


def is_input(layer: Any) -> bool:
    """Whether a layer is where a graph begins."""
    return bool(layer._inbound_nodes) and layer._inbound_nodes[0].is_input


def shown_operations(model: Any) -> list[Any]:
    """A model's layers and operations in order; a Sequential model's input is not one of them."""
    graph = graph_of(model)
    if graph is None:
        return list(getattr(model, "layers", []))
    listed = {id(layer) for layer in model.layers}
    return [each for each in graph.operations if id(each) in listed or not is_input(each)]


def outline(model: Any, expand_nested: bool = False, taps: tuple[KerasTensor, ...] = ()) -> Outline:
    """The outline of a model that has a graph.

    `taps` are further tensors inside the model that something outside uses; they follow its outputs among the exits.
    """
    graph = graph_of(model)
    assert graph is not None
    items = [Item(operation) for operation in shown_operations(model)]
    index = {id(item.layer): i for i, item in enumerate(items)}
    for node in graph.nodes:
        if id(node.operation) in index:
            items[index[id(node.operation)]].nodes.append(node)
    wanted = [*(x for node in graph.nodes for x in node.input_tensors), *graph.outputs, *taps]
    tapped = inner_taps(wanted)
    if expand_nested:
        for item in items:
            if graph_of(item.layer) is not None:
                item.inner = outline(item.layer, True, tuple(tapped.get(id(item.layer), ())))

    def made_by(x: KerasTensor) -> tuple[int, int] | None:
        """The item and the output number that a tensor comes from."""
        operation, _, port = x._keras_history
        if port < 0:
            port = len(operation.graph.outputs) + tapped[id(operation)].index(inner_of(x))
        return (index[id(operation)], port) if id(operation) in index else None

    links: dict[tuple[int, ...], Link] = {}
    entry_number = {id(x): i for i, x in enumerate(graph.inputs)}
    entries: list[list[tuple[int, int]]] = [[] for _ in graph.inputs]
    for node in graph.nodes:
        target = index.get(id(node.operation))
        if target is None:
            continue
        if node.is_input:
            for x in node.output_tensors:
                if id(x) in entry_number:
                    entries[entry_number[id(x)]].append((target, 0))
        for port, x in enumerate(node.input_tensors):
            opened = items[target].inner
            port = min(port, len(opened.entries) - 1) if opened else 0
            source = made_by(x)
            if source is None:
                if id(x) in entry_number and (target, port) not in entries[entry_number[id(x)]]:
                    entries[entry_number[id(x)]].append((target, port))
                continue
            source_port = source[1] if items[source[0]].inner else 0
            link = Link(source[0], source_port, target, port)
            links[(link.source, link.source_port, link.target, link.target_port)] = link
    exits = [made_by(x) for x in (*graph.outputs, *taps)]
    return Outline(model.name, items, list(links.values()), entries, exits)


def inner_of(x: Any) -> KerasTensor:
    """The tensor inside a nested model that `x` stands for."""
    return x.inner


def inner_taps(tensors: list[KerasTensor]) -> dict[int, list[KerasTensor]]:
    """By nested model: the tensors inside it that are used outside."""
    found: dict[int, list[KerasTensor]] = {}
    for x in tensors:
        operation, _, port = x._keras_history
        if port < 0:
            inside = found.setdefault(id(operation), [])
            if all(inner_of(x) is not other for other in inside):
                inside.append(inner_of(x))
    return found


def call_shapes(item: Item, side: str) -> list[Any]:
    """The different structures of shapes (`side` "input" or "output") that a layer's calls have."""
    return unique([nest.map_structure(shape_of, structure(node, side)) for node in nodes_of(item)])


def call_dtypes(item: Item) -> list[Any]:
    """The different structures of output dtypes that a layer's calls have."""
    return unique([nest.map_structure(dtype_of, node.outputs) for node in nodes_of(item)])


def nodes_of(item: Item) -> list[Node]:
    return item.nodes or list(getattr(item.layer, "_inbound_nodes", []))


def structure(node: Node, side: str) -> Any:
    if side == "output":
        return node.outputs
    tensors = node.input_tensors
    return tensors[0] if len(tensors) == 1 else list(tensors)


def shape_of(x: Any) -> str:
    return "None" if x is None else "(" + ", ".join(map(str, x.shape)) + ("," if len(x.shape) == 1 else "") + ")"


def dtype_of(x: Any) -> str:
    return "None" if x is None else x.dtype


def unique(values: list[Any]) -> list[Any]:
    out: list[Any] = []
    for value in values:
        if value not in out:
            out.append(value)
    return out


def flat_text(value: Any) -> str:
    """A structure of words as one line: `a`, `[a, b]`, `{key: a}`."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flat_text(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(flat_text, value)) + "]"
    return str(value)
