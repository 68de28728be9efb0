"""Names of element types, and the type that comes out when several meet."""

import functools
from typing import Any

import numpy as np

from lapis.core import config

FLOATS = ("bfloat16", "float16", "float32", "float64", "float8_e4m3fn", "float8_e5m2")
INTS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "int4", "uint4")
ALLOWED_DTYPES = (*FLOATS, *INTS, "bool", "string", "complex64", "complex128")
_ALLOWED = frozenset(ALLOWED_DTYPES)
_PYTHON = {bool: "bool", int: "int32", float: None, str: "string", "int": "int32", "str": "string", "float": None}


def standardize_dtype(dtype: Any) -> str:
    """The name of an element type given as a string, a NumPy or JAX type, or `int`, `float`, `bool`, `str`.

    `None` and `float` mean `floatx()`; `int` means `"int32"`.

    >>> standardize_dtype(np.float16), standardize_dtype(int)
    ('float16', 'int32')
    """
    if dtype.__class__ is str and dtype in _ALLOWED:
        return dtype
    if dtype is None:
        return config.floatx()
    try:
        if dtype in _PYTHON:
            return _PYTHON[dtype] or config.floatx()
    except TypeError:
        pass
    name: Any = dtype if isinstance(dtype, str) else getattr(dtype, "name", None)
    if name is None and not isinstance(dtype, type) and hasattr(dtype, "dtype"):
        name = str(dtype.dtype)  # pyright: ignore[reportAttributeAccessIssue]
    if name is None:
        try:
            name = np.dtype(dtype).name
        except TypeError:
            name = str(dtype).removeprefix("torch.")
    if name.startswith("str"):
        name = "string"
    if name not in _ALLOWED:
        raise ValueError(f"dtype is {dtype!r}; expected one of {', '.join(ALLOWED_DTYPES)}.")
    return name


@functools.lru_cache(maxsize=256)
def is_float_dtype(dtype: Any) -> bool:
    """Whether values of this type are real floating-point numbers."""
    return "float" in standardize_dtype(dtype)


@functools.lru_cache(maxsize=256)
def is_int_dtype(dtype: Any) -> bool:
    """Whether values of this type are whole numbers, signed or not."""
    return "int" in standardize_dtype(dtype)


# The lattice of type promotion: an arrow leads to each next-wider type, "weak" stands for a Python scalar
# (https://docs.jax.dev/en/latest/jep/9407-type-promotion.html). 64-bit results fold to 32 bits as JAX does by default.
_LATTICE = {
    "bool": ("weak_int",),
    "weak_int": ("uint8", "int8"),
    "uint8": ("int16", "uint16"),
    "int8": ("int16",),
    "uint16": ("int32", "uint32"),
    "int16": ("int32",),
    "uint32": ("int64", "uint64"),
    "int32": ("int64",),
    "uint64": ("weak_float",),
    "int64": ("weak_float",),
    "weak_float": ("bfloat16", "float16", "weak_complex"),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "weak_complex": ("complex64",),
    "complex64": ("complex128",),
    "complex128": (),
}
_WEAK = {int: "weak_int", float: "weak_float", complex: "weak_complex", bool: "bool"}
_UNWEAK = {"weak_int": "int32", "weak_float": None, "weak_complex": "complex64"}
_FOLD = {"int64": "int32", "uint64": "uint32", "float64": "float32", "complex128": "complex64"}


@functools.cache
def _above(name: str) -> frozenset[str]:
    return frozenset({name}).union(*(_above(wider) for wider in _LATTICE[name]))


@functools.cache
def _promote(names: frozenset[str]) -> str:
    shared = frozenset.intersection(*(_above(name) for name in names))
    least = [name for name in shared if _above(name) == shared]
    return least[0]


def result_type(*dtypes: Any) -> str:
    """The type that values of the given types meet in; the classes `int` and `float` stand for Python scalars.

    As JAX computes: 64-bit types fold to 32 bits unless its 64-bit mode is on.

    >>> result_type("int32", float), result_type("float16", "bfloat16"), result_type("uint8", "int8")
    ('float32', 'float32', 'int16')
    """
    if not dtypes:
        return config.floatx()
    names = frozenset((d.__class__ is type and _WEAK.get(d)) or standardize_dtype(d) for d in dtypes)
    if not names <= _LATTICE.keys():
        if len(names) == 1:
            return next(iter(names))
        raise ValueError(f"The types {sorted(names)} do not mix; cast one of them first.")
    result = _promote(names)
    result = _UNWEAK.get(result, result) or config.floatx()
    return result if config.x64_enabled() else _FOLD.get(result, result)
