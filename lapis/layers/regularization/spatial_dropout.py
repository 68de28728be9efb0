"""Dropout of whole feature maps."""

from typing import Any

from lapis.core.config import standardize_data_format
from lapis.core.serialization import builtin
from lapis.layers.input_spec import InputSpec
from lapis.layers.regularization.dropout import Dropout


class _SpatialDropout(Dropout):
    """One decision for each sample and channel. From [Tompson et al., 2014](https://arxiv.org/abs/1411.4280)."""

    data_format: str

    def __init__(self, rate: float, ndim: int, seed: int | None, name: str | None, dtype: Any) -> None:
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.input_spec = InputSpec(ndim=ndim)

    def _noise_shape(self, inputs: Any) -> tuple:
        shape = inputs.shape
        ones = (1,) * (len(shape) - 2)
        if self.data_format == "channels_first":
            return (shape[0], shape[1], *ones)
        return (shape[0], *ones, shape[-1])

    def get_config(self) -> dict:
        return {"rate": self.rate, "seed": self.seed, "name": self.name, "dtype": self.dtype_policy.name}


@builtin("keras.layers")
class SpatialDropout1D(_SpatialDropout):
    """In training, drops whole channels of `(batch, time, channels)` at the given `rate`.

    >>> import numpy as np
    >>> SpatialDropout1D(0.5)(np.ones((2, 5, 3))).shape
    (2, 5, 3)
    """

    data_format = "channels_last"

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(rate, 3, seed, name, dtype)


@builtin("keras.layers")
class SpatialDropout2D(_SpatialDropout):
    """In training, drops whole channels of `(batch, height, width, channels)` at the given `rate`.

    With `data_format="channels_first"` the input is `(batch, channels, height, width)`.

    >>> import numpy as np
    >>> SpatialDropout2D(0.5)(np.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)
    """

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(rate, 4, seed, name, dtype)
        self.data_format = standardize_data_format(data_format)

    def get_config(self) -> dict:
        return {**super().get_config(), "data_format": self.data_format}


@builtin("keras.layers")
class SpatialDropout3D(_SpatialDropout):
    """In training, drops whole channels of `(batch, depth, height, width, channels)` at the given `rate`.

    With `data_format="channels_first"` the input is `(batch, channels, depth, height, width)`.

    >>> import numpy as np
    >>> SpatialDropout3D(0.5)(np.ones((2, 2, 4, 4, 3))).shape
    (2, 2, 4, 4, 3)
    """

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(rate, 5, seed, name, dtype)
        self.data_format = standardize_data_format(data_format)

    def get_config(self) -> dict:
        return {**super().get_config(), "data_format": self.data_format}
