"""What comes out of a function on arrays, in shape and type, found by tracing it without running it."""

import operator
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax import export

from lapis.core import nest
from lapis.graph.tensor import KerasTensor

# One scope for all unknown sizes (making one costs milliseconds): a symbol for the batch, one for every other axis.
_SYMBOLS = ("_batch_", "_size_")
_scope = export.SymbolicScope([f"{name} >= 2" for name in _SYMBOLS])
_UNKNOWN = export.symbolic_shape(", ".join(_SYMBOLS), scope=_scope)
# Stand-ins where symbols do not do: numbers with many divisors, so that splits and reshapes come out even.
_PROBES = ((48, 120), (96, 240))
# Where a result is the lesser of an unknown and a known size, only a small stand-in shows that it varies.
_SMALL_PROBE = (2, 3)
_EQUAL_PROBES = ((48, 48), (96, 96))
# JAX's functions look into their arguments as trees before anything else: there a symbolic tensor says what to do
# instead.
jax.tree_util.register_pytree_node(KerasTensor, KerasTensor._refuse_jax, lambda *_: None)  # pyright: ignore


class _Local(threading.local):
    depth = 0


_local = _Local()
_dtype_of = operator.attrgetter("dtype")
_SHOWN = re.compile(r"_batch_|_size_")


def inferring() -> bool:
    """Whether a function is being traced for its shapes: what it does to state must then come to nothing."""
    return _local.depth > 0


def infer(call: Callable, inputs: list[Any]) -> Any:
    """The outputs of `call(*inputs)` as symbolic tensors without history, in the structure that `call` returns.

    Unknown sizes are traced as symbols; where that fails, as two sets of numbers whose results are compared; where
    arguments of unknown and known size meet, the unknown takes the known size.
    """
    unknown = False
    shapes = []
    for x in inputs:
        shapes.append(x.shape)
        unknown = unknown or None in x.shape
    if not unknown:
        return _trace(call, inputs, shapes)
    try:
        return _trace(call, inputs, _fill(shapes, _UNKNOWN))
    except Exception as error:
        first_error = error
    for attempt in _attempts(shapes):
        try:
            results = [_trace(call, inputs, filled) for filled in attempt]
        except Exception:
            continue
        if len(results) == 1:
            return results[0]
        return nest.map_structure(_where_equal, *results, *_small_result(call, inputs, shapes, results[0]))
    raise _readable(first_error)


def _attempts(shapes: list[tuple]) -> Iterator[list[list[tuple]]]:
    yield [_fill(shapes, sizes) for sizes in _PROBES]
    aligned = _align(shapes)
    if aligned != shapes:
        yield [_fill(aligned, _UNKNOWN)]
        yield [_fill(aligned, sizes) for sizes in _PROBES]
    yield [_fill(shapes, sizes) for sizes in _EQUAL_PROBES]


def _fill(shapes: list[tuple], sizes: tuple) -> list[tuple]:
    """The shapes with stand-ins for unknown sizes: the first for the leading axis, the second for others."""
    filled = []
    for shape in shapes:
        sizes_here = list(shape)
        for axis, size in enumerate(shape):
            if size is None:
                sizes_here[axis] = sizes[min(axis, 1)]
        filled.append(tuple(sizes_here))
    return filled


def _align(shapes: list[tuple]) -> list[tuple]:
    """The shapes with each unknown size set to what another shape says at that axis, counted from the right."""
    known: dict[int, int] = {}
    for shape in shapes:
        for back, size in enumerate(reversed(shape)):
            if size is not None and size != 1:
                known.setdefault(back, size)
    return [
        tuple(known.get(len(shape) - 1 - axis) if size is None else size for axis, size in enumerate(shape))
        for shape in shapes
    ]


def _small_result(call: Callable, inputs: list[Any], shapes: list[tuple], like: Any) -> list[Any]:
    """The outputs for small unknown sizes in a list, which is empty where these are too small for the call."""
    try:
        result = _trace(call, inputs, _fill(shapes, _SMALL_PROBE))
        nest.assert_same_structure(result, like)
    except Exception:
        return []
    return [result]


def _where_equal(*specs: Any) -> Any:
    if specs[0] is None:
        return None
    sizes = [set(column) for column in zip(*[spec.shape for spec in specs], strict=True)]
    return KerasTensor([min(found) if len(found) == 1 else None for found in sizes], specs[0].dtype)


def _trace(call: Callable, inputs: list[Any], shapes: list[tuple]) -> Any:
    box: list[Any] = []

    def flat_call(*arrays: Any) -> Any:
        outputs = call(*arrays)
        box[:] = [outputs]
        return outputs if isinstance(outputs, jax.Array) else [x for x in nest.flatten(outputs) if x is not None]

    _local.depth += 1
    try:
        found = jax.eval_shape(flat_call, *map(jax.ShapeDtypeStruct, shapes, map(_dtype_of, inputs)))
    finally:
        _local.depth -= 1
    if not isinstance(found, list):
        return _spec(found)
    specs = iter(found)
    return nest.map_structure(lambda leaf: None if leaf is None else _spec(next(specs)), box[0])


def _spec(array: Any) -> KerasTensor:
    shape = list(array.shape)
    for axis, size in enumerate(shape):
        if size.__class__ is not int:
            shape[axis] = None
    return KerasTensor(shape, array.dtype.name)


def _readable(error: Exception) -> Exception:
    """The error with `None` where the stand-in symbols show."""
    error.args = tuple(_SHOWN.sub("None", arg) if isinstance(arg, str) else arg for arg in error.args)
    return error
