"""Initializers by name, config, array or callable, and back to plain data."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lapis.core.dtypes import standardize_dtype
from lapis.core.naming import to_snake_case
from lapis.core.serialization import deserialize_keras_object, resolve, serialize_keras_object
from lapis.initializers.constant import Constant, Identity, Ones, Zeros
from lapis.initializers.initializer import Initializer
from lapis.initializers.orthogonal import Orthogonal
from lapis.initializers.random import RandomNormal, RandomUniform, TruncatedNormal
from lapis.initializers.stft import STFT
from lapis.initializers.variance_scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)

_CLASSES = (
    Initializer,
    Constant,
    Identity,
    Ones,
    STFT,
    Zeros,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)
_TABLE: dict[str, Any] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{to_snake_case(cls.__name__): cls for cls in _CLASSES},
    "IdentityInitializer": Identity,
    "OrthogonalInitializer": Orthogonal,
    "STFTInitializer": STFT,
    "normal": RandomNormal,
    "one": Ones,
    "uniform": RandomUniform,
    "zero": Zeros,
}


def get(identifier: Any) -> Any:
    """An initializer from its name, class, config, an array of the values, a callable, or itself; `None` stays.

    >>> get("he_normal").mode
    'fan_in'
    """
    if hasattr(identifier, "__array__") and hasattr(identifier, "shape"):
        return _of_array(identifier)
    return resolve(identifier, "initializer", _TABLE)


def _of_array(values: Any) -> Callable[..., np.ndarray]:
    def initialize(shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        if tuple(shape) != tuple(values.shape):
            raise ValueError(f"The initial values have shape {tuple(values.shape)}, the weight {tuple(shape)}.")
        return np.asarray(values).astype(standardize_dtype(dtype))

    return initialize


def serialize(initializer: Any) -> Any:
    """The initializer as plain data.

    >>> serialize(Zeros())["class_name"]
    'Zeros'
    """
    return serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """The initializer that plain data describes.

    >>> deserialize(serialize(Constant(2.0))).value
    2.0
    """
    return deserialize_keras_object(config, custom_objects)
