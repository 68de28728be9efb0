"""New arrays: constants, ranges, triangles, windows."""

from typing import Any

import jax.numpy as jnp

import lapis.core.config as config
from lapis.core.dtypes import is_float_dtype, result_type
from lapis.graph import KerasTensor, op
from lapis.ops.arrays import Shape, Tensor, array_dtype, dtype_or_none, known_shape, to_array, type_of
from lapis.ops.numpy.indexing import diagonal_spec


def zeros(shape: Shape, dtype: Any = None) -> Tensor:
    """An array of zeros, of type `floatx()` unless told otherwise.

    >>> zeros((2,)).tolist()
    [0.0, 0.0]
    """
    return jnp.zeros(known_shape(shape, "zeros"), array_dtype(dtype))


def ones(shape: Shape, dtype: Any = None) -> Tensor:
    """An array of ones, of type `floatx()` unless told otherwise.

    >>> ones((2,)).tolist()
    [1.0, 1.0]
    """
    return jnp.ones(known_shape(shape, "ones"), array_dtype(dtype))


def empty(shape: Shape, dtype: Any = None) -> Tensor:
    """An array whose elements nobody has set yet; JAX fills it with zeros.

    >>> empty((2,)).shape
    (2,)
    """
    return jnp.empty(known_shape(shape, "empty"), array_dtype(dtype))


@op
def full(shape: Shape, fill_value: Any, dtype: Any = None) -> Tensor:
    """An array of one value, of type `floatx()` unless told otherwise.

    >>> full((2,), 7, "int32").tolist()
    [7, 7]
    """
    return jnp.full(known_shape(shape, "full"), to_array(fill_value), array_dtype(dtype))


@op
def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    """Zeros in the shape of `x`, and of its type unless told otherwise.

    >>> zeros_like([1, 2]).tolist()
    [0, 0]
    """
    return jnp.zeros_like(to_array(x), dtype=dtype_or_none(dtype))


@op
def ones_like(x: Any, dtype: Any = None) -> Tensor:
    """Ones in the shape of `x`, and of its type unless told otherwise.

    >>> ones_like([1, 2]).tolist()
    [1, 1]
    """
    return jnp.ones_like(to_array(x), dtype=dtype_or_none(dtype))


@op
def empty_like(x: Any, dtype: Any = None) -> Tensor:
    """An array in the shape of `x` whose elements nobody has set yet.

    >>> empty_like([1, 2]).shape
    (2,)
    """
    return jnp.empty_like(to_array(x), dtype=dtype_or_none(dtype))


@op
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """One value in the shape of `x`, and of its type unless told otherwise.

    >>> full_like([1, 2], 7).tolist()
    [7, 7]
    """
    return jnp.full_like(to_array(x), to_array(fill_value), dtype=dtype_or_none(dtype))


@op
def array(x: Any, dtype: Any = None) -> Tensor:
    """A new array from numbers, nested lists or another array.

    >>> array([1, 2]).tolist()
    [1, 2]
    """
    return jnp.array(x, dtype=dtype_or_none(dtype))


@op
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Tensor:
    """Evenly spaced numbers from `start` up to but without `stop`; with one argument, from 0.

    The type is the one that the arguments promote to: `int32` for Python integers, `floatx()` for floats.

    >>> arange(3).tolist(), arange(1, 2, 0.5).tolist()
    ([0, 1, 2], [1.0, 1.5])
    """
    if dtype is None:
        dtype = result_type(*(_number_type(v) for v in (start, stop, step) if v is not None))
    return jnp.arange(start, stop, step=step, dtype=array_dtype(dtype))


def _number_type(x: Any) -> Any:
    kind = type_of(x)
    # A size that is unknown while a shape is being inferred is a whole number of JAX's own kind.
    return int if isinstance(kind, type) and kind.__name__ == "_DimExpr" else kind


@op
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Tensor:
    """`num` evenly spaced numbers from `start` to `stop`, which is left out with `endpoint=False`.

    `retstep` gives the distance too, as a second result. `axis` is where the numbers go for array bounds.

    >>> linspace(0.0, 1.0, 3).tolist()
    [0.0, 0.5, 1.0]
    """
    start, stop = to_array(start), to_array(stop)
    return jnp.linspace(start, stop, num, endpoint, retstep, dtype=dtype_or_none(dtype), axis=axis)


@op
def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10,
    dtype: Any = None,
    axis: int = 0,
) -> Tensor:
    """`base` to the power of `num` evenly spaced exponents from `start` to `stop`.

    >>> [round(v) for v in logspace(0.0, 2.0, 3).tolist()]
    [1, 10, 100]
    """
    start, stop = to_array(start), to_array(stop)
    return jnp.logspace(start, stop, num, endpoint, base, dtype=dtype_or_none(dtype), axis=axis)


@op
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Tensor:
    """`num` numbers from `start` to `stop`, each the one before times the same factor.

    >>> [round(v) for v in geomspace(1.0, 100.0, 3).tolist()]
    [1, 10, 100]
    """
    return jnp.geomspace(to_array(start), to_array(stop), num, endpoint, dtype=dtype_or_none(dtype), axis=axis)


def eye(N: Any, M: Any = None, k: Any = 0, dtype: Any = None) -> Tensor:
    """A matrix of `N` rows and `M` (default `N`) columns, 1 on the diagonal `k` places right of the main one.

    >>> eye(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    for name, value in (("N", N), ("M", M)):
        if isinstance(value, float) or (hasattr(value, "dtype") and is_float_dtype(value.dtype)):
            raise TypeError(f"eye takes whole numbers of rows and columns, and got {name}={value!r}.")
    return jnp.eye(N, M=M, k=k, dtype=array_dtype(dtype))


def identity(n: int, dtype: Any = None) -> Tensor:
    """The identity matrix of `n` rows.

    >>> identity(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return jnp.identity(n, array_dtype(dtype))


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """A matrix of ones on and below the diagonal `k` places right of the main one, zeros above.

    >>> tri(2).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    return jnp.tri(N, M=M, k=k, dtype=array_dtype(dtype))


@op
def tril(x: Any, k: int = 0) -> Tensor:
    """`x` with zeros above the diagonal `k` places right of the main one.

    >>> tril([[1, 2], [3, 4]]).tolist()
    [[1, 0], [3, 4]]
    """
    return jnp.tril(to_array(x), k=k)


@op
def triu(x: Any, k: int = 0) -> Tensor:
    """`x` with zeros below the diagonal `k` places right of the main one.

    >>> triu([[1, 2], [3, 4]]).tolist()
    [[1, 2], [0, 4]]
    """
    return jnp.triu(to_array(x), k=k)


def _diag_spec(x: Any, k: int = 0) -> KerasTensor:
    if x.ndim != 1:
        return diagonal_spec(x, k)
    length = None if x.shape[0] is None else x.shape[0] + abs(k)
    return KerasTensor((length, length), x.dtype)


@op(spec=_diag_spec)
def diag(x: Any, k: int = 0) -> Tensor:
    """A matrix with `x` on its diagonal, or the diagonal of a matrix.

    >>> diag([1, 2]).tolist()
    [[1, 0], [0, 2]]
    """
    return jnp.diag(to_array(x), k=k)


@op
def diagflat(x: Any, k: int = 0) -> Tensor:
    """A matrix with the flattened `x` on its diagonal.

    >>> diagflat([[1, 2]]).tolist()
    [[1, 0], [0, 2]]
    """
    return jnp.diagflat(to_array(x), k=k)


@op
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    """The Vandermonde matrix: column by column the powers of a one-dimensional `x`, highest first.

    >>> vander([1, 2], 3).tolist()
    [[1, 1, 1], [4, 2, 1]]
    """
    x = jnp.asarray(x)
    if x.ndim != 1:
        raise ValueError(f"vander takes a one-dimensional array, and got shape {x.shape}.")
    if N is not None and not isinstance(N, int):
        raise TypeError(f"vander takes a whole number N, and got {N!r}.")
    if N is not None and N < 0:
        raise ValueError(f"vander takes N >= 0, and got {N}.")
    if not isinstance(increasing, bool):
        raise TypeError(f"vander takes increasing=True or False, and got {increasing!r}.")
    return jnp.vander(x, N=N, increasing=increasing)


def bartlett(x: Any) -> Tensor:
    """A triangular window of `x` points, as `floatx()`.

    >>> bartlett(3).tolist()
    [0.0, 1.0, 0.0]
    """
    return jnp.bartlett(int(x)).astype(config.floatx())


def blackman(x: Any) -> Tensor:
    """Blackman's window of `x` points, as `floatx()`.

    >>> blackman(3).shape
    (3,)
    """
    return jnp.blackman(int(x)).astype(config.floatx())


def hamming(x: Any) -> Tensor:
    """Hamming's window of `x` points, as `floatx()`.

    >>> [round(v, 2) for v in hamming(3).tolist()]
    [0.08, 1.0, 0.08]
    """
    return jnp.hamming(int(x)).astype(config.floatx())


def hanning(x: Any) -> Tensor:
    """Hann's window of `x` points, as `floatx()`.

    >>> hanning(3).tolist()
    [0.0, 1.0, 0.0]
    """
    return jnp.hanning(int(x)).astype(config.floatx())


def kaiser(x: Any, beta: Any) -> Tensor:
    """Kaiser's window of `x` points with shape `beta`, as `floatx()`.

    >>> kaiser(3, 0.0).tolist()
    [1.0, 1.0, 1.0]
    """
    return jnp.kaiser(int(x), beta).astype(config.floatx())
