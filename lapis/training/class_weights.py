"""Class weights as `fit` takes them: for one output, or per output by name."""

from numbers import Real
from typing import Any

import numpy as np

import lapis.core.nest as nest
from lapis.core.findings import refuse
from lapis.data import OutputClassWeights
from lapis.training.building import graph_of
from lapis.training.outputs import OutputTree, check_keys


def class_weights_for(model: Any, class_weight: Any) -> dict | OutputClassWeights | None:
    """The class weights, those per output with the names of the outputs in order.

    Raises:
        CheckError: for outputs that the model does not have, and for classes that are no whole numbers.
    """
    if class_weight is None:
        return None
    if not isinstance(class_weight, dict):
        refuse(
            "class-weight",
            f"class_weight is {class_weight!r}.",
            "Give a dict from class numbers to weights, or per output a dict of such dicts by output name.",
        )
    if not any(isinstance(weights, dict) for weights in class_weight.values()):
        _check(class_weight, "class_weight")
        return class_weight
    names = _output_names(model)
    if names:
        check_keys(class_weight, names, "class_weight")
    for name, weights in class_weight.items():
        if weights is not None:
            _check(weights, f"class_weight[{name!r}]")
    return OutputClassWeights(tuple(names), {name: one for name, one in class_weight.items() if one is not None})


def _output_names(model: Any) -> list[str]:
    """The outputs' names, none where only the targets tell."""
    graph = graph_of(model)
    return [] if graph is None else OutputTree(nest.unpack_single(graph.output), model.output_names).names


def _check(weights: Any, what: str) -> None:
    if not isinstance(weights, dict):
        refuse("class-weight", f"{what} is {weights!r}.", "Give a dict from class numbers to weights.")
    for key, weight in weights.items():
        if not isinstance(key, (int, float, np.integer)) or key % 1:
            refuse(
                "class-weight",
                f"{what} has the key {key!r}, which is no class number, so no sample would get its weight.",
                "Use the whole numbers of the classes, such as {0: 1.0, 1: 5.0}.",
            )
        if not isinstance(weight, Real):
            refuse("class-weight", f"{what}[{key!r}] is {weight!r}.", "Give a number.")
