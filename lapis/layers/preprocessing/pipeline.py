"""Layers one after the other, as one."""

from typing import Any

from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.graph import get_mask
from lapis.layers.calling import signature_of
from lapis.layers.layer import Layer


@builtin("keras.layers")
class Pipeline(Layer):
    """A list of layers, each applied to what the one before it gives.

    Args:
        layers: the layers.
        name: a name.

    >>> import lapis, numpy as np
    >>> Pipeline([lapis.layers.Rescaling(2.0), lapis.layers.Rescaling(1.0, 1.0)])(np.array([3.0])).tolist()
    [7.0]
    """

    _convert_input_args = False
    _allow_non_tensor_positional_args = True
    _pipeline_layers: list[Layer]

    def __init__(self, layers: list[Layer], name: str | None = None) -> None:
        super().__init__(name=name)
        self._pipeline_layers = layers

    @property
    def layers(self) -> list[Layer]:
        """The layers, in order."""
        return list(self._pipeline_layers)

    @property
    def supports_jit(self) -> bool:
        """Whether all of its layers can be compiled."""
        return all(getattr(layer, "supports_jit", True) for layer in self._pipeline_layers)

    def build(self, input_shape: Any) -> None:
        for layer in self._pipeline_layers:
            if not layer.built:
                layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)

    def call(self, inputs: Any, training: bool | None = True, mask: Any = None) -> Any:
        for layer in self._pipeline_layers:
            signature = signature_of(type(layer).call)
            given: dict[str, Any] = {"mask": mask} if signature.takes_mask else {}
            if signature.takes_training and training is not None:
                given["training"] = training
            inputs = layer(inputs, **given)
            mask = get_mask(inputs)
        return inputs

    def compute_output_spec(self, inputs: Any, training: bool | None = True, mask: Any = None) -> Any:
        for layer in self._pipeline_layers:
            inputs = layer.compute_output_spec(inputs)
        return inputs

    def get_config(self) -> dict:
        return {"layers": serialize_keras_object(self.layers), "name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        layers = config.get("layers")
        if not isinstance(layers, (list, tuple)):
            raise ValueError(f"The config of a Pipeline has a list of layers under 'layers'; got {layers!r}.")
        return cls(**{**config, "layers": [deserialize_keras_object(layer) for layer in layers]})
