"""Normal noise, added to or multiplied with the values."""

import math
from typing import Any, Unpack

import lapis.random as random
from lapis.core.serialization import builtin
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions
from lapis.layers.regularization.dropout import check_rate
from lapis.state import SeedGenerator


@builtin("keras.layers")
class GaussianNoise(Layer):
    """In training, adds normal noise with mean 0 and standard deviation `stddev` (from 0 to 1, else `ValueError`).

    >>> import numpy as np
    >>> GaussianNoise(0.1)(np.ones((2, 3)), training=True).shape
    (2, 3)
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.stddev = check_rate("GaussianNoise", "stddev", stddev)
        self.seed = seed
        if stddev > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.stddev == 0:
            return inputs
        return inputs + random.normal(
            inputs.shape, stddev=self.stddev, dtype=self.compute_dtype, seed=self.seed_generator
        )

    def get_config(self) -> dict:
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


@builtin("keras.layers")
class GaussianDropout(Layer):
    """In training, multiplies by normal noise with mean 1 and standard deviation `sqrt(rate / (1 - rate))`.

    `rate` is from 0 to 1, else `ValueError`. From
    [Srivastava et al., 2014](https://jmlr.org/papers/v15/srivastava14a.html), section 10.

    >>> import numpy as np
    >>> GaussianDropout(0.1)(np.ones((2, 3)), training=True).shape
    (2, 3)
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.rate = check_rate("GaussianDropout", "rate", rate)
        self.seed = seed
        if rate > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        stddev = math.sqrt(self.rate / (1.0 - self.rate))
        return inputs * random.normal(
            inputs.shape, mean=1.0, stddev=stddev, dtype=self.compute_dtype, seed=self.seed_generator
        )

    def get_config(self) -> dict:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
