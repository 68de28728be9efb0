"""Rows taken from a table, whose gradient is summed row by row in a native loop on the CPU.

XLA runs a scatter on the CPU as a loop over the indices with several calls in each turn.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.interpreters import ad

from lapis.kernels import library
from lapis.kernels.primitive import define, define_transposes

_ADD = "lapis_add_rows_v1"


def serves(table: Any, indices: Any) -> bool:
    """Whether `take_rows` serves for arrays of these shapes and types."""
    if getattr(table, "ndim", 0) != 2 or table.dtype != jnp.float32 or indices.dtype != jnp.int32:
        return False
    if not all(isinstance(size, int) and size for size in (*table.shape, *indices.shape)):
        return False
    return library.serves_here(_ADD)


def take_rows(table: Any, indices: Any) -> Any:
    """`jnp.take(table, indices, axis=0)`, for what `serves` says yes to."""
    (rows,) = _rows.bind(table, indices.reshape(-1), size=table.shape[0])
    return rows.reshape(*indices.shape, table.shape[1])


def _take(table: Any, indices: Any, size: int) -> list:
    return [jnp.take(table, indices, axis=0)]


def _add(updates: Any, indices: Any, size: int) -> list:
    return [jnp.zeros((size, updates.shape[1]), updates.dtype).at[indices].add(updates, mode="drop")]


def _lower(context: Any, *arguments: Any, size: int) -> Any:
    return jax.ffi.ffi_lowering(_ADD)(context, *arguments)


_rows = define("rows", lambda table, indices, size: [(indices.size, table.shape[1])], _take, None)
_sums = define("add_rows", lambda updates, indices, size: [(size, updates.shape[1])], _add, _lower)


def _jvp(primitive: Any, primals: Any, tangents: Any, size: int) -> tuple:
    along = primitive.bind(tangents[0], primals[1], size=size)
    return primitive.bind(*primals, size=size), along


for primitive in (_rows, _sums):
    ad.primitive_jvps[primitive] = functools.partial(_jvp, primitive)
define_transposes(_rows, _sums, (1, 1))
