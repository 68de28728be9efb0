"""Initializers that draw nothing: zeros, ones, a constant, the identity matrix."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from lapis.core.dtypes import standardize_dtype
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.initializers.initializer import Initializer


@builtin("keras.initializers")
class Zeros(Initializer):
    """All zeros.

    >>> Zeros()((2,))
    array([0., 0.], dtype=float32)
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return np.zeros(shape, standardize_dtype(dtype))

    def can_wait(self, shape: Sequence[int], dtype: str) -> bool:
        return type(self) is Zeros


@builtin("keras.initializers")
class Ones(Initializer):
    """All ones.

    >>> Ones()((2,))
    array([1., 1.], dtype=float32)
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return np.ones(shape, standardize_dtype(dtype))

    def can_wait(self, shape: Sequence[int], dtype: str) -> bool:
        return type(self) is Ones


@builtin("keras.initializers")
class Constant(Initializer):
    """One value everywhere: a number, or an array that broadcasts to the shape.

    >>> Constant(3)((2,))
    array([3., 3.], dtype=float32)
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return np.full(shape, self.value, standardize_dtype(dtype))

    def get_config(self) -> dict:
        return {"value": serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config: dict) -> Self:
        return cls(deserialize_keras_object(config["value"]))


@builtin("keras.initializers", "IdentityInitializer")
@builtin("keras.initializers")
class Identity(Initializer):
    """`gain` on the diagonal of a matrix, zeros elsewhere.

    A shape that is not two-dimensional is a `ValueError`.

    >>> Identity(gain=2.0)((2, 3))
    array([[2., 0., 0.],
           [0., 2., 0.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(f"Identity fills matrices only; got shape={tuple(shape)} of rank {len(shape)}.")
        dtype = standardize_dtype(dtype)
        return (self.gain * np.eye(shape[0], shape[1])).astype(dtype)

    def get_config(self) -> dict:
        # Keras writes no gain; leaving out the default keeps equal configs equal in both.
        return {} if self.gain == 1.0 else {"gain": self.gain}
