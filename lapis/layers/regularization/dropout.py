"""Dropout of single values."""

from collections.abc import Sequence
from typing import Any, Unpack

import lapis.random as random
from lapis.core.serialization import builtin
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions
from lapis.state import SeedGenerator


def check_rate(layer: str, name: str, value: float) -> float:
    """`value`; a `ValueError` unless it lies between 0 and 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"{layer} got {name}={value!r}; expected a number from 0 to 1.")
    return value


@builtin("keras.layers")
class Dropout(Layer):
    """In training, sets a fraction `rate` of the values to 0 and multiplies the others by `1 / (1 - rate)`.

    `noise_shape` draws fewer decisions and broadcasts them: `(None, 1, None)` drops whole features of
    `(batch, time, features)`; `None` entries take the input's size. `seed` is an int; `None` draws one. A `ValueError`
    where `rate` is not from 0 to 1, or an entry of `noise_shape` no positive integer or `None`. From
    [Srivastava et al., 2014](https://jmlr.org/papers/v15/srivastava14a.html).

    >>> import numpy as np
    >>> Dropout(0.5)(np.ones((2, 3)), training=False).shape
    (2, 3)
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.rate = check_rate(type(self).__name__, "rate", rate)
        self.seed = seed
        self.noise_shape = _checked_shape(noise_shape)
        if rate > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        return random.dropout(inputs, self.rate, noise_shape=self._noise_shape(inputs), seed=self.seed_generator)

    def _noise_shape(self, inputs: Any) -> tuple | None:
        return self.noise_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed, "noise_shape": self.noise_shape}


def _checked_shape(shape: Any) -> tuple[int | None, ...] | None:
    if shape is None:
        return None
    sizes = tuple(shape) if isinstance(shape, Sequence) and not isinstance(shape, str) else None
    if sizes is None or any(size is not None and (not isinstance(size, int) or size <= 0) for size in sizes):
        raise ValueError(f"noise_shape is {shape!r}; expected a tuple of positive integers and None.")
    return sizes
