"""All axes but the batch joined into one."""

import math
from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.config import standardize_data_format
from lapis.core.serialization import builtin
from lapis.layers.input_spec import InputSpec
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class Flatten(Layer):
    """Input `(batch, …)`, output `(batch, features)`; an input `(batch,)` gives `(batch, 1)`.

    With `data_format="channels_first"` the channels, axis 1, are moved last before, so that both layouts flatten to
    the same order.

    >>> import numpy as np
    >>> Flatten()(np.ones((2, 3, 4))).shape
    (2, 12)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Any:
        shape = inputs.shape
        if self.data_format == "channels_first" and len(shape) > 1:
            inputs = ops.transpose(inputs, (0, *range(2, len(shape)), 1))
        return ops.reshape(inputs, (shape[0], math.prod(shape[1:])))

    def get_config(self) -> dict:
        return {**super().get_config(), "data_format": self.data_format}
