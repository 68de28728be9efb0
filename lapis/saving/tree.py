"""The objects of a model that have state, each under the path that Keras 3's weight files give it."""

import functools
from collections.abc import Iterable, Iterator
from typing import Any

from lapis.core.naming import to_snake_case
from lapis.layers.layer import Layer
from lapis.losses.loss import Loss
from lapis.metrics.metric import Metric
from lapis.optimizers.optimizer import Optimizer
from lapis.state import SeedGenerator

_KINDS = (Layer, Optimizer, Metric, Loss)
_MODEL_MODULES = ("lapis.models.", "lapis.training.")
# What of a model's own attributes is looked into; all others repeat the layers or hold no state.
_MODEL_ATTRIBUTES = frozenset({"layers", "optimizer"})
_GRAPH_MODELS = frozenset({"Functional", "Sequential"})


def saveables(root: Any, skip: Iterable[Any] = ()) -> Iterator[tuple[str, Any]]:
    """Every layer, optimizer, metric, loss and seed generator below `root`, once, as `(path, object)`.

    The objects in `skip` are left out with all they hold. Attributes are visited in the order of their names, private
    ones last; the members of a list, tuple or dict go by the name of their class and a number, since their own names
    change from session to session.
    """
    return _visit(root, "", {id(obj): obj for obj in skip})


def _visit(value: Any, path: str, seen: dict[int, Any]) -> Iterator[tuple[str, Any]]:
    if id(value) in seen:
        return
    if isinstance(value, (*_KINDS, SeedGenerator)):
        seen[id(value)] = value
        yield path, value
        if not isinstance(value, SeedGenerator):
            for name, child in _attributes(value):
                yield from _visit(child, f"{path}/{name}" if path else name, seen)
    elif isinstance(value, (list, tuple, dict)):
        seen[id(value)] = value  # held, so that no later object can have its id
        for name, member in _members(value.values() if isinstance(value, dict) else value):
            yield from _visit(member, f"{path}/{name}", seen)


def _members(members: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    counts: dict[str, int] = {}
    for member in list(members):
        if isinstance(member, (list, tuple, dict)):
            name = "container"
        elif isinstance(member, (*_KINDS, SeedGenerator)):
            name = to_snake_case(type(member).__name__)
        else:
            continue
        count = counts[name] = counts.get(name, -1) + 1
        yield f"{name}_{count}" if count else name, member


def _attributes(obj: Any) -> Iterator[tuple[str, Any]]:
    skipped = set(_base_attributes(_kind_of(obj)))
    for cls in type(obj).__mro__:
        if cls.__module__.startswith(_MODEL_MODULES):
            skipped |= vars(cls).keys() - _MODEL_ATTRIBUTES
            if cls.__name__ in _GRAPH_MODELS:
                yield "layers", obj.layers
    for name in sorted(dir(obj), key=lambda name: f"~{name}" if name.startswith("_") else name):
        if name.startswith("__") or name in skipped:
            continue
        try:
            child = getattr(obj, name)
        except Exception:  # a property that has nothing to give yet
            continue
        yield name, child


def _kind_of(obj: Any) -> type:
    return next(kind for kind in _KINDS if isinstance(obj, kind))


@functools.cache
def _base_attributes(kind: Any) -> frozenset[str]:
    """The attributes that every object of the kind has: bookkeeping, not state of its own."""
    base = Optimizer(1.0, name="unused") if kind is Optimizer else kind(name="unused")
    return frozenset(dir(base))
