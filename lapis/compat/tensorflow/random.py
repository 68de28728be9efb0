"""`tf.random`: random numbers with TensorFlow's argument order."""

from typing import Any

import lapis.random as random_numbers
import lapis.utils as utils
from lapis.compat.tensorflow.refusals import refusal as _refusal
from lapis.core.dtypes import is_int_dtype


def set_seed(seed: int) -> None:
    """Seed Python's, NumPy's and our own random numbers."""
    utils.set_random_seed(seed)


def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32", seed: Any = None, name: str | None = None
) -> Any:
    """Numbers from the normal distribution."""
    return random_numbers.normal(shape, mean, stddev, dtype, seed)


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32", seed: Any = None, name: str | None = None
) -> Any:
    """Numbers from the normal distribution within two standard deviations."""
    return random_numbers.truncated_normal(shape, mean, stddev, dtype, seed)


def uniform(
    shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = "float32", seed: Any = None, name: str | None = None
) -> Any:
    """Numbers evenly spread over `[minval, maxval)`; whole ones for an integer type."""
    if is_int_dtype(dtype):
        return random_numbers.randint(shape, minval, maxval, dtype, seed)
    return random_numbers.uniform(shape, minval, 1.0 if maxval is None else maxval, dtype, seed)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None, name: str | None = None) -> Any:
    """Class numbers drawn by their logits."""
    return random_numbers.categorical(logits, num_samples, dtype, seed)


def shuffle(value: Any, seed: Any = None, name: str | None = None) -> Any:
    """The rows of `value` in random order."""
    return random_numbers.shuffle(value, seed=seed)


def __getattr__(name: str) -> Any:
    raise _refusal("tf.random", name, globals())
