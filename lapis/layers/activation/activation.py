"""An activation function as a layer."""

from typing import Any, Unpack

import lapis.activations as activations
from lapis.core.serialization import builtin
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class Activation(Layer):
    """Applies a function, given itself or by its name in `lapis.activations`.

    >>> import numpy as np
    >>> Activation("relu")(np.array([-1.0, 2.0], "float32")).tolist()
    [0.0, 2.0]
    """

    def __init__(self, activation: Any, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.activation = activations.get(activation)

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)

    def get_config(self) -> dict:
        return {**super().get_config(), "activation": activations.serialize(self.activation)}
