"""Activation functions exchanged throughout a model."""

from collections.abc import Callable
from typing import Any

import lapis.activations as activations
from lapis.graph import FunctionOperation
from lapis.layers import ELU, LeakyReLU, ReLU, Softmax
from lapis.layers.activation import Activation
from lapis.surgery.editor import Editor

_LAYERS = {"relu": ReLU, "leaky_relu": LeakyReLU, "elu": ELU, "softmax": Softmax}


def replace_activations(model: Any, old: str | Callable[..., Any], new: str | Callable[..., Any]) -> Any:
    """A model in which one activation function stands wherever another stood, at any depth of nesting.

    It is replaced as the `activation` of layers (inside of wrappers such as `Bidirectional` too), as a layer of its
    own (`ReLU()` with its default arguments is "relu"), and as a function called between layers.

    Args:
        model: a model that is a graph; it stays as it is.
        old, new: names in `lapis.activations`, or functions.

    Returns:
        A new model with the same weights, not compiled.

    Raises:
        ValueError: for names that are unknown, and where the model does not use the old one.

    >>> import lapis
    >>> model = lapis.Sequential([lapis.Input((4,)), lapis.layers.Dense(3, "relu"), lapis.layers.ReLU()])
    >>> [layer.activation.__name__ for layer in replace_activations(model, "relu", "gelu").layers]
    ['gelu', 'gelu']
    """
    name, function = activations.serialize(activations.get(old)), activations.get(new)
    editor = Editor(model)
    count = 0
    made: dict[int, Any] = {}  # for a layer of its own that is shared, one in its place
    for draft in editor.drafts():
        for step in draft.steps:
            operation = step.operation
            if isinstance(operation, FunctionOperation) and activations.serialize(operation.function) == name:
                step.operation, step.args, step.kwargs = function, (step.inputs[0],), {}
            elif isinstance(operation, _LAYERS.get(name, ())) and _is_default(operation):
                if id(operation) not in made:
                    made[id(operation)] = _activation(function, operation)
                step.operation = made[id(operation)]
            else:
                continue
            count += 1
    result = editor.build()
    for layer in result._flatten_layers():
        own = layer.__dict__.get("activation")
        if callable(own) and activations.serialize(own) == name:
            layer.activation = function
            count += 1
    if not count:
        raise ValueError(f"The model {model.name!r} uses the activation {name!r} nowhere.")
    return result


def _activation(function: Callable[..., Any], like: Any) -> Activation:
    return Activation(function, name=like.name, dtype=like.dtype_policy)


def _is_default(layer: Any) -> bool:
    """Whether the layer has the arguments that its constructor has by default."""
    config = layer.get_config()
    return type(layer)(name=layer.name, dtype=layer.dtype_policy).get_config() == config
