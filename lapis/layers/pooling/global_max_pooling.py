"""The largest value over all positions."""

from typing import Any

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.pooling.base import GlobalPooling


class GlobalMaxPooling(GlobalPooling):
    """The largest value over all positions, channel by channel."""

    def call(self, inputs: Any) -> Any:
        return ops.max(inputs, axis=self._axes, keepdims=self.keepdims)


@builtin("keras.layers")
class GlobalMaxPooling1D(GlobalMaxPooling):
    """The largest value over one axis, such as time, channel by channel.

    Input `(batch, steps, channels)`, output `(batch, channels)`; with `data_format="channels_first"` the channels
    stand at axis 1. The arguments are those of `GlobalMaxPooling2D`.

    >>> import numpy as np
    >>> GlobalMaxPooling1D()(np.ones((2, 8, 3))).shape
    (2, 3)
    """

    rank = 1


@builtin("keras.layers")
class GlobalMaxPooling2D(GlobalMaxPooling):
    """The largest value over the two axes of an image, channel by channel.

    Input `(batch, height, width, channels)`, output `(batch, channels)`; with `data_format="channels_first"` the
    channels stand at axis 1.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; the global `image_data_format()` by default.
        keepdims: whether the spatial axes stay, with size 1.

    >>> import numpy as np
    >>> GlobalMaxPooling2D()(np.ones((2, 9, 8, 3))).shape
    (2, 3)
    """

    rank = 2


@builtin("keras.layers")
class GlobalMaxPooling3D(GlobalMaxPooling):
    """The largest value over three axes, of a volume or a film, channel by channel.

    Input `(batch, depth, height, width, channels)`, output `(batch, channels)`; with `data_format="channels_first"`
    the channels stand at axis 1. The arguments are those of `GlobalMaxPooling2D`.

    >>> import numpy as np
    >>> GlobalMaxPooling3D()(np.ones((1, 4, 4, 4, 3))).shape
    (1, 3)
    """

    rank = 3
