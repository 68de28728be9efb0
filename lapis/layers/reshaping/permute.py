"""The axes in another order."""

from collections.abc import Sequence
from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.input_spec import InputSpec
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class Permute(Layer):
    """Puts the axes in the order `dims`, counted from 1; the batch axis stays first.

    A `ValueError` unless `dims` holds each of 1, 2, … once.

    >>> import numpy as np
    >>> Permute((2, 1))(np.ones((5, 3, 4))).shape
    (5, 4, 3)
    """

    def __init__(self, dims: Sequence[int], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"Permute got dims={self.dims}; expected the numbers 1 to {len(self.dims)}, each once.")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        return ops.transpose(inputs, (0, *self.dims))

    def get_config(self) -> dict:
        return {**super().get_config(), "dims": self.dims}
