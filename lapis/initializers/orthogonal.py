"""The initializer whose rows or columns are orthogonal."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import lapis.initializers.draw as draw
from lapis.core.dtypes import standardize_dtype
from lapis.core.serialization import builtin
from lapis.initializers.random import RandomInitializer
from lapis.state import SeedGenerator


@builtin("keras.initializers", "OrthogonalInitializer")
@builtin("keras.initializers")
class Orthogonal(RandomInitializer):
    """Draws an orthogonal matrix evenly from all of them, times `gain`.

    All axes but the last count as rows. The shorter of rows and columns come out orthogonal to one another. A shape
    with fewer than two axes is a `ValueError`. From [Saxe et al., 2014](https://arxiv.org/abs/1312.6120); the sign
    rule that makes the draw even is from [Mezzadri, 2007](https://arxiv.org/abs/math-ph/0609050).

    >>> q = Orthogonal(seed=1)((3, 5))
    >>> bool(np.allclose(q @ q.T, np.eye(3), atol=1e-6))
    True
    """

    def __init__(self, gain: float = 1.0, seed: int | SeedGenerator | dict | None = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal needs a shape with at least two axes; got shape={tuple(shape)}.")
        name = standardize_dtype(dtype)
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = (max(rows, columns), min(rows, columns))
        normal = draw.normal(self.seed, tall, 0.0, 1.0, "float64" if name == "float64" else "float32")
        q, r = np.linalg.qr(normal)
        q *= np.where(np.diagonal(r) < 0, -1, 1).astype(q.dtype)
        if rows < columns:
            q = q.T
        return (self.gain * q.reshape(shape)).astype(name)

    def can_wait(self, shape: Sequence[int], dtype: str) -> bool:
        return super().can_wait(shape, dtype) and len(shape) >= 2

    def get_config(self) -> dict:
        return {**super().get_config(), "gain": self.gain}
