"""The arguments that all layers take, for type checkers."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypedDict

Activation: TypeAlias = str | Callable[..., Any] | dict[str, Any] | None


class CommonOptions(TypedDict, total=False):
    """What the `**kwargs` of any layer may hold.

    Attributes:
        name: a name, unique within a model.
        trainable: whether training changes the weights.
        dtype: a dtype policy, its name, or an element type.
        autocast: whether floating-point inputs are cast to the compute type.
        input_shape: the shape of the inputs without the batch axis, for the first layer of a `Sequential`.
    """

    name: str | None
    trainable: bool
    dtype: Any
    autocast: bool
    input_shape: Any


class BaseOptions(CommonOptions, total=False):
    """Likewise, with the length of inputs of one axis in place of their shape."""

    input_dim: int


class LayerOptions(BaseOptions, total=False):
    """Likewise, with a penalty on the outputs."""

    activity_regularizer: Any


class EmbeddingOptions(CommonOptions, total=False):
    """What an embedding's `**kwargs` may hold; `input_length` has no effect."""

    activity_regularizer: Any
    input_length: Any


class RecurrentOptions(BaseOptions, total=False):
    """What a recurrent layer's `**kwargs` may hold; `implementation` is Keras's choice between equal ways."""

    implementation: int
