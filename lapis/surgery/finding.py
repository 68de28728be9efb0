"""Places in a model by path, class or condition, and models that give what comes out there."""

from collections.abc import Callable, Sequence
from typing import Any

from lapis.graph import FunctionOperation, KerasTensor, Place, inner_tensor, matching, places, plan_of, producer


def find(model: Any, what: str | type | Callable[..., Any]) -> list[Place]:
    """The calls in a model, and in those nested in it, that a pattern, a class or a condition fits.

    Args:
        model: the model.
        what: a path (`"encoder/conv2d_1"`) or a pattern of paths, in which `*` and `?` stand for letters of one name
            and `**` for any depth; a class of layers; a function of `lapis.ops`; or a function that takes a place and
            says whether it is wanted.

    Returns:
        Places with `path`, `layer` and `shape`, in running order; an empty list where nothing fits.

    >>> import lapis
    >>> i = lapis.Input((4,), name="i")
    >>> model = lapis.Model(i, lapis.layers.Dense(2, name="out")(i * 2.0))
    >>> find(model, "*")
    [<i InputLayer (None, 4)>, <multiply Multiply (None, 4)>, <out Dense (None, 2)>]
    >>> find(model, lapis.layers.Dense)[0].path
    'out'
    """
    found = places(model)
    if isinstance(what, str):
        try:
            return matching(found, what)
        except ValueError:
            return []
    if isinstance(what, type):
        return [place for place in found if isinstance(place.layer, what)]
    if hasattr(what, "spec"):
        return [p for p in found if isinstance(p.layer, FunctionOperation) and p.layer.function is what]
    if not callable(what):
        raise TypeError(
            f"`find` takes a path, a pattern, a class or a function; got {what!r} of type {type(what).__name__}."
        )
    return [place for place in found if what(place)]


def chosen(model: Any, paths: str | Sequence[str]) -> list[Place]:
    """The places that paths and patterns name, each once, in the order of the paths."""
    found = places(model)
    out: dict[str, Place] = {}
    for pattern in [paths] if isinstance(paths, str) else paths:
        for place in matching(found, pattern):
            if place.node is not None or place.path == pattern:
                out.setdefault(place.path, place)
    if not out:
        raise ValueError(f"No path was given that leads to a call in the graph; got {paths!r}.")
    return list(out.values())


def features(model: Any, paths: str | Sequence[str]) -> Any:
    """A model of the same inputs and layers that gives what comes out at the paths, and computes nothing else.

    Args:
        model: a model that is a graph.
        paths: paths and patterns of paths, as in `find`.

    Returns:
        A functional model whose output is a dict by path; it shares its layers with `model`.

    Raises:
        ValueError: for a path that leads nowhere, and for a model that is no graph.

    >>> import lapis
    >>> model = lapis.Sequential([lapis.Input((4,)), lapis.layers.Dense(3, name="a"), lapis.layers.Dense(2, name="b")])
    >>> features(model, ["a"]).output_shape
    {'a': (None, 3)}
    """
    require_graph(model, "features")
    outputs = {place.path: place.output for place in chosen(model, paths)}
    return model._functional_class(model.input, outputs, name=f"{model.name}_features")


def inside(output: KerasTensor, inner: str | KerasTensor) -> KerasTensor:
    """What a layer inside of a nested model gives in the call of that model that gave `output`.

    Args:
        output: what the nested model gave.
        inner: the symbolic tensor in the nested model's own graph, or the path of the layer that makes it.

    Raises:
        ValueError: where no model that is a graph gave `output`, and for a path that leads nowhere.

    >>> import lapis
    >>> i = lapis.Input((4,))
    >>> nested = lapis.Model(i, lapis.layers.Dense(2)(lapis.layers.Dense(3, name="hidden")(i)))
    >>> a, b = lapis.Input((4,)), lapis.Input((4,))
    >>> first, second = nested(a), nested(b)
    >>> lapis.Model([a, b], inside(second, "hidden")).output_shape
    (None, 3)
    """
    node = producer(output)
    if node is None or plan_of(node.operation) is None:
        raise ValueError(f"`inside` takes what a model that is a graph gave; got {output!r}.")
    if isinstance(inner, str):
        inner = matching(places(node.operation), inner)[0].output
        if not isinstance(inner, KerasTensor):
            raise ValueError(f"{node.operation.name!r} has several tensors there: {inner!r}; give one of them.")
    return inner_tensor(node, inner)


def require_graph(model: Any, what: str) -> None:
    """Raise unless the model is a graph of layers."""
    if plan_of(model) is None:
        raise ValueError(
            f"`{what}` needs a graph of layers, but {model.name!r} is a {type(model).__name__} that is none, or none "
            "yet: make it with `Model(inputs, outputs)`, or build the Sequential."
        )
