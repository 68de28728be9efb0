"""Dropout for self-normalizing networks."""

from typing import Any

import lapis.ops as ops
import lapis.random as random
from lapis.core.serialization import builtin
from lapis.layers.regularization.dropout import Dropout

# Where SELU saturates: -scale * alpha of its definition.
_SATURATION = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


@builtin("keras.layers")
class AlphaDropout(Dropout):
    """In training, sets a fraction `rate` of the values to SELU's lowest value, keeping mean and variance.

    Arguments as for `Dropout`. From [Klambauer et al., 2017](https://arxiv.org/abs/1706.02515).

    >>> import numpy as np
    >>> AlphaDropout(0.1)(np.ones((2, 3)), training=True).shape
    (2, 3)
    """

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        wanted = self.noise_shape or inputs.shape
        shape = tuple(own if size is None else size for size, own in zip(wanted, inputs.shape))
        keep = ops.cast(random.uniform(shape, seed=self.seed_generator) >= self.rate, inputs.dtype)
        scale = ((1 - self.rate) * (1 + self.rate * _SATURATION**2)) ** -0.5
        return scale * (inputs * keep + _SATURATION * (1 - keep) - _SATURATION * self.rate)
