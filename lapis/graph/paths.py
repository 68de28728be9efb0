"""Names for every call in a graph and in the graphs nested in it, such as `"encoder/conv2d_1"`."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lapis.core import nest
from lapis.core.naming import is_made_up
from lapis.graph.node import Node, producer
from lapis.graph.operation import FunctionOperation
from lapis.graph.plan import InnerTensor, Plan
from lapis.graph.tensor import KerasTensor


@dataclass(frozen=True, eq=False)
class Place:
    """One call in a model, or a layer inside of another one.

    Attributes:
        path: the names on the way from the outermost model, `/` between them.
        layer: the layer or operation that is called.
        node: the call; `None` inside of a layer that is no graph, whose calls nobody has recorded.
        through: the calls of nested models on the way, outermost first.
    """

    path: str
    layer: Any
    node: Node | None
    through: tuple[Node, ...] = ()

    @property
    def output(self) -> Any:
        """The symbolic output as seen from the outermost model, in its structure."""
        if self.node is None:
            raise ValueError(
                f"{self.path!r} lies inside of a layer that is no graph of layers, so its output is not at hand. Take "
                "the output of the layer around it."
            )
        outputs = self.node.outputs
        for call in reversed(self.through):
            outputs = nest.map_structure(lambda x, call=call: None if x is None else inner_tensor(call, x), outputs)
        return outputs

    @property
    def shape(self) -> Any:
        """The shape of the output, or the nest of its shapes; `None` where no call is recorded."""
        if self.node is None:
            return None
        return nest.map_structure(lambda x: None if x is None else x.shape, self.node.outputs)

    def __repr__(self) -> str:
        return f"<{self.path} {self.layer.type_name} {self.shape}>"


def plan_of(operation: Any) -> Plan | None:
    """The plan of a model that is a graph; `None` for any other layer or operation."""
    plan = getattr(getattr(operation, "graph", None), "graph_plan", None)
    return plan if isinstance(plan, Plan) else None


def inner_tensor(node: Node, x: KerasTensor) -> KerasTensor:
    """The tensor that addresses `x`, inside a nested model, through one call of that model."""
    inside = node.operation.graph.outputs
    from_plan = [t for i, t in enumerate(node.output_tensors) if inside[i] is x]
    return from_plan[0] if from_plan else InnerTensor(node, x)


def all_nodes(plan: Plan) -> list[Node]:
    """The calls of a plan, and the inputs that nothing uses, in running order."""
    listed = {id(node) for node in plan.nodes}
    unused = [node for node in map(producer, plan.inputs) if node is not None and id(node) not in listed]
    return [*unused, *plan.nodes]


def call_names(plan: Plan) -> dict[int, str]:
    """The name of each call of a plan, by the call's identity.

    A layer's first call has the layer's name, its second `"name:1"`. A function between layers has its own name,
    numbered in running order: `"add"`, `"add_1"`. So nothing depends on what was made before the model.
    """
    nodes = all_nodes(plan)
    taken = {node.operation.name for node in nodes if not isinstance(node.operation, FunctionOperation)}
    names: dict[int, str] = {}
    for node in nodes:
        operation = node.operation
        if isinstance(operation, FunctionOperation):
            name = _free(operation.function.__name__, "_", 0, taken)
        elif number := plan.call_index(node):
            name = _free(operation.name, ":", number, taken)
        else:
            name = operation.name
        taken.add(name)
        names[id(node)] = name
    return names


def _free(base: str, mark: str, number: int, taken: set[str]) -> str:
    """The base with the number, or with the next one that is not taken."""
    while (name := f"{base}{mark}{number}" if number else base) in taken:
        number += 1
    return name


def places(model: Any) -> list[Place]:
    """Every call in a model and in those nested in it, each before what it holds, in running order."""
    found: list[Place] = []
    plan = plan_of(model)
    if plan is None:
        _add_layers(model, "", found)
    else:
        _add_calls(plan, "", (), found)
    return found


def _add_calls(plan: Plan, prefix: str, through: tuple[Node, ...], found: list[Place]) -> None:
    names = call_names(plan)
    for node in all_nodes(plan):
        path = prefix + names[id(node)]
        found.append(Place(path, node.operation, node, through))
        inner = plan_of(node.operation)
        if inner is None:
            _add_layers(node.operation, f"{path}/", found)
        else:
            _add_calls(inner, f"{path}/", (*through, node), found)


def _add_layers(layer: Any, prefix: str, found: list[Place]) -> None:
    """The layers inside of one that is no graph; those whose names were made up are numbered there."""
    held = getattr(layer, "_layers", ())
    made_up = {id(one) for one in held if is_made_up(one.name, one.type_name)}
    taken = {one.name for one in held if id(one) not in made_up}
    for inside in held:
        name = _free(re.sub(r"_\d+$", "", inside.name), "_", 0, taken) if id(inside) in made_up else inside.name
        taken.add(name)
        path = prefix + name
        found.append(Place(path, inside, None))
        _add_layers(inside, f"{path}/", found)


def matching(found: list[Place], pattern: str) -> list[Place]:
    """The places whose path is the pattern, or fits it: `*` and `?` stay within a name, `**` does not.

    Raises:
        ValueError: where there is none; close ones are named.
    """
    exact = [place for place in found if place.path == pattern]
    fits = re.compile(_as_regex(pattern))
    chosen = exact or [place for place in found if fits.fullmatch(place.path)]
    if not chosen:
        raise ValueError(no_place(pattern, [place.path for place in found]))
    return chosen


def no_place(path: str, known: Iterable[str]) -> str:
    """The text of the error for a path that leads nowhere."""
    paths = list(known)
    last = path.rpartition("/")[2]
    close = difflib.get_close_matches(path, paths, n=3) or [p for p in paths if p.rpartition("/")[2] == last][:3]
    hint = f"Did you mean {', '.join(map(repr, close))}?" if close else f"There are {_listed(paths)}."
    return f"The model has nothing at the path {path!r}. {hint}"


def _listed(paths: list[str]) -> str:
    return ", ".join(map(repr, paths[:12])) + (f" and {len(paths) - 12} more" if len(paths) > 12 else "")


def _as_regex(pattern: str) -> str:
    """A pattern of paths as a regular expression."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(wild.get(part) or re.escape(part) for part in parts)
