"""What the last layer before an output does to its values."""

from dataclasses import dataclass
from typing import Any

import lapis.activations as activations
import lapis.layers as layers
from lapis.graph import FunctionOperation, InnerTensor, KerasTensor, Node, producer
from lapis.training.building import graph_of

# Layers that end with `self.activation`, and those that only move values about.
_ACTIVATED = (
    layers.Activation,
    layers.Dense,
    layers.EinsumDense,
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.Conv3DTranspose,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
)
_MOVING = (layers.Identity, layers.Reshape, layers.Flatten)
_MOVING_FUNCTIONS = ("reshape", "squeeze", "expand_dims")


@dataclass(frozen=True)
class Head:
    """The call that makes an output.

    Attributes:
        function: `"softmax"`, `"sigmoid"`, `"linear"`, or the name of another activation of Lapis.
        path: the layer's path from the model.
        source: where it was called.
        is_free: whether its values can be any numbers: it is linear with weights that training moves as it likes.
        width: the size of its last axis.
    """

    function: str
    path: str
    source: str | None
    is_free: bool
    width: int | None


def head_of(x: Any) -> Head | None:
    """What makes a symbolic tensor, `None` where that is an operation whose values are not known."""
    prefix = ""
    while isinstance(x, KerasTensor):
        if isinstance(x, InnerTensor):
            prefix, x = f"{prefix}{x.node.operation.name}/", x.inner
        node = producer(x)
        if node is None or node.is_input:
            return None
        operation = node.operation
        graph = graph_of(operation) if hasattr(type(operation), "train_step") else None
        if graph is not None:
            place = next(index for index, one in enumerate(node.output_tensors) if one is x)
            prefix, x = f"{prefix}{operation.name}/", graph.outputs[place]
        elif _keeps_values(operation):
            x = node.input_tensors[0]
        else:
            return _head(operation, node, f"{prefix}{operation.name}", x)
    return None


def _keeps_values(operation: Any) -> bool:
    """Whether values come out as they go in, in another shape perhaps."""
    if type(operation) is layers.Activation:
        return operation.activation is activations.linear
    return type(operation) in _MOVING or _function_name(operation) in _MOVING_FUNCTIONS


def _function_name(operation: Any) -> str | None:
    own = isinstance(operation, FunctionOperation) and operation.function.__module__.startswith("lapis.")
    return operation.function.__name__ if own else None


def _head(operation: Any, node: Node, path: str, x: KerasTensor) -> Head | None:
    if type(operation) is layers.TimeDistributed:
        operation = operation.layer
    name = _function_name(operation)
    if type(operation) in _ACTIVATED:
        name = _name_of(operation.activation)
    elif type(operation) is layers.Softmax:
        name = "softmax"
    last = getattr(operation, "axis", node.kwargs.get("axis", -1)) in (-1, len(x.shape) - 1)
    if name is None or (name == "softmax" and not last):
        return None
    free = (
        name == "linear"
        and operation.trainable
        and all(getattr(operation, f"{part}_constraint", None) is None for part in ("kernel", "bias", "depthwise"))
    )
    return Head(name, path, node.source, free, x.shape[-1] if x.shape else None)


def _name_of(activation: Any) -> str | None:
    own = getattr(activation, "__module__", "").startswith("lapis.")
    return getattr(activation, "__name__", None) if own else None
