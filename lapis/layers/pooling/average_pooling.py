"""Average pooling over windows."""

from typing import Any

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.pooling.base import WindowPooling


class AveragePooling(WindowPooling):
    """The mean in each window, channel by channel."""

    def call(self, inputs: Any) -> Any:
        return ops.average_pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)


@builtin("keras.layers")
class AveragePooling1D(AveragePooling):
    """The mean in each window that slides over one axis, such as time, channel by channel.

    Input `(batch, steps, channels)`, output `(batch, new_steps, channels)`; with `data_format="channels_first"` the
    channels stand at axis 1. The arguments are those of `AveragePooling2D`.

    >>> import numpy as np
    >>> AveragePooling1D(2)(np.ones((2, 8, 3))).shape
    (2, 4, 3)
    """

    rank = 1


@builtin("keras.layers")
class AveragePooling2D(AveragePooling):
    """The mean in each window that slides over the two axes of an image, channel by channel.

    Input `(batch, height, width, channels)`, output `(batch, new_height, new_width, channels)`; with
    `data_format="channels_first"` the channels stand at axis 1.

    Args:
        pool_size: the window's size, an integer or one per spatial axis.
        strides: how far the window moves; by default as far as it is wide.
        padding: `"valid"` (none: an axis of `n` positions gives `(n - pool_size) // stride + 1`), or `"same"` (it
            gives `n / stride`, rounded up; what is added does not count).
        data_format: `"channels_last"` or `"channels_first"`; the global `image_data_format()` by default.

    A `ValueError` for arguments out of range, and where a window does not fit.

    >>> import numpy as np
    >>> AveragePooling2D(2)(np.ones((2, 9, 8, 3))).shape
    (2, 4, 4, 3)
    """

    rank = 2


@builtin("keras.layers")
class AveragePooling3D(AveragePooling):
    """The mean in each window that slides over three axes, of a volume or a film, channel by channel.

    Input `(batch, depth, height, width, channels)`, output `(batch, new_depth, new_height, new_width, channels)`;
    with `data_format="channels_first"` the channels stand at axis 1. The arguments are those of `AveragePooling2D`.

    >>> import numpy as np
    >>> AveragePooling3D(2)(np.ones((1, 4, 4, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3
