"""Which convolutions the native kernels compute."""

import ctypes
import functools
from typing import Any

import jax
import numpy as np

from lapis.kernels import library
from lapis.kernels.geometry import Geometry

# As numbered in conv.cc; the forward one with bias and ReLU, which has the fewest implementations.
KINDS = {"forward": 2, "data gradient": 3, "weight gradient": 5}
_DTYPES = {"float32": 0, "bfloat16": 1}


def native(x: Any, w: Any, geometry: Geometry) -> bool:
    """Whether the native convolution and its gradients serve for arrays of these shapes and types, rather than XLA."""
    if x.dtype != w.dtype or str(x.dtype) not in _DTYPES:
        return False
    sizes = (*x.shape, *w.shape)
    if not all(isinstance(size, int) for size in sizes) or not all(sizes[1:]):
        return False
    # XLA cannot split a foreign function among several devices.
    if jax.default_backend() != "cpu" or jax.device_count() > 1 or not library.available():
        return False
    return _implemented(tuple(x.shape), tuple(w.shape), str(x.dtype), geometry)


@functools.lru_cache(4096)
def _implemented(x: tuple[int, ...], w: tuple[int, ...], dtype: str, geometry: Geometry) -> bool:
    if any(before < 0 for before, _ in geometry.padding):
        return False
    found = [describe(kind, (max(x[0], 1), *x[1:]), w, dtype, geometry) for kind in KINDS]
    return all(name and not name.startswith("ref") for name in found)


def describe(kind: str, x: tuple[int, ...], w: tuple[int, ...], dtype: str, geometry: Geometry) -> str:
    """The name of oneDNN's implementation of one of `KINDS`, empty where it has none."""
    functions = library.library().functions
    if functions is None:
        return ""
    y = (x[0], *geometry.outputs(x[1:-1], w[:-2]), w[-1])
    name = ctypes.create_string_buffer(128)
    pointer = np.ctypeslib.ndpointer(np.int64, flags="C")
    function = functions.lapis_conv_describe
    function.argtypes = [ctypes.c_int64] * 3 + [pointer, pointer, ctypes.c_char_p, ctypes.c_int64]
    function.restype = None
    function(
        KINDS[kind],
        _DTYPES[dtype],
        len(x) - 2,
        np.array([*x, *w, *y], np.int64),
        geometry.flat(),
        name,
        len(name) - 1,
    )
    return name.value.decode()
