"""The mean over all positions."""

from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.pooling.base import GlobalPooling


class GlobalAveragePooling(GlobalPooling):
    """The mean over all positions, channel by channel."""

    def call(self, inputs: Any) -> Any:
        return ops.mean(inputs, axis=self._axes, keepdims=self.keepdims)


@builtin("keras.layers")
class GlobalAveragePooling1D(GlobalAveragePooling):
    """The mean over one axis, such as time, channel by channel.

    Input `(batch, steps, channels)`, output `(batch, channels)`; with `data_format="channels_first"` the channels
    stand at axis 1.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; the global `image_data_format()` by default.
        keepdims: whether the spatial axes stay, with size 1.

    A mask `(batch, steps)` leaves steps out of the mean; it is not passed on.

    >>> import numpy as np
    >>> GlobalAveragePooling1D()(np.ones((2, 8, 3))).shape
    (2, 3)
    """

    rank = 1

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return super().call(inputs)
        counts = ops.expand_dims(ops.cast(mask, "bool"), -1 if self.data_format == "channels_last" else 1)
        total = ops.sum(ops.where(counts, inputs, 0), axis=self._axes, keepdims=self.keepdims)
        return total / ops.sum(ops.cast(counts, inputs.dtype), axis=self._axes, keepdims=self.keepdims)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        return None


@builtin("keras.layers")
class GlobalAveragePooling2D(GlobalAveragePooling):
    """The mean over the two axes of an image, channel by channel.

    Input `(batch, height, width, channels)`, output `(batch, channels)`; with `data_format="channels_first"` the
    channels stand at axis 1.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; the global `image_data_format()` by default.
        keepdims: whether the spatial axes stay, with size 1.

    >>> import numpy as np
    >>> GlobalAveragePooling2D()(np.ones((2, 9, 8, 3))).shape
    (2, 3)
    """

    rank = 2


@builtin("keras.layers")
class GlobalAveragePooling3D(GlobalAveragePooling):
    """The mean over three axes, of a volume or a film, channel by channel.

    Input `(batch, depth, height, width, channels)`, output `(batch, channels)`; with `data_format="channels_first"`
    the channels stand at axis 1. The arguments are those of `GlobalAveragePooling2D`.

    >>> import numpy as np
    >>> GlobalAveragePooling3D()(np.ones((1, 4, 4, 4, 3))).shape
    (1, 3)
    """

    rank = 3
