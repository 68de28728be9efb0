"""Larger sequences, images and volumes."""

from collections.abc import Sequence
from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.config import standardize_data_format
from lapis.core.serialization import builtin
from lapis.layers.input_spec import InputSpec
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions
from lapis.layers.reshaping.arguments import spatial_axes
from lapis.layers.windows import int_tuple

_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


@builtin("keras.layers")
class UpSampling1D(Layer):
    """Repeats each step of `(batch, steps, features)` `size` times.

    A `TypeError` where `size` is no integer, a `ValueError` where it is not positive.

    >>> import numpy as np
    >>> UpSampling1D(2)(np.ones((2, 3, 4))).shape
    (2, 6, 4)
    """

    def __init__(self, size: int = 2, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if not isinstance(size, int) or isinstance(size, bool):
            raise TypeError(f"UpSampling1D got size={size!r}; expected an integer.")
        if size <= 0:
            raise ValueError(f"UpSampling1D got size={size}; expected a positive integer.")
        self.size = size
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Any) -> Any:
        return ops.repeat(inputs, self.size, axis=1)

    def get_config(self) -> dict:
        return {**super().get_config(), "size": self.size}


class _UpSampling(Layer):
    """Repeats along each spatial axis."""

    def __init__(self, size: Any, rank: int, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.size = int_tuple(size, rank, "size", least=1)
        self.input_spec = InputSpec(ndim=rank + 2)

    def call(self, inputs: Any) -> Any:
        for axis, factor in zip(spatial_axes(self.data_format, len(self.size)), self.size):
            inputs = ops.repeat(inputs, factor, axis=axis)
        return inputs

    def get_config(self) -> dict:
        return {**super().get_config(), "size": self.size, "data_format": self.data_format}


@builtin("keras.layers")
class UpSampling2D(_UpSampling):
    """Makes images `(batch, height, width, channels)` `size` times as high and wide.

    `size` is one factor or `(height, width)`; `interpolation` is `"nearest"`, which repeats rows and columns,
    `"bilinear"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`. With `data_format="channels_first"` the input is
    `(batch, channels, height, width)`. A `ValueError` for anything else.

    >>> import numpy as np
    >>> UpSampling2D((2, 3))(np.ones((2, 4, 4, 1))).shape
    (2, 8, 12, 1)
    """

    def __init__(
        self,
        size: int | Sequence[int] = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(size, 2, data_format, **kwargs)
        self.interpolation = interpolation.lower()
        if self.interpolation not in _INTERPOLATIONS:
            raise ValueError(f"interpolation is {interpolation!r}; expected one of {', '.join(_INTERPOLATIONS)}.")

    def call(self, inputs: Any) -> Any:
        if self.interpolation == "nearest":
            return super().call(inputs)
        rows, columns = spatial_axes(self.data_format, 2)
        size = (inputs.shape[rows] * self.size[0], inputs.shape[columns] * self.size[1])
        return ops.image.resize(inputs, size, interpolation=self.interpolation, data_format=self.data_format)

    def get_config(self) -> dict:
        return {**super().get_config(), "interpolation": self.interpolation}


@builtin("keras.layers")
class UpSampling3D(_UpSampling):
    """Repeats the values of volumes `(batch, depth, height, width, channels)` `size` times along each axis.

    `size` is one factor or one per axis. With `data_format="channels_first"` the channels come after the batch.

    >>> import numpy as np
    >>> UpSampling3D(2)(np.ones((1, 2, 2, 2, 1))).shape
    (1, 4, 4, 4, 1)
    """

    def __init__(
        self, size: int | Sequence[int] = (2, 2, 2), data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(size, 3, data_format, **kwargs)
