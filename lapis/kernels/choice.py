"""Which convolutions the native kernels compute."""

import functools
from collections.abc import Sequence
from typing import Any

from lapis.graph import inferring
from lapis.kernels import library
from lapis.kernels.geometry import Geometry

# As numbered in conv.cc; the forward one with bias and ReLU, which has the fewest implementations.
KINDS = {"forward": 2, "data gradient": 3, "weight gradient": 5}
_DTYPES = {"float32": 0, "bfloat16": 1}
_COMPUTED = {"float32": ("float32",), "bfloat16": ("bfloat16", "float32"), "float16": ("float32",)}


def native_dtype(x: Sequence[Any], w: Sequence[Any], dtype: Any, geometry: Geometry) -> str | None:
    """The type in which the native convolution serves arrays of shapes `x` and `w`; `None` where XLA does.

    Half precision is computed in float32, as XLA does too, where the processor has no better way.
    """
    dtype = str(dtype)
    sizes = (*x, *w)
    if dtype not in _COMPUTED or not all(isinstance(size, int) for size in sizes) or not all(sizes[1:]):
        return None
    if inferring() or not library.serves_here():
        return None
    return _find(tuple(x), tuple(w), dtype, geometry)


@functools.lru_cache(4096)
def _find(x: tuple[int, ...], w: tuple[int, ...], dtype: str, geometry: Geometry) -> str | None:
    if any(before < 0 for before, _ in geometry.padding):
        return None
    x = (max(x[0], 1), *x[1:])
    for computed in _COMPUTED[dtype]:
        found = [describe(kind, x, w, computed, geometry) for kind in KINDS]
        if all(name and not name.startswith("ref") for name in found):
            return computed
    return None


def describe(kind: str, x: tuple[int, ...], w: tuple[int, ...], dtype: str, geometry: Geometry) -> str:
    """The name of oneDNN's implementation of one of `KINDS`, empty where it has none."""
    y = (x[0], *geometry.outputs(x[1:-1], w[:-2]), w[-1])
    sizes, flat = (*x, *w, *y), geometry.flat().tolist()
    return library.implementation("lapis_conv_describe", KINDS[kind], _DTYPES[dtype], len(x) - 2, sizes, flat)
