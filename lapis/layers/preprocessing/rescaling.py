"""Numbers times a factor, plus an offset."""

from typing import Any, Unpack

import numpy as np

import lapis.ops as ops
from lapis.core.config import image_data_format
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.data_layer import DataLayer


@builtin("keras.layers")
class Rescaling(DataLayer):
    """`inputs * scale + offset`, in the layer's float type.

    Args:
        scale: a number, or one for each channel.
        offset: likewise.

    >>> import numpy as np
    >>> Rescaling(1 / 127.5, offset=-1)(np.array([0, 255])).tolist()
    [-1.0, 1.0]
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        scale, offset = (ops.cast(np.asarray(x), self.compute_dtype) for x in (self.scale, self.offset))
        if scale.ndim and image_data_format() == "channels_first":
            scale = ops.reshape(scale, scale.shape + (1,) * (3 - scale.ndim))
        return ops.cast(inputs, self.compute_dtype) * scale + offset

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "scale": serialize_keras_object(self.scale),
            "offset": serialize_keras_object(self.offset),
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Any:
        numbers = {key: deserialize_keras_object(config[key], custom_objects) for key in ("scale", "offset")}
        return super().from_config({**config, **numbers})
