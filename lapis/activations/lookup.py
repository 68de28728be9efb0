"""Activations by name, and their names in configs."""

from collections.abc import Callable
from typing import Any

import lapis.ops as ops
from lapis.activations.functions import exponential, gelu, linear, mish, relu
from lapis.core.serialization import builtin_functions, custom_object_scope, resolve, serialize_keras_object

_TABLE: dict[str, Callable] = {
    "celu": ops.celu,
    "elu": ops.elu,
    "exponential": exponential,
    "gelu": gelu,
    "glu": ops.glu,
    "hard_shrink": ops.hard_shrink,
    "hard_sigmoid": ops.hard_sigmoid,
    "hard_silu": ops.hard_silu,
    "hard_tanh": ops.hard_tanh,
    "leaky_relu": ops.leaky_relu,
    "linear": linear,
    "log_sigmoid": ops.log_sigmoid,
    "log_softmax": ops.log_softmax,
    "mish": mish,
    "relu": relu,
    "relu6": ops.relu6,
    "selu": ops.selu,
    "sigmoid": ops.sigmoid,
    "silu": ops.silu,
    "soft_shrink": ops.soft_shrink,
    "softmax": ops.softmax,
    "softplus": ops.softplus,
    "softsign": ops.softsign,
    "sparse_plus": ops.sparse_plus,
    "sparse_sigmoid": ops.sparse_sigmoid,
    "sparsemax": ops.sparsemax,
    "squareplus": ops.squareplus,
    "tanh": ops.tanh,
    "tanh_shrink": ops.tanh_shrink,
    "threshold": ops.threshold,
}
_NAMES = {function: name for name, function in _TABLE.items()} | {ops.relu: "relu"}
_BY_NAME = _TABLE | {"swish": ops.silu, "hard_swish": ops.hard_silu}
builtin_functions(_BY_NAME)


def get(identifier: Any) -> Callable:
    """The activation that a name, a config or a callable stands for; `linear` for `None`.

    >>> get("sigmoid")([0.0]).tolist()
    [0.5]
    """
    return linear if identifier is None else resolve(identifier, "activation", _BY_NAME)


def serialize(activation: Callable) -> Any:
    """The activation's name, or the config of one that is not ours.

    >>> serialize(get("swish"))
    'silu'
    """
    try:
        name = _NAMES.get(activation)
    except TypeError:  # an object that cannot be hashed
        name = None
    return name or serialize_keras_object(activation)


def deserialize(config: Any, custom_objects: dict | None = None) -> Callable:
    """The activation that `serialize` described.

    >>> deserialize("relu")([-1.0]).tolist()
    [0.0]
    """
    with custom_object_scope(custom_objects):
        return get(config)
