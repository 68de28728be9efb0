"""The base class of everything that gives a weight its first value."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from lapis.core.serialization import builtin


@builtin("keras.initializers")
@builtin("keras")
class Initializer:
    """Makes the first value of a weight: called with a shape and an element type, gives an array.

    A subclass writes `__call__`, and `get_config` where its constructor takes arguments.

    >>> class Sevens(Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return np.full(shape, 7, dtype or "float32")
    >>> Sevens()((2,))
    array([7., 7.], dtype=float32)
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        """An array of this shape; `dtype` defaults to `floatx()`."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__(shape, dtype=None); write one.")

    def can_wait(self, shape: Sequence[int], dtype: str) -> bool:
        """Whether calling it later, when the weight is first read, gives the same array and raises nothing."""
        return False

    def get_config(self) -> dict:
        """The constructor's arguments as plain data."""
        return {}

    @classmethod
    def from_config(cls, config: dict) -> Self:
        """The initializer that `get_config()` describes."""
        return cls(**config)

    def clone(self) -> Self:
        """A new initializer with the same configuration."""
        return self.from_config(self.get_config())
