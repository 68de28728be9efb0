"""The values without a margin."""

from collections.abc import Sequence
from typing import Any, Unpack

from lapis.core.config import standardize_data_format
from lapis.core.serialization import builtin
from lapis.layers.input_spec import InputSpec
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions
from lapis.layers.reshaping.arguments import Pairs, int_pairs, spatial_axes
from lapis.layers.windows import int_tuple


class _Cropping(Layer):
    cropping: Any
    data_format = "channels_last"

    def __init__(self, rank: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.input_spec = InputSpec(ndim=rank + 2)

    def _pairs(self) -> Pairs:
        return self.cropping

    def call(self, inputs: Any) -> Any:
        pairs = self._pairs()
        slices = [slice(None)] * len(inputs.shape)
        for axis, (before, after) in zip(spatial_axes(self.data_format, len(pairs)), pairs):
            size = inputs.shape[axis]
            # A size that is not yet known is no int and is checked when the model runs.
            if isinstance(size, int) and before + after >= size:
                raise ValueError(
                    f"{self.name!r} with cropping={self.cropping} leaves nothing of axis {axis} of an input of shape "
                    f"{tuple(inputs.shape)}."
                )
            slices[axis] = slice(before, -after or None)
        return inputs[tuple(slices)]

    def get_config(self) -> dict:
        return {**super().get_config(), "cropping": self.cropping}


@builtin("keras.layers")
class Cropping1D(_Cropping):
    """Takes steps off the beginning and end of `(batch, steps, features)`.

    `cropping` is one number for both ends or `(before, after)`. A `ValueError` where nothing is left.

    >>> import numpy as np
    >>> Cropping1D((1, 2))(np.ones((2, 5, 4))).shape
    (2, 2, 4)
    """

    def __init__(self, cropping: int | Sequence[int] = (1, 1), **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(1, **kwargs)
        self.cropping = int_tuple(cropping, 2, "cropping", least=0)

    def _pairs(self) -> Pairs:
        return (self.cropping,)


@builtin("keras.layers")
class Cropping2D(_Cropping):
    """Takes rows and columns off images `(batch, height, width, channels)`.

    `cropping` is one number for all sides, `(height, width)`, or `((top, bottom), (left, right))`. With
    `data_format="channels_first"` the input is `(batch, channels, height, width)`. A `ValueError` where nothing is
    left.

    >>> import numpy as np
    >>> Cropping2D(((1, 0), (1, 1)))(np.ones((2, 5, 5, 1))).shape
    (2, 4, 3, 1)
    """

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(2, **kwargs)
        self.data_format = standardize_data_format(data_format)
        self.cropping = int_pairs(cropping, 2, "cropping")

    def get_config(self) -> dict:
        return {**super().get_config(), "data_format": self.data_format}


@builtin("keras.layers")
class Cropping3D(_Cropping):
    """Takes a margin off volumes `(batch, depth, height, width, channels)`.

    `cropping` is one number for all sides, one per axis, or a pair (before, after) per axis. With
    `data_format="channels_first"` the channels come after the batch. A `ValueError` where nothing is left.

    >>> import numpy as np
    >>> Cropping3D(1)(np.ones((2, 3, 4, 5, 1))).shape
    (2, 1, 2, 3, 1)
    """

    def __init__(
        self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(3, **kwargs)
        self.data_format = standardize_data_format(data_format)
        self.cropping = int_pairs(cropping, 3, "cropping")

    def get_config(self) -> dict:
        return {**super().get_config(), "data_format": self.data_format}
