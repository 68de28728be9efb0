"""Branches, loops and maps that can be compiled, differentiated and recorded."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lapis.core import nest
from lapis.graph import op


@op
def cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
    """`true_fn()` if `pred` holds, else `false_fn()`; both must return the same structure, shapes and types.

    >>> float(cond(True, lambda: 1.0, lambda: 2.0))
    1.0
    """
    return jax.lax.cond(pred, true_fn, false_fn)


@op
def switch(index: Any, branches: Sequence[Callable], *operands: Any) -> Any:
    """`branches[index](*operands)`, the index held within range.

    >>> int(switch(1, [lambda x: x, lambda x: 10 * x], 4))
    40
    """
    return jax.lax.switch(index, branches, *operands)


@op
def while_loop(cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: int | None = None) -> Any:
    """`body` applied to `loop_vars` for as long as `cond` holds, at most `maximum_iterations` times.

    A list or tuple of variables is spread over the arguments of both functions.

    >>> int(while_loop(lambda i: i < 5, lambda i: i + 2, 0))
    6
    """
    spread = isinstance(loop_vars, (list, tuple))
    variables = tuple(loop_vars) if spread else (loop_vars,)

    def go_on(state: tuple) -> Any:
        count, variables = state
        holds = cond(*variables)
        return holds if maximum_iterations is None else jnp.logical_and(holds, count < maximum_iterations)

    def step(state: tuple) -> tuple:
        count, variables = state
        result = body(*variables)
        return count + 1, tuple(result) if spread else (result,)

    _, variables = jax.lax.while_loop(go_on, step, (0, variables))
    return variables if spread else variables[0]


@op
def fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any) -> Any:
    """`val = body_fun(i, val)` for `i` from `lower` up to but without `upper`, starting with `init_val`.

    >>> int(fori_loop(0, 4, lambda i, total: total + i, 0))
    6
    """
    return jax.lax.fori_loop(lower, upper, body_fun, init_val)


@op
def scan(
    f: Callable, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False, unroll: int | bool = 1
) -> tuple[Any, Any]:
    """`carry, y = f(carry, x)` for each `x` along the first axis of `xs`: the last carry, and all `y` stacked.

    `length` is the number of steps where there is no `xs`; `unroll` is how many to write out in a row.

    >>> carry, ys = scan(lambda total, x: (total + x, total), 0, jnp.array([1, 2, 3]))
    >>> int(carry), ys.tolist()
    (6, [0, 1, 3])
    """
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(f"scan takes unroll as a boolean or a number from 1 up, and got {unroll!r}.")
    return jax.lax.scan(f, init, xs, length=length, reverse=reverse, unroll=unroll)


@op
def associative_scan(f: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """The running results of an associative `f` of two (stacks of) elements along `axis`, found in parallel.

    >>> associative_scan(lambda a, b: a + b, jnp.array([1, 2, 3])).tolist()
    [1, 3, 6]
    """
    return jax.lax.associative_scan(f, elems, reverse, axis)


@op
def map(f: Callable, xs: Any) -> Any:
    """`f` of each element along the first axis of `xs` (or of each of its arrays), one after the other, stacked.

    >>> map(lambda x: x * x, jnp.array([1, 2, 3])).tolist()
    [1, 4, 9]
    """
    return jax.lax.map(f, _arrays(xs))


@op
def vectorized_map(function: Callable, elements: Any) -> Any:
    """`function` of each element along the first axis of `elements`, all at once, stacked.

    >>> vectorized_map(lambda x: x.sum(), jnp.array([[1, 2], [3, 4]])).tolist()
    [3, 7]
    """
    return jax.vmap(function)(_arrays(elements))


def _arrays(xs: Any) -> Any:
    return nest.map_structure(jnp.asarray, xs)


@op
def jvp(fun: Callable, primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """The value of `fun(*primals)` and its derivative in the direction of `tangents` (forward differentiation).

    With `has_aux`, `fun` returns a second result that is passed on as it is.

    >>> value, slope = jvp(lambda x: x * x, (3.0,), (1.0,))
    >>> float(value), float(slope)
    (9.0, 6.0)
    """
    return jax.jvp(fun, tuple(primals), tuple(tangents), has_aux=has_aux)
