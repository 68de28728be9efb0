"""A model as a table: its layers, their output shapes and sizes, and what feeds them."""

import itertools
import math
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lapis.core import logging, nest
from lapis.graph import Plan
from lapis.view.outline import graph_of, shown_operations

PLAIN_WIDTH, LINKED_WIDTH, TRAINABLE_WIDTH = 88, 108, 12
PLAIN_COLUMNS = (("Layer (type)", "left", 0.45), ("Output Shape", "left", 0.80), ("Param #", "right", 1.0))
LINKED_COLUMNS = (
    ("Layer (type)", "left", 0.3),
    ("Output Shape", "left", 0.56),
    ("Param #", "right", 0.74),
    ("Connected to", "left", 1.0),
)
UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
NUMBER, NONE, KIND, NO = 34, 45, 33, 9


def summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print a model's layers, output shapes and numbers of parameters.

    Args:
        model: the model; a layer that is not built yet is marked so.
        line_length: width of the table in characters; by default what the terminal holds, at most 88 (108 with links).
        positions: where each column ends, as parts of the width, such as `[0.45, 0.8, 1.0]`.
        print_fn: called with the whole text instead of printing it.
        expand_nested: whether the layers of nested models get rows of their own.
        show_trainable: whether a column says which layers are trainable.
        layer_range: patterns of the names of the first and the last layer to show.

    Raises:
        ValueError: a table too narrow for its columns, or a `layer_range` that matches no layer.

    >>> import lapis as keras
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> lines = []
    >>> model.summary(print_fn=lines.append)
    >>> "Total params: 10 (40.00 B)" in lines[0]
    True
    """
    from rich.console import Console  # here, because it takes longer to import than the rest of the package

    if print_fn is None and not logging.is_interactive_logging_enabled():
        print_fn = logging.write
    plan = graph_of(model)
    linked = plan is not None and not is_line(plan)
    calls = {id(node) for node in plan.nodes} if linked and plan else None
    table = empty_table(line_length, positions, linked, show_trainable)
    layers = in_range(shown_operations(model), layer_range)
    for layer in layers:
        for row in rows(layer, calls, expand_nested, show_trainable, level=0):
            table.add_row(*row)
    if print_fn is None:
        console = Console(highlight=False)
    else:
        console = Console(highlight=False, force_terminal=False, color_system=None)
        console.begin_capture()
    console.print(bold(f'Model: "{escaped(model.name)}"'))
    console.print(table)
    for line in totals(model):
        console.print(line)
    if print_fn is not None:
        print_fn(console.end_capture())


def is_line(plan: Plan) -> bool:
    """Whether every call takes one tensor, from the call before it, and no layer is called twice."""
    calls = plan.nodes
    return (
        len({id(node.operation) for node in calls}) == len(calls) == len(plan.operations)
        and all(len(node.input_tensors) <= 1 for node in calls)
        and all(after.parent_nodes == [before] for before, after in itertools.pairwise(calls))
    )


def empty_table(line_length: int | None, positions: Sequence[float] | None, linked: bool, trainable: bool) -> Any:
    """The table with its headings."""
    from rich.table import Column, Table

    columns = list(LINKED_COLUMNS if linked else PLAIN_COLUMNS)
    width = LINKED_WIDTH if linked else PLAIN_WIDTH
    ends = list(positions) if positions else [end for *_, end in columns]
    if trainable:
        width += TRAINABLE_WIDTH
        ends = [end * 0.9 for end in ends] + [1.0]
        columns.append(("Trainable", "center", 1.0))
    width = line_length or min(width, shutil.get_terminal_size().columns - 4)
    made, current = [], 0
    for (heading, justify, _), end in zip(columns, ends, strict=False):
        column = int(end * width) - current
        if column < 4:
            raise ValueError(
                f"The summary's column {heading!r} would be {column} characters wide, at least 4 are needed. "
                f"Give a larger `line_length` (now {width}) or other `positions` (now {ends})."
            )
        made.append(Column(heading, justify=justify, width=column))
        current += column
    return Table(*made, width=width, show_lines=True)


def rows(
    layer: Any, calls: set[int] | None, expand_nested: bool, show_trainable: bool, level: int
) -> Iterable[list[str]]:
    """The row of a layer, and those of the layers inside it."""
    name = escaped(f"{'   ' * level + '└ ' if level else ''}{layer.name}")
    row = [f"{name} ({colour(escaped(kind_of(layer)), KIND)})", output_shape(layer), parameters(layer)]
    if calls is not None:
        row.append(connections(layer, calls))
    if show_trainable:
        weights = getattr(layer, "weights", None)
        row.append(bold("-") if not weights else bold(colour("Y", NUMBER) if layer.trainable else colour("N", NO)))
    yield row
    if expand_nested:
        for inner in getattr(layer, "layers", None) or ():
            yield from rows(inner, calls, expand_nested, show_trainable, level + 1)


def kind_of(layer: Any) -> str:
    return getattr(layer, "type_name", None) or type(layer).__name__


def output_shape(layer: Any) -> str:
    """The shapes of the last symbolic call; else a graph's; else those for the shapes built with; else `?`."""
    if layer._inbound_nodes:
        shapes = [x.shape for x in layer._inbound_nodes[-1].output_tensors]
        return written(shapes[0]) if len(shapes) == 1 else written(shapes)
    if getattr(layer, "graph", None) is not None:
        return written(layer.output_shape)
    build_shapes = getattr(layer, "_build_shapes", None)
    if not build_shapes:
        return "?"
    try:
        return written(layer.compute_output_shape(**build_shapes))
    except (NotImplementedError, TypeError, ValueError):
        return "?"


def written(shape: Any) -> str:
    """A shape, or a structure of shapes, with its numbers coloured."""
    if isinstance(shape, dict):
        return "{" + ", ".join(f"{escaped(str(key))}: {written(each)}" for key, each in shape.items()) + "}"
    if isinstance(shape, (tuple, list)) and all(size is None or isinstance(size, int) for size in shape):
        sizes = [colour(str(size), NONE if size is None else NUMBER) for size in shape]
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
    if isinstance(shape, (tuple, list)):
        brackets = "[]" if isinstance(shape, list) else "()"
        return escaped(brackets[0]) + ", ".join(map(written, shape)) + brackets[1]
    return str(shape)


def parameters(layer: Any) -> str:
    if not hasattr(layer, "built"):
        return colour("0", NUMBER)
    return colour(f"{layer.count_params():,}", NUMBER) if layer.built else f"{colour('0', NUMBER)} (unbuilt)"


def connections(layer: Any, calls: set[int]) -> str:
    """What the model feeds the layer with: layer, which of its calls, which of its outputs."""
    found = []
    for node in layer._inbound_nodes:
        if id(node) in calls:
            for x in node.input_tensors:
                maker, call, output = x._keras_history
                found.append(f"{escaped(maker.name)}{index(call)}{index(output)}")
    return ", ".join(found) or "-"


def index(number: int) -> str:
    return f"[{colour(str(number), NUMBER)}]"


def totals(model: Any) -> Iterable[str]:
    """The lines below the table: how many parameters there are, and how much memory they take."""
    optimizer = getattr(model, "optimizer", None) if getattr(model, "compiled", False) else None
    groups = [("Trainable", model.trainable_weights), ("Non-trainable", model.non_trainable_weights)]
    if optimizer is not None and optimizer.built:
        groups.append(("Optimizer", optimizer.variables))
    sizes = [(name, *measured(variables)) for name, variables in groups]
    for name, count, size in [("Total", sum(s[1] for s in sizes), sum(s[2] for s in sizes)), *sizes]:
        yield f"{bold(f' {name} params: ')}{colour(f'{count:,}', NUMBER)} ({readable(size)})"


def measured(variables: Iterable[Any]) -> tuple[int, float]:
    """How many numbers the variables hold, and how many bytes these take."""
    variables = {id(variable): variable for variable in nest.flatten(list(variables))}.values()
    counts = [math.prod(variable.shape) for variable in variables]
    sizes = [count * bits(variable.dtype) / 8 for count, variable in zip(counts, variables, strict=True)]
    return sum(counts), sum(sizes)


def bits(dtype: str) -> int:
    """The bits of one number: the first figure in the dtype's name, 8 for a bool."""
    found = re.search(r"\d+", str(dtype))
    return int(found.group()) if found else 8


def readable(size: float) -> str:
    """A number of bytes in the largest unit that leaves at least one before the point."""
    for unit in UNITS[:-1]:
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} {UNITS[-1]}"


def in_range(layers: list[Any], layer_range: Sequence[str] | None) -> list[Any]:
    """The layers between two whose names match patterns, both included."""
    if layer_range is None:
        return layers
    if len(layer_range) != 2 or not all(isinstance(pattern, str) for pattern in layer_range):
        raise ValueError(
            f"`layer_range` must hold two strings, the first and the last layer's name; got {layer_range!r}."
        )
    first, last = ([i for i, layer in enumerate(layers) if re.match(name, layer.name)] for name in layer_range)
    if not first or not last:
        names = [layer.name for layer in layers]
        raise ValueError(f"`layer_range` {layer_range!r} matches no layer; the layers are {names}.")
    if min(first) > max(last):
        return layers[min(last) : max(first) + 1]
    return layers[min(first) : max(last) + 1]


def escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def colour(text: str, number: int) -> str:
    return f"[color({number})]{text}[/]"


def bold(text: str) -> str:
    return f"[bold]{text}[/]"
