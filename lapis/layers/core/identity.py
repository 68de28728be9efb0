"""The layer that does nothing."""

from typing import Any, Unpack

from lapis.core.serialization import builtin
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class Identity(Layer):
    """Returns its input, of any structure.

    >>> import numpy as np
    >>> Identity()(np.ones((2, 3))).shape
    (2, 3)
    """

    def __init__(self, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs
