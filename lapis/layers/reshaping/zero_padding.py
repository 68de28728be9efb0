"""Zeros around the values."""

from collections.abc import Sequence
from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.config import standardize_data_format
from lapis.core.serialization import builtin
from lapis.layers.input_spec import InputSpec
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions
from lapis.layers.reshaping.arguments import Pairs, int_pairs, spatial_axes
from lapis.layers.windows import int_tuple


class _ZeroPadding(Layer):
    padding: Any

    def __init__(self, rank: int, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=rank + 2)

    def _pairs(self) -> Pairs:
        return self.padding

    def call(self, inputs: Any) -> Any:
        pairs = self._pairs()
        widths = [(0, 0)] * (len(pairs) + 2)
        for axis, pair in zip(spatial_axes(self.data_format, len(pairs)), pairs):
            widths[axis] = pair
        return ops.pad(inputs, widths)

    def get_config(self) -> dict:
        return {**super().get_config(), "padding": self.padding, "data_format": self.data_format}


@builtin("keras.layers")
class ZeroPadding1D(_ZeroPadding):
    """Adds zeros before and after the steps of `(batch, steps, channels)`.

    `padding` is one number for both ends or `(before, after)`. With `data_format="channels_first"` the input is
    `(batch, channels, steps)`. A `ValueError` for anything else.

    >>> import numpy as np
    >>> ZeroPadding1D((1, 2))(np.ones((2, 3, 4))).shape
    (2, 6, 4)
    """

    def __init__(
        self, padding: int | Sequence[int] = 1, data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(1, data_format, **kwargs)
        self.padding = int_tuple(padding, 2, "padding", least=0)

    def _pairs(self) -> Pairs:
        return (self.padding,)


@builtin("keras.layers")
class ZeroPadding2D(_ZeroPadding):
    """Adds rows and columns of zeros around images `(batch, height, width, channels)`.

    `padding` is one number for all sides, `(height, width)`, or `((top, bottom), (left, right))`. With
    `data_format="channels_first"` the input is `(batch, channels, height, width)`. A `ValueError` for anything else.

    >>> import numpy as np
    >>> ZeroPadding2D(((1, 0), (2, 2)))(np.ones((2, 3, 4, 1))).shape
    (2, 4, 8, 1)
    """

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(2, data_format, **kwargs)
        self.padding = int_pairs(padding, 2, "padding")


@builtin("keras.layers")
class ZeroPadding3D(_ZeroPadding):
    """Adds zeros around volumes `(batch, depth, height, width, channels)`.

    `padding` is one number for all sides, one per axis, or a pair (before, after) per axis. With
    `data_format="channels_first"` the channels come after the batch. A `ValueError` for anything else.

    >>> import numpy as np
    >>> ZeroPadding3D(1)(np.ones((2, 3, 4, 5, 1))).shape
    (2, 5, 6, 7, 1)
    """

    def __init__(
        self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(3, data_format, **kwargs)
        self.padding = int_pairs(padding, 3, "padding")
