"""Weights that are shared where separate ones were probably meant."""

from collections.abc import Iterator
from typing import Any

from lapis.core.findings import Finding
from lapis.graph import KerasTensor, producer
from lapis.initializers.random import RandomInitializer
from lapis.layers import Layer
from lapis.training.checks.graphs import has_weights, nodes, path_of
from lapis.training.checks.subject import Subject


def layers_on_their_own_output(subject: Subject) -> Iterator[Finding]:
    """`layer-on-own-output`: a layer of the library applied to what it gave, with nothing trained in between."""
    told: set[int] = set()
    for node in nodes(subject.model):
        layer = node.operation
        if id(layer) in told or not _is_plain(layer) or len(node.input_tensors) != 1:
            continue
        if _comes_from(node.input_tensors[0], layer):
            told.add(id(layer))
            message = "It was called on its own output, so both calls share their weights."
            advice = "Make a layer for each call."
            yield Finding("layer-on-own-output", "warning", message, advice, path_of(layer), node.source)


def _is_plain(layer: Any) -> bool:
    """Whether it is a layer of the library with weights and no model, which is a block that may well be repeated."""
    return type(layer).__module__.startswith("lapis.layers") and has_weights(layer)


def _comes_from(x: KerasTensor, layer: Any) -> bool:
    while True:
        node = producer(x)
        if node is None or len(node.input_tensors) != 1:
            return False
        if node.operation is layer:
            return True
        if has_weights(node.operation):
            return False
        x = node.input_tensors[0]


def layers_repeated_in_lists(subject: Subject) -> Iterator[Finding]:
    """`layer-repeated`: one layer several times in a list that a model or layer holds, as `[Dense(4)] * 3` makes it."""
    for owner in subject.model._flatten_layers():
        if type(owner).__module__.startswith("lapis.models"):
            continue  # its lists are those of the graph
        for name, value in vars(owner).items():
            if name.startswith("_") or not isinstance(value, list):
                continue
            layers = [one for one in value if isinstance(one, Layer) and has_weights(one)]
            for layer in {id(one): one for one in layers}.values():
                count = sum(one is layer for one in layers)
                if count > 1:
                    message = (
                        f"The list {name!r} of {path_of(owner)!r} holds it {count} times, so these share its weights."
                    )
                    advice = "Make each with a call of its own, as in `[Dense(4) for _ in range(3)]`."
                    yield Finding("layer-repeated", "warning", message, advice, path_of(layer))


def shared_initializers(subject: Subject) -> Iterator[Finding]:
    """`initializer-shared`: one random initializer for weights of one shape in several layers, which begin equal."""
    users: dict[tuple[int, tuple], list[Any]] = {}
    for layer in subject.model._flatten_layers():
        for name, value in vars(layer).items():
            weight = getattr(layer, name.removesuffix("_initializer"), None) if name.endswith("_initializer") else None
            shape = getattr(weight, "shape", None)
            if isinstance(value, RandomInitializer) and isinstance(value.seed, int) and shape is not None:
                users.setdefault((id(value), tuple(shape)), []).append((layer, value))
    told: set[int] = set()
    for found in users.values():
        first, initializer = found[0]
        others = [layer for layer, _ in found if layer is not first]
        if others and id(initializer) not in told:
            told.add(id(initializer))
            message = (
                f"It and {path_of(first)!r} were given the same {type(initializer).__name__} object, so their weights "
                "begin with the same values."
            )
            advice = "Give each layer an initializer of its own, or its name."
            yield Finding("initializer-shared", "warning", message, advice, path_of(others[0]))
