"""The base class of layers around another layer."""

from typing import Any, Self, Unpack

from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class Wrapper(Layer):
    """Holds a `layer`, builds it with its own input's shape, and saves it in the config. A subclass writes `call`.

    A `ValueError` where `layer` is no layer.

    >>> from lapis.layers.core.identity import Identity
    >>> Wrapper(Identity(name="inner")).layer.name
    'inner'
    """

    def __init__(self, layer: Layer, **kwargs: Unpack[LayerOptions]) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(f"{type(self).__name__} wraps a layer; got layer={layer!r}.")
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)

    def get_config(self) -> dict:
        return {**super().get_config(), "layer": serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Self:
        config = dict(config)
        return cls(deserialize_keras_object(config.pop("layer"), custom_objects), **config)
