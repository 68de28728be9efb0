"""How many floating-point operations an equation of JAX stands for.

A multiplication and an addition count as two. One operation on floating-point numbers counts as one for each number
that it makes, whatever it is (a sum, an exponential, a larger-of-two), a reduction as one for each number that it takes
in. What moves, casts, compares or selects numbers counts as nothing, and so does work on whole numbers. A native kernel
counts as the function of JAX that it stands for; a loop as often as it runs, or once where nobody knows how often.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, jaxprs_in_params
from jax.interpreters.partial_eval import dce_jaxpr

from lapis.kernels import references

_ARITHMETIC = (
    "add add_any sub mul div rem max min neg abs sign floor ceil round nextafter clamp exp exp2 expm1 log log1p log2 "
    "sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh logistic sqrt rsqrt cbrt pow integer_pow square "
    "erf erfc erf_inv lgamma digamma polygamma igamma igammac regularized_incomplete_beta bessel_i0e bessel_i1e "
    "complex conj real imag"
)
_REDUCTIONS = "reduce_sum reduce_prod reduce_max reduce_min argmax argmin cumsum cumprod cummax cummin cumlogsumexp"
_BY_OUTPUT, _BY_INPUT = frozenset(_ARITHMETIC.split()), frozenset(_REDUCTIONS.split())
_SCATTERS = frozenset({"scatter-add", "scatter_add", "scatter-mul", "scatter_mul", "scatter_min", "scatter_max"})


def count(equation: Any) -> float:
    """The operations of one equation, those of the programs inside it included."""
    name, parameters = equation.primitive.name, equation.params
    if equation.primitive in references:
        avals = tuple([(x.aval.shape, x.aval.dtype) for x in equation.invars])
        return _of_reference(references[equation.primitive], avals, tuple(parameters.items()))
    if name == "scan":
        return parameters["length"] * count_all(parameters["jaxpr"])
    if name == "while":
        once = count_all(parameters["body_jaxpr"]) + count_all(parameters["cond_jaxpr"])
        return once * (trips(equation) or 1)
    if name == "cond":
        return max(map(count_all, parameters["branches"]))
    if name in _RULES:
        return _RULES[name](equation)
    if name in _BY_INPUT or name in _SCATTERS:  # these hold the function that they apply
        return _plain(equation)
    inside = list(jaxprs_in_params(parameters))
    return sum(map(count_all, inside)) if inside else _plain(equation)


def count_all(program: Jaxpr | ClosedJaxpr) -> float:
    """The operations of all equations of a program."""
    jaxpr = program.jaxpr if isinstance(program, ClosedJaxpr) else program
    return sum(map(count, jaxpr.eqns))


def trips(equation: Any) -> int | None:
    """How often a `while` runs, `None` where that is known only as it runs."""
    parameters = equation.params
    condition = parameters["cond_jaxpr"].jaxpr
    if len(condition.eqns) != 1 or condition.eqns[0].primitive.name != "lt":
        return None
    carried = equation.invars[parameters["cond_nconsts"] + parameters["body_nconsts"] :]
    start = dict(zip(condition.invars, [*equation.invars[: parameters["cond_nconsts"]], *carried]))
    ends = [start.get(x, x) if not isinstance(x, Literal) else x for x in condition.eqns[0].invars]
    if not all(isinstance(end, Literal) for end in ends):
        return None
    return max(int(ends[1].val) - int(ends[0].val), 0)


@functools.lru_cache(4096)
def _of_reference(reference: Callable, avals: tuple, parameters: tuple) -> float:
    arrays = [jax.ShapeDtypeStruct(*aval) for aval in avals]
    jaxpr = jax.make_jaxpr(functools.partial(reference, **dict(parameters)))(*arrays).jaxpr
    return count_all(dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))[0])


def _is_float(x: Any) -> bool:
    return jnp.issubdtype(getattr(x.aval, "dtype", bool), jnp.inexact)


def _size(x: Any) -> int:
    return math.prod(x.aval.shape)


def _plain(equation: Any) -> float:
    name = equation.primitive.name
    if not any(map(_is_float, equation.invars)):
        return 0.0
    if name in _BY_OUTPUT:
        return float(sum(map(_size, equation.outvars)))
    if name in _BY_INPUT:
        return float(_size(equation.invars[0]))
    if name in _SCATTERS:
        return float(_size(equation.invars[2]))
    return 0.0


def _product(equation: Any) -> float:
    """`2 * outputs * summed`."""
    (summed, _), _ = equation.params["dimension_numbers"]
    return 2.0 * _size(equation.outvars[0]) * math.prod(equation.invars[0].aval.shape[axis] for axis in summed)


def _convolution(equation: Any) -> float:
    """`2 * positions * filters * window * channels`, padding counted.

    The positions are those of the output, or of the input where these are fewer: a gradient, like a transposed
    convolution, puts its window on each place of the smaller array.
    """
    places = equation.params["dimension_numbers"]
    x, kernel, y = equation.invars[0].aval.shape, equation.invars[1], equation.outvars[0].aval.shape
    batch, filters, *spatial = (y[axis] for axis in places.out_spec)
    positions = math.prod(min(x[axis], size) for axis, size in zip(places.lhs_spec[2:], spatial, strict=True))
    products = _size(kernel) // kernel.aval.shape[places.rhs_spec[0]]
    return 2.0 * batch * filters * positions * products


def _windows(equation: Any) -> float:
    return float(_size(equation.outvars[0]) * math.prod(equation.params["window_dimensions"]))


def _spread_windows(equation: Any) -> float:
    return float(_size(equation.invars[0]) * math.prod(equation.params["window_dimensions"]))


def _fourier(equation: Any) -> float:
    """`5 n log2(n)` for each transform of n numbers (Cooley and Tukey 1965)."""
    length = math.prod(equation.params["fft_lengths"])
    return 5.0 * max(map(_size, (equation.invars[0], equation.outvars[0]))) * math.log2(max(length, 2))


def _cubic(factor: float) -> Callable[[Any], float]:
    """`factor * n**3` for each matrix (Golub and Van Loan, Matrix Computations)."""

    def rule(equation: Any) -> float:
        *batch, rows, columns = equation.invars[0].aval.shape
        return factor * math.prod(batch) * max(rows, columns) * min(rows, columns) ** 2

    return rule


_RULES: dict[str, Callable[[Any], float]] = {
    "dot_general": _product,
    "conv_general_dilated": _convolution,
    "reduce_window": _windows,
    "reduce_window_sum": _windows,
    "reduce_window_max": _windows,
    "reduce_window_min": _windows,
    "select_and_scatter_add": _spread_windows,
    "select_and_gather_add": _windows,
    "fft": _fourier,
    "cholesky": _cubic(1 / 3),
    "lu": _cubic(2 / 3),
    "qr": _cubic(4 / 3),
    "geqrf": _cubic(4 / 3),
    "eigh": _cubic(9),
    "eig": _cubic(25),
    "svd": _cubic(22),
    "triangular_solve": lambda equation: float(_size(equation.invars[1]) * equation.invars[0].aval.shape[-1]),
}
