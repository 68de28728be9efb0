"""The arguments that all layers take, for type checkers."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypedDict

Activation: TypeAlias = str | Callable[..., Any] | dict[str, Any] | None


class BaseOptions(TypedDict, total=False):
    """What a layer's `**kwargs` may hold.

    Attributes:
        name: a name, unique within a model.
        trainable: whether training changes the weights.
        dtype: a dtype policy, its name, or an element type.
        autocast: whether floating-point inputs are cast to the compute type.
        input_shape: the shape of the inputs without the batch axis, for the first layer of a `Sequential`.
        input_dim: likewise, for inputs of one axis.
    """

    name: str | None
    trainable: bool
    dtype: Any
    autocast: bool
    input_shape: Any
    input_dim: int


class LayerOptions(BaseOptions, total=False):
    """Likewise, with a penalty on the outputs."""

    activity_regularizer: Any
