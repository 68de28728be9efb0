"""What every operation does to its arguments first: sequences become arrays, integers become floats where asked."""

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

import lapis.core.config as config
from lapis.core.dtypes import result_type, standardize_dtype

# An array of JAX or NumPy, a number, nested lists of them, a variable, or a symbolic tensor.
Tensor: TypeAlias = Any
Axis: TypeAlias = int | Sequence[int] | None
Shape: TypeAlias = int | Sequence[int | None]

_READY = (jax.Array, bool, int, float, complex)
_HALF = (jnp.dtype("bfloat16"), jnp.dtype("float16"))
_MOST_AXES = 16
_FOLD = {"int64": "int32", "uint64": "uint32", "complex128": "complex64"}


def to_array(x: Any) -> Any:
    """`x` as something that `jax.numpy` takes; Python numbers stay weakly typed."""
    return x if isinstance(x, _READY) else jnp.asarray(x)


def to_float(x: Any) -> Any:
    """`x` as an array of floats (or complex numbers): integers and booleans are cast to `floatx()`."""
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(config.floatx())


def in_float32(function: Callable, x: Any, *arguments: Any) -> Any:
    """`function(x, *arguments)`, rounded to 16 bits once, at the end: faster on CPUs, and nearer to the truth."""
    if getattr(x, "dtype", None) not in _HALF:
        return function(x, *arguments)
    return function(x.astype(jnp.float32), *arguments).astype(x.dtype)


def type_of(x: Any) -> Any:
    """What `result_type` takes for `x`: its dtype, or its class for a Python number."""
    return getattr(x, "dtype", type(x))


def to_common_float(*xs: Any) -> list[Any]:
    """All arguments as floats of the one type that they promote to."""
    arrays = [to_array(x) for x in xs]
    dtype = result_type(*map(type_of, arrays), float)
    return [jnp.asarray(x, dtype) for x in arrays]


def array_dtype(dtype: Any) -> str:
    """The standard name of `dtype`, with 64-bit integers and complex numbers folded to what JAX computes with.

    `float64` is left to JAX, which warns where it computes in 32 bits.
    """
    name: str = standardize_dtype(dtype)
    return name if config.x64_enabled() else _FOLD.get(name, name)


def dtype_or_none(dtype: Any) -> str | None:
    """`array_dtype`, with `None` kept."""
    return None if dtype is None else array_dtype(dtype)


def axis_tuple(axis: Axis) -> Any:
    """`axis` with a list turned into a tuple, as `jax.numpy` asks."""
    return tuple(axis) if isinstance(axis, list) else axis


def keeping_sizes(*values: Any) -> contextlib.AbstractContextManager[None]:
    """A scope in which what is computed from known sizes is known too, even in a program that is being traced.

    So that sizes may be joined to a shape by operations, as TensorFlow programs do it.
    """
    return jax.ensure_compile_time_eval() if all(map(_are_sizes, values)) else contextlib.nullcontext()


def _are_sizes(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return len(x) <= _MOST_AXES and all(map(_are_sizes, x))
    if isinstance(x, (np.ndarray, np.integer, jax.Array)):
        return not isinstance(x, jax.core.Tracer) and x.dtype.kind in "iu" and x.size <= _MOST_AXES
    return type(x) is int


def as_sizes(shape: Any) -> Any:
    """`shape` with an array of sizes turned into a list."""
    return np.asarray(shape).tolist() if hasattr(shape, "dtype") else shape


def known_shape(shape: Any, op: str) -> Any:
    """`shape`, or a `ValueError` where one of its sizes is `None`."""
    shape = as_sizes(shape)
    if isinstance(shape, Sequence) and any(size is None for size in shape):
        raise ValueError(
            f"{op} needs every size to be known, and got shape {tuple(shape)}. Use {op}_like(x) or broadcast_to with "
            "the tensor itself, or do it inside a layer's call, where sizes are known."
        )
    return shape


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def held(x: Any, least: float, most: float) -> Any:
    """`jnp.clip`, whose own derivative divides arrays, so that XLA keeps two more of the size of `x` for it."""
    return jnp.clip(x, least, most)


@held.defjvp
def held_jvp(least: float, most: float, primals: Any, tangents: Any) -> tuple[Any, Any]:
    (x,), (change,) = primals, tangents
    at_bound = jnp.where((x == least) | (x == most), change / 2, jnp.zeros_like(change))
    return jnp.clip(x, least, most), jnp.where((x > least) & (x < most), change, at_bound)


def is_traced(x: Any) -> bool:
    """Whether the value of `x` is not known yet: it is an array of a program that is being compiled."""
    return isinstance(x, jax.core.Tracer)
