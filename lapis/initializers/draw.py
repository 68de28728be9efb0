"""Random numbers from NumPy's counter-based generator: nothing is compiled, one key always gives one sequence."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lapis.core.dtypes import standardize_dtype
from lapis.state import SeedGenerator

# Redrawing works on pieces that stay in the processor's cache: half the time of the whole array at once.
_CHUNK = 1 << 16
# NumPy draws in 32 or 64 bits only.
_DRAWN_IN = {"float16": np.float32, "bfloat16": np.float32, "float32": np.float32, "float64": np.float64}
DTYPES = frozenset(_DRAWN_IN)


def generator(seed: int | SeedGenerator) -> np.random.Generator:
    """A fresh sequence: the same one for the same int, the next one of a `SeedGenerator`."""
    if isinstance(seed, SeedGenerator):
        high, low = (int(word) for word in np.asarray(seed.next()))
        key = high << 32 | low
    else:
        key = seed % 2**64
    return np.random.Generator(np.random.Philox(key=key))


def _types(dtype: Any) -> tuple[str, Any]:
    """The element type asked for, and the one to draw in."""
    if dtype in _DRAWN_IN:
        return dtype, _DRAWN_IN[dtype]
    name = standardize_dtype(dtype)
    if name not in _DRAWN_IN:
        raise ValueError(f"Random initializers draw floating-point numbers; got dtype={name!r}.")
    return name, _DRAWN_IN[name]


def _scaled(draws: np.ndarray, factor: float, offset: float, dtype: str) -> np.ndarray:
    draws *= draws.dtype.type(factor)
    if offset:
        draws += draws.dtype.type(offset)
    return draws.astype(dtype, copy=False)


def uniform(seed: Any, shape: Sequence[int], low: float, high: float, dtype: Any) -> np.ndarray:
    """Numbers from [low, high), each as likely as the next."""
    name, drawn = _types(dtype)
    return _scaled(generator(seed).random(shape, dtype=drawn), high - low, low, name)


def normal(seed: Any, shape: Sequence[int], mean: float, stddev: float, dtype: Any) -> np.ndarray:
    """Numbers from the normal distribution."""
    name, drawn = _types(dtype)
    return _scaled(generator(seed).standard_normal(shape, dtype=drawn), stddev, mean, name)


def truncated_normal(seed: Any, shape: Sequence[int], mean: float, stddev: float, dtype: Any) -> np.ndarray:
    """Numbers from the normal distribution, redrawn until they lie within two `stddev` of the mean."""
    name, drawn = _types(dtype)
    rng = generator(seed)
    draws = np.empty(shape, drawn)
    flat = draws.reshape(-1)
    for start in range(0, flat.size, _CHUNK):
        part = flat[start : start + _CHUNK]
        rng.standard_normal(out=part, dtype=drawn)
        outside = np.flatnonzero(np.abs(part) > 2.0)
        while outside.size:
            part[outside] = rng.standard_normal(outside.size, dtype=drawn)
            outside = outside[np.abs(part[outside]) > 2.0]
    return _scaled(draws, stddev, mean, name)
