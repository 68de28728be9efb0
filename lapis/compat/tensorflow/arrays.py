"""Making arrays, and taking them apart: functions at the top of `tf`, with TensorFlow's argument names.

Each calls the function of `lapis.ops` that does the work. `name` is taken everywhere and means nothing.
"""

from collections.abc import Sequence
from typing import Any

import lapis.ops as ops
from lapis.core.dtypes import standardize_dtype
from lapis.graph import KerasTensor
from lapis.state import Variable as _Variable


class Variable(_Variable):
    """`tf.Variable(initial_value)`: an array that can be assigned to.

    >>> v = Variable([1.0, 2.0])
    >>> v.assign_add([1.0, 1.0])
    >>> v.numpy().tolist()
    [2.0, 3.0]
    """

    def __init__(
        self, initial_value: Any = None, trainable: bool = True, name: str | None = None, dtype: Any = None, **_: Any
    ) -> None:
        value = initial_value() if callable(initial_value) else initial_value
        super().__init__(ops.convert_to_tensor(value, dtype), trainable=trainable, name=name)


class _AnyTensor(type):
    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, KerasTensor) or ops.is_tensor(x)


class Tensor(metaclass=_AnyTensor):
    """What `isinstance` is asked about: every array of JAX and every symbolic tensor is one.

    >>> isinstance(constant(1.0), Tensor), isinstance(1.0, Tensor)
    (True, False)
    """


class TensorShape(tuple):
    """A shape: a tuple with `as_list` and `rank`.

    >>> TensorShape((None, 3)).as_list()
    [None, 3]
    """

    __slots__ = ()

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self)

    ndims = rank

    def as_list(self) -> list:
        """The sizes as a list."""
        return list(self)


def constant(value: Any, dtype: Any = None, shape: Sequence[int] | None = None, name: str | None = None) -> Any:
    """An array from numbers or nested lists, spread over `shape` if given."""
    result = ops.convert_to_tensor(value, dtype)
    if shape is None:
        return result
    return ops.broadcast_to(result, shape) if result.size == 1 else ops.reshape(result, shape)


def convert_to_tensor(value: Any, dtype: Any = None, dtype_hint: Any = None, name: str | None = None) -> Any:
    """`value` as an array."""
    return ops.convert_to_tensor(value, dtype)


def zeros(shape: Any, dtype: Any = "float32", name: str | None = None) -> Any:
    """An array of zeros."""
    return ops.zeros(shape, dtype)


def ones(shape: Any, dtype: Any = "float32", name: str | None = None) -> Any:
    """An array of ones."""
    return ops.ones(shape, dtype)


def fill(dims: Any, value: Any, name: str | None = None) -> Any:
    """An array of one value, with the value's type."""
    return ops.broadcast_to(ops.convert_to_tensor(value), dims)


def zeros_like(input: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Zeros in the shape of `input`."""
    return ops.zeros_like(input, dtype)


def ones_like(input: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Ones in the shape of `input`."""
    return ops.ones_like(input, dtype)


def eye(num_rows: int, num_columns: int | None = None, dtype: Any = "float32", name: str | None = None) -> Any:
    """The identity matrix."""
    return ops.eye(num_rows, num_columns, dtype=dtype)


def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str | None = None) -> Any:
    """Evenly spaced numbers from `start` (or 0) up to but without `limit`."""
    return ops.arange(0 if limit is None else start, start if limit is None else limit, delta, dtype)


def linspace(start: Any, stop: Any, num: int, name: str | None = None, axis: int = 0) -> Any:
    """`num` evenly spaced numbers from `start` to `stop`."""
    return ops.linspace(start, stop, num, axis=axis)


def one_hot(
    indices: Any,
    depth: int,
    on_value: Any = None,
    off_value: Any = None,
    axis: int | None = None,
    dtype: Any = None,
    name: str | None = None,
) -> Any:
    """For each class number a vector with `on_value` (1) at that place and `off_value` (0) elsewhere."""
    hot = ops.one_hot(indices, depth, axis=-1 if axis is None else axis, dtype=dtype or "float32")
    if on_value is None and off_value is None:
        return hot
    return ops.where(ops.cast(hot, "bool"), 1 if on_value is None else on_value, 0 if off_value is None else off_value)


def cast(x: Any, dtype: Any, name: str | None = None) -> Any:
    """`x` as another type."""
    return ops.cast(x, dtype)


def shape(input: Any, out_type: Any = None, name: str | None = None) -> tuple:
    """The sizes by axis, as a tuple; `None` where a symbolic tensor's is unknown."""
    return ops.shape(input)


def rank(input: Any, name: str | None = None) -> int:
    """The number of axes."""
    return ops.ndim(input)


def size(input: Any, out_type: Any = None, name: str | None = None) -> Any:
    """The number of elements."""
    return ops.size(input)


def identity(input: Any, name: str | None = None) -> Any:
    """`input` as an array."""
    return ops.convert_to_tensor(input)


def reshape(tensor: Any, shape: Any, name: str | None = None) -> Any:
    """The elements in another shape; one size may be -1."""
    return ops.reshape(tensor, shape)


def expand_dims(input: Any, axis: int, name: str | None = None) -> Any:
    """`input` with a new axis of size 1."""
    return ops.expand_dims(input, axis)


def squeeze(input: Any, axis: Any = None, name: str | None = None) -> Any:
    """`input` without axes of size 1."""
    return ops.squeeze(input, axis)


def transpose(a: Any, perm: Any = None, conjugate: bool = False, name: str | None = None) -> Any:
    """The axes in the order `perm`, reversed by default."""
    result = ops.transpose(a, perm)
    return ops.conj(result) if conjugate else result


def concat(values: Sequence[Any], axis: int, name: str | None = None) -> Any:
    """The arrays one after the other along `axis`."""
    return ops.concatenate(values, axis)


def stack(values: Sequence[Any], axis: int = 0, name: str | None = None) -> Any:
    """The arrays side by side along a new axis."""
    return ops.stack(values, axis)


def unstack(value: Any, num: int | None = None, axis: int = 0, name: str | None = None) -> list:
    """The slices along `axis`."""
    return ops.unstack(value, num, axis)


def split(value: Any, num_or_size_splits: Any, axis: int = 0, num: int | None = None, name: str | None = None) -> list:
    """`value` cut along `axis` into so many equal parts, or into parts of the given sizes."""
    if isinstance(num_or_size_splits, int):
        return ops.split(value, num_or_size_splits, axis)
    places = [sum(num_or_size_splits[: i + 1]) for i, _ in enumerate(num_or_size_splits[:-1])]
    return ops.split(value, places, axis)


def tile(input: Any, multiples: Any, name: str | None = None) -> Any:
    """`input` repeated along each axis."""
    return ops.tile(input, multiples)


def repeat(input: Any, repeats: Any, axis: int | None = None, name: str | None = None) -> Any:
    """Each element several times in a row."""
    return ops.repeat(input, repeats, axis)


def pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0, name: str | None = None) -> Any:
    """`tensor` with elements added at both ends of each axis."""
    mode = mode.lower()
    return ops.pad(tensor, paddings, mode, constant_values if mode == "constant" else None)


def reverse(tensor: Any, axis: Any, name: str | None = None) -> Any:
    """The elements in reverse order along `axis`."""
    return ops.flip(tensor, axis)


def roll(input: Any, shift: Any, axis: Any, name: str | None = None) -> Any:
    """The elements moved along `axis`, around the end."""
    return ops.roll(input, shift, axis)


def gather(
    params: Any,
    indices: Any,
    validate_indices: Any = None,
    axis: int | None = None,
    batch_dims: int = 0,
    name: str | None = None,
) -> Any:
    """The elements of `params` at `indices` along `axis` (0); `batch_dims` must be 0."""
    if batch_dims:
        raise ValueError("tf.gather with batch_dims is not available; use lapis.ops.take_along_axis.")
    return ops.take(params, indices, 0 if axis is None else axis)


def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Any:
    """`x` where the condition holds, else `y`; with the condition alone, the places `(count, axes)` where it holds."""
    if x is None and y is None:
        return ops.stack(ops.where(condition), axis=-1)
    return ops.where(condition, x, y)


def boolean_mask(tensor: Any, mask: Any, axis: int | None = None, name: str | None = None) -> Any:
    """The elements of `tensor` where `mask` holds; on arrays only, since their number is not known beforehand."""
    return ops.get_item(tensor, (*[slice(None)] * (axis or 0), ops.convert_to_tensor(mask, "bool")))


def sort(values: Any, axis: int = -1, direction: str = "ASCENDING", name: str | None = None) -> Any:
    """The elements in rising (or `"DESCENDING"`) order."""
    result = ops.sort(values, axis)
    return ops.flip(result, axis) if direction == "DESCENDING" else result


def argsort(
    values: Any, axis: int = -1, direction: str = "ASCENDING", stable: bool = False, name: str | None = None
) -> Any:
    """The indices that would sort the elements."""
    return ops.argsort(ops.negative(values) if direction == "DESCENDING" else values, axis)


def argmax(input: Any, axis: int | None = None, output_type: Any = "int32", name: str | None = None) -> Any:
    """The index of the largest element along `axis` (0)."""
    return ops.cast(ops.argmax(input, 0 if axis is None else axis), standardize_dtype(output_type))


def argmin(input: Any, axis: int | None = None, output_type: Any = "int32", name: str | None = None) -> Any:
    """The index of the smallest element along `axis` (0)."""
    return ops.cast(ops.argmin(input, 0 if axis is None else axis), standardize_dtype(output_type))


def is_tensor(x: Any) -> bool:
    """Whether `x` is an array of JAX."""
    return ops.is_tensor(x)


def stop_gradient(input: Any, name: str | None = None) -> Any:
    """`input`, constant to differentiation."""
    return ops.stop_gradient(input)


def function(func: Any = None, *_: Any, **__: Any) -> Any:
    """`tf.function`: the function as it is. Models compile their own steps, so nothing is lost."""
    return (lambda f: f) if func is None else func


def executing_eagerly() -> bool:
    """Always true."""
    return True
