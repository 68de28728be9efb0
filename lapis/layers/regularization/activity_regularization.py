"""A penalty on what passes through."""

from typing import Any

import lapis.regularizers as regularizers
from lapis.core.serialization import builtin
from lapis.layers.layer import Layer


@builtin("keras.layers")
class ActivityRegularization(Layer):
    """Returns its input and adds `l1 * sum(|x|) + l2 * sum(x²)`, divided by the batch size, to the loss.

    >>> import numpy as np
    >>> ActivityRegularization(l2=0.1)(np.ones((2, 3))).shape
    (2, 3)
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.supports_masking = True
        self.l1 = l1
        self.l2 = l2

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict:
        config = {**super().get_config(), "l1": self.l1, "l2": self.l2}
        config.pop("activity_regularizer", None)
        return config
