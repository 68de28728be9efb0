"""What other operations stand on: types, conversion, slices of arrays, updates of a part."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np

from lapis.core import nest
from lapis.core.dtypes import is_float_dtype, is_int_dtype, standardize_dtype
from lapis.graph import ArrayHolder, is_symbolic, op
from lapis.ops.arrays import Tensor, array_dtype, dtype_or_none, keeping_sizes

_NO_SPARSE = "{kind} tensors are not supported on JAX; leave {kind}=None and give a dense array."
_REDUCTIONS = (None, "add", "max", "min", "mul")


@op
def cast(x: Any, dtype: Any) -> Tensor:
    """`x` as an array of another type.

    >>> cast([1.5, 2.0], "int32").tolist()
    [1, 2]
    """
    dtype = array_dtype(dtype)
    with keeping_sizes(x) if is_int_dtype(dtype) else nullcontext():  # of another type it is no shape
        return jnp.asarray(x).astype(dtype)


@op
def saturate_cast(x: Any, dtype: Any) -> Tensor:
    """`cast`, with values that `dtype` cannot hold set to its smallest or largest number.

    >>> saturate_cast([-5, 300], "uint8").tolist()
    [0, 255]
    """
    x, dtype = jnp.asarray(x), array_dtype(dtype)
    own = standardize_dtype(x.dtype)
    (own_low, own_high), (low, high) = _limits(own), _limits(dtype)
    # Rounding a limit to the type of `x` must not carry it past what `dtype` holds.
    least = np.maximum(own_low, low).astype(own)
    least = np.nextafter(least, np.zeros((), own)) if least < low else least
    most = np.minimum(own_high, high).astype(own)
    most = np.nextafter(most, np.zeros((), own)) if most > high else most
    return jnp.clip(x, least, most).astype(dtype)


def _limits(dtype: str) -> tuple[Any, Any]:
    if dtype == "bool":
        return np.float64(0), np.float64(1)
    info = ml_dtypes.finfo(dtype) if is_float_dtype(dtype) else ml_dtypes.iinfo(dtype)
    return np.asarray(info.min), np.asarray(info.max)


def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Tensor:
    """`x` (a number, nested lists, a NumPy array, a variable) as an array of JAX, of type `dtype` if given.

    A symbolic tensor stays symbolic.

    >>> convert_to_tensor([1.0, 2.0]).shape
    (2,)
    """
    for kind, asked in (("sparse", sparse), ("ragged", ragged)):
        if asked:
            raise ValueError(_NO_SPARSE.format(kind=kind))
    dtype = dtype_or_none(dtype)
    if is_symbolic(x):
        return x if dtype in (None, x.dtype) else cast(x, dtype)
    x = x.value if isinstance(x, ArrayHolder) else x
    # The type is changed after NumPy has read lists and files, since it may not know the one that is wanted.
    # A number alone is a constant of the program; a list of them may be a shape.
    with nullcontext() if isinstance(x, int) else keeping_sizes(x):
        return jnp.asarray(x).astype(dtype) if dtype == "bfloat16" else jnp.asarray(x, dtype)


def convert_to_numpy(x: Any) -> np.ndarray:
    """`x` as a NumPy array, copied from the device; a `TypeError` for a symbolic tensor.

    >>> convert_to_numpy([1, 2]).tolist()
    [1, 2]
    """
    return np.array(x.value if isinstance(x, ArrayHolder) else x)


def is_tensor(x: Any) -> bool:
    """Whether `x` is an array of JAX (a NumPy array, a variable and a symbolic tensor are not).

    >>> is_tensor(convert_to_tensor(1.0)), is_tensor(1.0)
    (True, False)
    """
    return isinstance(x, jax.Array)


def shape(x: Any) -> tuple[Any, ...]:
    """The sizes of `x` by axis; those unknown in a symbolic tensor are `None`.

    >>> shape([[1, 2]])
    (1, 2)
    """
    return tuple(x.shape) if hasattr(x, "shape") else jnp.shape(jnp.asarray(x))


def dtype(x: Any) -> str:
    """The name of the element type of `x`.

    >>> dtype(convert_to_tensor([1.0]))
    'float32'
    """
    return standardize_dtype(x.dtype if hasattr(x, "dtype") else jnp.asarray(x).dtype)


@op
def stop_gradient(variable: Any) -> Tensor:
    """`variable` as it is, but constant to differentiation.

    >>> stop_gradient([1.0]).tolist()
    [1.0]
    """
    return jax.lax.stop_gradient(jnp.asarray(variable))


@op
def slice(inputs: Any, start_indices: Any, shape: Sequence[int]) -> Tensor:
    """The block of `inputs` of size `shape` that begins at `start_indices`; a size -1 means to the end.

    >>> slice([1, 2, 3, 4], [1], [2]).tolist()
    [2, 3]
    """
    inputs = jnp.asarray(inputs)
    sizes = [inputs.shape[i] - start_indices[i] if size == -1 else size for i, size in enumerate(shape)]
    return jax.lax.dynamic_slice(inputs, tuple(start_indices), sizes)


@op
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Tensor:
    """`inputs` with the block that begins at `start_indices` replaced by `updates`.

    >>> slice_update([1, 2, 3], [1], [9]).tolist()
    [1, 9, 3]
    """
    return jax.lax.dynamic_update_slice(jnp.asarray(inputs), jnp.asarray(updates), tuple(start_indices))


@op
def scatter(indices: Any, values: Any, shape: Sequence[int]) -> Tensor:
    """Zeros of the given shape with `values` added at `indices` `(..., axes)`; several at one place add up.

    >>> scatter([[0], [2], [2]], [1, 2, 3], (4,)).tolist()
    [1, 0, 5, 0]
    """
    values = jnp.asarray(values)
    place = tuple(jnp.moveaxis(jnp.asarray(indices), -1, 0))
    return jnp.zeros(shape, values.dtype).at[place].add(values)


@op
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Tensor:
    """`inputs` with `updates` written at `indices` `(updates, axes)`, or combined with what is there.

    `reduction` is `None` (write), `"add"`, `"max"`, `"min"` or `"mul"`.

    >>> scatter_update([1, 2, 3], [[1]], [9]).tolist()
    [1, 9, 3]
    """
    reduction = reduction.lower() if isinstance(reduction, str) else reduction
    if reduction not in _REDUCTIONS:
        raise ValueError(f"scatter_update got reduction={reduction!r}; expected one of {_REDUCTIONS}.")
    inputs = jnp.asarray(inputs)
    place = inputs.at[tuple(jnp.moveaxis(jnp.asarray(indices), -1, 0))]
    method = {None: place.set, "add": place.add, "max": place.max, "min": place.min, "mul": place.multiply}[reduction]
    return method(jnp.asarray(updates, inputs.dtype))


@op
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """The slices of `x` along `axis`, without that axis; `num` is how many there are, where `x` does not say.

    >>> [part.tolist() for part in unstack([[1, 2], [3, 4]])]
    [[1, 2], [3, 4]]
    """
    x = jnp.asarray(x)
    length = num if num is not None else x.shape[axis]
    return [jax.lax.index_in_dim(x, i, axis, keepdims=False) for i in range(length)]


def custom_gradient(f: Callable) -> Callable:
    """A function with a gradient of its own: `f(*args)` returns its value and a function of the upstream gradient.

    >>> @custom_gradient
    ... def clipped(x):
    ...     return x * x, lambda upstream: jnp.clip(upstream * 2 * x, -1.0, 1.0)
    >>> float(jax.grad(clipped)(5.0))
    1.0
    """
    differentiable = jax.custom_gradient(f)

    def call(*args: Any, **kwargs: Any) -> Any:
        def read(x: Any) -> Any:
            return x.value if isinstance(x, ArrayHolder) else x

        return differentiable(*nest.map_structure(read, args), **nest.map_structure(read, kwargs))

    return call
