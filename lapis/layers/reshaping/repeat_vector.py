"""One vector, many times."""

from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.input_spec import InputSpec
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class RepeatVector(Layer):
    """Input `(batch, features)`, output `(batch, n, features)`.

    A `TypeError` where `n` is no integer, a `ValueError` where it is not positive.

    >>> import numpy as np
    >>> RepeatVector(3)(np.ones((5, 2))).shape
    (5, 3, 2)
    """

    def __init__(self, n: int, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if not isinstance(n, int) or isinstance(n, bool):
            raise TypeError(f"RepeatVector got n={n!r}; expected an integer.")
        if n <= 0:
            raise ValueError(f"RepeatVector got n={n}; expected a positive integer.")
        self.n = n
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)

    def get_config(self) -> dict:
        return {**super().get_config(), "n": self.n}
