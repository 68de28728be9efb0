"""Values as tensors, tensors as specs, and shapes as both."""

from typing import Any

import numpy as np

import lapis.ops as ops
from lapis.core import nest
from lapis.core.dtypes import is_float_dtype
from lapis.graph import PLAIN, KerasTensor, get_mask, set_mask
from lapis.layers.calling import is_tensor
from lapis.state import Variable


def to_tensor(x: Any, float_dtype: str | None) -> Any:
    """An array of any kind as one of JAX, a floating-point one in the given type; anything else as it is."""
    if isinstance(x, Variable) or x.__class__ in PLAIN:
        return x
    if not is_tensor(x):
        return ops.convert_to_tensor(np.asarray(x)) if hasattr(x, "__array__") else x
    if isinstance(x, (np.ndarray, np.generic)) or not hasattr(x, "astype"):
        if getattr(x, "dtype", None) is not None and np.asarray(x).dtype.kind in "OSU":
            return x  # strings are handled on the host by the layers that take them
        y = ops.convert_to_tensor(x)
    else:
        y = x
    if float_dtype is not None and y.dtype != float_dtype and is_float_dtype(y.dtype):
        y = y.astype(float_dtype)
    if y is not x:
        mask = get_mask(x)
        if mask is not None:
            set_mask(y, mask)
    return y


def as_spec(value: Any) -> Any:
    def spec(x: Any) -> Any:
        return KerasTensor(x.shape, x.dtype) if is_tensor(x) and not isinstance(x, (KerasTensor, Variable)) else x

    return nest.map_structure(spec, value)


def spec_of_shape(shape: Any, dtype: str) -> Any:
    if isinstance(shape, dict):
        return {key: spec_of_shape(item, dtype) for key, item in shape.items()}
    if isinstance(shape, (list, tuple)) and not all(size is None or isinstance(size, int) for size in shape):
        return [spec_of_shape(item, dtype) for item in shape]
    return None if shape is None else KerasTensor(tuple(shape), dtype)


def as_shapes(value: Any) -> Any:
    """Lists read from a file as shapes again."""
    if isinstance(value, dict):
        return {key: as_shapes(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        if all(size is None or isinstance(size, int) for size in value):
            return tuple(value)
        return type(value)(as_shapes(item) for item in value)
    return value
