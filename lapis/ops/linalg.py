"""`lapis.ops.linalg`: decompositions, inverses and solutions, over the last two axes of stacks of matrices."""

from typing import Any

import jax
import jax.numpy as jnp

from lapis.graph import KerasTensor, op
from lapis.ops.arrays import Axis, Tensor, axis_tuple, to_float
from lapis.ops.control import jvp as jvp


def _matrices(name: str, x: Any, square: bool = False) -> Any:
    x = jnp.asarray(x)
    if x.ndim < 2 or (square and x.shape[-1] != x.shape[-2]):
        kind = "square matrices, shape (..., n, n)" if square else "matrices, shape (..., m, n)"
        raise ValueError(f"{name} takes {kind}, and got shape {x.shape}.")
    return x


def _system(name: str, a: Any, b: Any) -> tuple[Any, Any]:
    a, b = _matrices(name, a, square=True), jnp.asarray(b)
    rows = b.shape[-1 if b.ndim == a.ndim - 1 else -2] if b.ndim > 0 else None
    if rows is None or (b.ndim in (a.ndim, a.ndim - 1) and rows != a.shape[-1]):
        raise ValueError(f"{name} takes b with as many rows as a has columns, and got shapes {a.shape} and {b.shape}.")
    return a, b


@op
def cholesky(x: Any, upper: bool = False) -> Tensor:
    """The triangular `L` with `x = L L^T` for a symmetric positive definite `x` (the upper `L^T` with `upper`).

    A `ValueError` where `x` is not positive definite, except within a compiled program, which gives NaN.

    >>> cholesky([[4.0, 0.0], [0.0, 9.0]]).tolist()
    [[2.0, 0.0], [0.0, 3.0]]
    """
    result = jnp.linalg.cholesky(_matrices("cholesky", x, square=True), upper=upper)
    if not isinstance(result, jax.core.Tracer) and bool(jnp.isnan(result).any()):
        raise ValueError("cholesky takes a symmetric positive definite matrix, and this one is not.")
    return result


@op
def cholesky_inverse(x: Any, upper: bool = False) -> Tensor:
    """The inverse of a matrix from its Cholesky factor.

    >>> cholesky_inverse([[2.0, 0.0], [0.0, 1.0]]).tolist()
    [[0.25, 0.0], [0.0, 1.0]]
    """
    x = _matrices("cholesky_inverse", x, square=True)
    factor = jax.scipy.linalg.solve_triangular(x, jnp.eye(x.shape[-1], dtype=x.dtype), lower=not upper)
    return factor @ factor.T if upper else factor.T @ factor


@op
def det(x: Any) -> Tensor:
    """The determinant.

    >>> det([[2.0, 0.0], [0.0, 3.0]]).tolist()
    6.0
    """
    return jnp.linalg.det(_matrices("det", x, square=True))


@op(spec=lambda x: (KerasTensor(x.shape[:-2], x.dtype), KerasTensor(x.shape[:-2], x.dtype)))
def slogdet(x: Any) -> tuple[Tensor, Tensor]:
    """The sign of the determinant, and the logarithm of its absolute value.

    >>> [float(v) for v in slogdet([[1.0, 0.0], [0.0, -1.0]])]
    [-1.0, 0.0]
    """
    return tuple(jnp.linalg.slogdet(to_float(x)))


@op
def inv(x: Any) -> Tensor:
    """The inverse.

    >>> inv([[2.0, 0.0], [0.0, 4.0]]).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    return jnp.linalg.inv(_matrices("inv", x, square=True))


@op
def pinv(x: Any, rcond: float | None = None) -> Tensor:
    """The Moore-Penrose inverse; singular values below `rcond` times the largest count as 0.

    >>> pinv([[2.0], [0.0]]).tolist()
    [[0.5, 0.0]]
    """
    return jnp.linalg.pinv(_matrices("pinv", x), rtol=rcond)


@op
def matrix_rank(x: Any, tol: float | None = None) -> Tensor:
    """The rank, as `int32`: how many singular values exceed `tol`.

    >>> matrix_rank([[1.0, 0.0], [0.0, 0.0]]).tolist()
    1
    """
    return jnp.linalg.matrix_rank(_matrices("matrix_rank", x), tol).astype("int32")


@op
def eig(x: Any) -> tuple[Tensor, Tensor]:
    """The eigenvalues and eigenvectors (as columns), complex; on the CPU only.

    >>> eig([[2.0, 0.0], [0.0, 3.0]])[0].shape
    (2,)
    """
    return tuple(jnp.linalg.eig(_matrices("eig", x, square=True)))


@op
def eigh(x: Any) -> tuple[Tensor, Tensor]:
    """The eigenvalues (rising) and eigenvectors (as columns) of a symmetric matrix.

    >>> eigh([[3.0, 0.0], [0.0, 2.0]])[0].tolist()
    [2.0, 3.0]
    """
    return tuple(jnp.linalg.eigh(_matrices("eigh", x, square=True)))


@op
def lu_factor(x: Any) -> tuple[Tensor, Tensor]:
    """The two triangles of the LU decomposition in one matrix, and the row exchanges.

    >>> lu, pivots = lu_factor([[2.0, 0.0], [0.0, 3.0]])
    >>> lu.tolist(), pivots.tolist()
    ([[2.0, 0.0], [0.0, 3.0]], [0, 1])
    """
    return tuple(jax.scipy.linalg.lu_factor(_matrices("lu_factor", x)))


@op
def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The norm of vectors (one axis) or matrices (two axes); Euclidean, or Frobenius, by default.

    >>> norm([3.0, 4.0]).tolist()
    5.0
    """
    return jnp.linalg.norm(to_float(x), ord=ord, axis=axis_tuple(axis), keepdims=keepdims)


@op
def qr(x: Any, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """An orthogonal `Q` and an upper triangular `R` with `x = Q R`; `mode="complete"` gives a square `Q`.

    >>> [part.shape for part in qr([[1.0], [2.0]])]
    [(2, 1), (1, 1)]
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr got mode={mode!r}; expected 'reduced' or 'complete'.")
    return tuple(jnp.linalg.qr(jnp.asarray(x), mode=mode))


@op
def solve(a: Any, b: Any) -> Tensor:
    """The `x` with `a x = b`.

    >>> solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 4.0]).tolist()
    [1.0, 1.0]
    """
    return jnp.linalg.solve(*_system("solve", a, b))


@op
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Tensor:
    """The `x` with `a x = b` for an upper (or `lower`) triangular `a`.

    >>> solve_triangular([[2.0, 0.0], [0.0, 4.0]], [2.0, 4.0]).tolist()
    [1.0, 1.0]
    """
    return jax.scipy.linalg.solve_triangular(*_system("solve_triangular", a, b), lower=lower)


@op
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """`U`, the falling singular values `S` and `V^T` with `x = U diag(S) V^T`, or `S` alone without `compute_uv`.

    >>> svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False).tolist()
    [4.0, 3.0]
    """
    result = jnp.linalg.svd(_matrices("svd", x), full_matrices=full_matrices, compute_uv=compute_uv)
    return tuple(result) if compute_uv else result


@op
def lstsq(a: Any, b: Any, rcond: float | None = None) -> Tensor:
    """The `x` of least length for which `a x` is nearest to `b`.

    >>> [round(v, 4) for v in lstsq([[1.0], [1.0]], [1.0, 3.0]).tolist()]
    [2.0]
    """
    return jnp.linalg.lstsq(jnp.asarray(a), jnp.asarray(b), rcond=rcond)[0]
