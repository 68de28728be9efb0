"""Max pooling over windows."""

from collections.abc import Sequence
from typing import Any

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.pooling.base import WindowPooling
from lapis.layers.windows import default_arguments


class MaxPooling(WindowPooling):
    """The largest value in each window, channel by channel."""

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def call(self, inputs: Any) -> Any:
        return ops.max_pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)


@builtin("keras.layers")
class MaxPooling1D(MaxPooling):
    """The largest value in each window that slides over one axis, such as time, channel by channel.

    Input `(batch, steps, channels)`, output `(batch, new_steps, channels)`; with `data_format="channels_first"` the
    channels stand at axis 1. The arguments are those of `MaxPooling2D`.

    >>> import numpy as np
    >>> MaxPooling1D(2)(np.ones((2, 8, 3))).shape
    (2, 4, 3)
    """

    rank = 1


@builtin("keras.layers")
@default_arguments(pool_size=(2, 2))
class MaxPooling2D(MaxPooling):
    """The largest value in each window that slides over the two axes of an image, channel by channel.

    Input `(batch, height, width, channels)`, output `(batch, new_height, new_width, channels)`; with
    `data_format="channels_first"` the channels stand at axis 1.

    Args:
        pool_size: the window's size, an integer or one per spatial axis.
        strides: how far the window moves; by default as far as it is wide.
        padding: `"valid"` (none: an axis of `n` positions gives `(n - pool_size) // stride + 1`), or `"same"` (it
            gives `n / stride`, rounded up).
        data_format: `"channels_last"` or `"channels_first"`; the global `image_data_format()` by default.

    A `ValueError` for arguments out of range, and where a window does not fit.

    >>> import numpy as np
    >>> MaxPooling2D(2)(np.ones((2, 9, 8, 3))).shape
    (2, 4, 4, 3)
    """

    rank = 2


@builtin("keras.layers")
@default_arguments(pool_size=(2, 2, 2))
class MaxPooling3D(MaxPooling):
    """The largest value in each window that slides over three axes, of a volume or a film, channel by channel.

    Input `(batch, depth, height, width, channels)`, output `(batch, new_depth, new_height, new_width, channels)`;
    with `data_format="channels_first"` the channels stand at axis 1. The arguments are those of `MaxPooling2D`.

    >>> import numpy as np
    >>> MaxPooling3D(2)(np.ones((1, 4, 4, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3
