"""Initializers that draw from one fixed distribution, whatever the shape."""

from collections.abc import Sequence
from typing import Any

import numpy as np

import lapis.initializers.draw as draw
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.initializers.initializer import Initializer
from lapis.state import SeedGenerator, make_default_seed


class RandomInitializer(Initializer):
    """Keeps the seed: an int repeats its numbers at every call, a `SeedGenerator` moves on, `None` picks an int."""

    def __init__(self, seed: int | SeedGenerator | dict | None = None) -> None:
        if isinstance(seed, dict):
            seed = deserialize_keras_object(seed)
        elif isinstance(seed, np.integer):
            seed = int(seed)
        if seed is not None and not isinstance(seed, (int, SeedGenerator)):
            raise ValueError(f"seed is {seed!r}; expected an int, a SeedGenerator or None.")
        self._init_seed = seed
        self.seed: Any = make_default_seed() if seed is None else seed

    def can_wait(self, shape: Sequence[int], dtype: str) -> bool:
        is_ours = type(self).__call__.__module__.startswith("lapis.")
        return is_ours and isinstance(self.seed, int) and dtype in draw.DTYPES

    def get_config(self) -> dict:
        return {"seed": serialize_keras_object(self._init_seed)}


@builtin("keras.initializers")
class RandomNormal(RandomInitializer):
    """Draws from the normal distribution with this `mean` and `stddev`.

    >>> RandomNormal(stddev=0.1, seed=1)((2, 3)).shape
    (2, 3)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | SeedGenerator | dict | None = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return draw.normal(self.seed, shape, self.mean, self.stddev, dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


@builtin("keras.initializers")
class TruncatedNormal(RandomInitializer):
    """Draws from the normal distribution, redrawing what is further than two `stddev` from the `mean`.

    >>> bool(abs(TruncatedNormal(stddev=1.0, seed=1)((1000,))).max() <= 2.0)
    True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | SeedGenerator | dict | None = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return draw.truncated_normal(self.seed, shape, self.mean, self.stddev, dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


@builtin("keras.initializers")
class RandomUniform(RandomInitializer):
    """Draws evenly from `[minval, maxval)`.

    >>> bool((RandomUniform(0.0, 1.0, seed=1)((1000,)) < 1.0).all())
    True
    """

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | SeedGenerator | dict | None = None
    ) -> None:
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return draw.uniform(self.seed, shape, self.minval, self.maxval, dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}
