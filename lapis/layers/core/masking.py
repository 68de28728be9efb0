"""The layer that marks time steps to skip."""

from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin, deserialize_keras_object
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class Masking(Layer):
    """Marks the steps whose values all equal `mask_value`; they become 0 and later layers skip them.

    Input and output `(batch, time, …, features)`, mask `(batch, time, …)`.

    >>> import numpy as np
    >>> Masking()(np.array([[[1.0, 0.0], [0.0, 0.0]]], "float32")).shape
    (1, 2, 2)
    """

    def __init__(self, mask_value: Any = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if isinstance(mask_value, str):
            raise TypeError(f"Masking got mask_value={mask_value!r}; expected a number.")
        self.mask_value = deserialize_keras_object(mask_value) if isinstance(mask_value, dict) else mask_value
        self.supports_masking = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Any) -> Any:
        keep = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return ops.where(keep, inputs, 0)

    def get_config(self) -> dict:
        return {**super().get_config(), "mask_value": self.mask_value}
