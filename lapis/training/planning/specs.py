"""The shapes and types of a batch for a model that has seen none: inputs from its graph, targets from its losses."""

from collections.abc import Sequence
from typing import Any

import jax

import lapis.core.nest as nest
from lapis.training.outputs import OutputTree

_UNKNOWN = (
    "The input {name!r} of the model {path!r} has the shape {shape}, of which a plan needs every size. Pass "
    "input_shapes={example}, without the batch axis."
)
_NO_SHAPES = (
    "The model {path!r} has no graph and has seen no data, so nobody knows its inputs. Pass input_shapes, such as "
    "input_shapes=(28, 28, 1), without the batch axis; for other types than {dtype!r}, pass arrays."
)


def input_specs(model: Any, batch_size: int, input_shapes: Any) -> Any:
    """The inputs of a batch in the model's structure, `input_shapes` going before what the model itself declares."""
    graph = getattr(model, "graph", None)
    if graph is None:
        known = (getattr(model, "_build_shapes", None) or {}).get("input_shape")
        if input_shapes is None and known is None:
            raise ValueError(_NO_SHAPES.format(path=model.path, dtype=model.input_dtype))
        if input_shapes is None:
            input_shapes = _map_shapes(lambda shape: shape[1:], known)
        return _map_shapes(lambda entry: _spec(entry, batch_size, model.input_dtype), input_shapes)
    names = graph.input_names
    given = _by_input(input_shapes, names, model.path)
    specs = [
        _input_spec(model, name, x, shape, batch_size)
        for name, x, shape in zip(names, graph.inputs, given, strict=True)
    ]
    return nest.pack_sequence_as(graph.input, specs) if nest.is_nested(graph.input) else specs[0]


def target_specs(model: Any, outputs: Any, target_shapes: Any) -> Any:
    """The targets of a batch in the structure of the outputs: shaped like these, or class numbers for sparse losses.

    `target_shapes` go before it, likewise in the structure of the outputs and without the batch axis.
    """
    leaves = nest.flatten(outputs)
    if target_shapes is not None:
        given = [target_shapes] if len(leaves) == 1 else _entries(target_shapes)
        if len(given) != len(leaves):
            raise ValueError(f"The model {model.path!r} has {len(leaves)} outputs; got {len(given)} target_shapes.")
        specs = [_spec(shape, out.shape[0], out.dtype) for shape, out in zip(given, leaves)]
        return nest.pack_sequence_as(outputs, specs) if nest.is_nested(outputs) else specs[0]
    loss = model._compile_loss
    names = getattr(model, "output_names", None)
    losses = [None] * len(leaves) if loss is None else loss._per_output(loss._loss, OutputTree(outputs, names))
    specs = [_target(out, one) for out, one in zip(leaves, losses, strict=True)]
    return nest.pack_sequence_as(outputs, specs) if nest.is_nested(outputs) else specs[0]


def _target(output: Any, losses: Any) -> Any:
    for loss in losses if isinstance(losses, (list, tuple)) else [losses]:
        name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
        if name.lower().startswith("sparse"):
            return jax.ShapeDtypeStruct(output.shape[:-1], "int32")
    return jax.ShapeDtypeStruct(output.shape, output.dtype)


def _input_spec(model: Any, name: str, x: Any, given: Any, batch_size: int) -> Any:
    shape = x.shape[1:] if given is None else _sizes(given)
    fits = len(shape) == len(x.shape) - 1 and all(own in (None, size) for own, size in zip(x.shape[1:], shape))
    if not fits or None in shape:
        example = {name: tuple(64 if size is None else size for size in x.shape[1:])}
        raise ValueError(
            _UNKNOWN.format(name=name, path=model.path, shape=x.shape, example=example)
            + ("" if given is None else f" Got {given}.")
        )
    if x.shape[0] not in (None, batch_size):
        raise ValueError(
            f"The input {name!r} of the model {model.path!r} has batches of {x.shape[0]}, so batch_size={batch_size} "
            f"will not do. Pass batch_size={x.shape[0]}."
        )
    return _spec(shape, batch_size, x.dtype)


def _by_input(input_shapes: Any, names: Sequence[str], path: str) -> list[Any]:
    """One entry per input, `None` where nothing is given for it."""
    if input_shapes is None:
        return [None] * len(names)
    if isinstance(input_shapes, dict):
        unknown = [name for name in input_shapes if name not in names]
        if unknown:
            raise ValueError(f"input_shapes names {unknown}; the inputs of the model {path!r} are {list(names)}.")
        return [input_shapes.get(name) for name in names]
    if len(names) == 1 and (_is_shape(input_shapes) or hasattr(input_shapes, "shape")):
        return [input_shapes]
    if not isinstance(input_shapes, (list, tuple)) or len(input_shapes) != len(names):
        raise ValueError(
            f"input_shapes must be a shape for each input of the model {path!r}, in a list or in a dict by name "
            f"({', '.join(names)}); got {input_shapes!r}."
        )
    return list(input_shapes)


def _is_shape(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(size is None or isinstance(size, int) for size in value)


def _entries(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    return list(value)


def _map_shapes(change: Any, shapes: Any) -> Any:
    if _is_shape(shapes) or hasattr(shapes, "shape"):
        return change(shapes)
    if isinstance(shapes, dict):
        return {key: _map_shapes(change, one) for key, one in shapes.items()}
    return type(shapes)(_map_shapes(change, one) for one in shapes)


def _sizes(entry: Any) -> tuple:
    return tuple(entry.shape[1:] if hasattr(entry, "shape") else entry)


def _spec(entry: Any, batch_size: int, dtype: Any) -> Any:
    """A shape without batch axis, or an array with one, as what a batch holds."""
    dtype = getattr(entry, "dtype", dtype)
    return jax.ShapeDtypeStruct((batch_size, *_sizes(entry)), jax.dtypes.canonicalize_dtype(dtype))
