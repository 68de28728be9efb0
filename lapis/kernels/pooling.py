"""The largest value in windows as a primitive of JAX, native in float32 on the CPU.

Its derivative picks, from the tangent, what stands where the input is largest; the transpose of that spreads a gradient
to those places. Both are linear and each other's transpose, which gives derivatives of any order. Arrays are channels
last, over one to three spatial axes.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from lapis.graph import inferring
from lapis.kernels import library


class Windows(NamedTuple):
    """For each spatial axis the width of the window, its stride, and the padding before and after."""

    widths: tuple[int, ...]
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]


_HANDLERS = ("lapis_pool_max_v1", "lapis_pool_pick_v1", "lapis_pool_spread_v1")


def serves(x: Any, windows: Windows) -> bool:
    """Whether the native `max_pool` serves for an array of this shape and type, rather than XLA's operations."""
    return (
        x.dtype == jnp.float32
        and all(isinstance(size, int) and size for size in x.shape)
        and x.ndim <= 5
        and all(max(pads) < width for pads, width in zip(windows.padding, windows.widths))
        and not inferring()
        and library.serves_here(*_HANDLERS)
    )


def max_pool(x: Any, windows: Windows) -> Any:
    """The largest value of each window; of equal ones the first gets the gradient. For what `serves` says yes to."""
    return _pool.bind(x, windows=windows)


def _offsets(windows: Windows) -> list[tuple[int, ...]]:
    return list(np.ndindex(*windows.widths))


def _positions(x: Any, windows: Windows, filler: float) -> Any:
    """`x` at each position of all windows, in row-major order: `(positions, batch, ..., channels)`."""
    padded = jnp.pad(x, [(0, 0), *windows.padding, (0, 0)], constant_values=filler)
    counts = _counts(x.shape, windows)
    found = []
    for offset in _offsets(windows):
        cuts = [slice(o, o + (n - 1) * s + 1, s) for o, n, s in zip(offset, counts, windows.strides)]
        found.append(padded[:, *cuts])
    return jnp.stack(found)


def _winners(x: Any, windows: Windows) -> Any:
    return jnp.argmax(_positions(x, windows, -jnp.inf), 0)


def _reference(x: Any, windows: Windows) -> Any:
    return jnp.max(_positions(x, windows, -jnp.inf), 0)


def _reference_pick(x: Any, t: Any, windows: Windows) -> Any:
    return jnp.take_along_axis(_positions(t, windows, 0.0), _winners(x, windows)[None], 0)[0]


def _reference_spread(x: Any, y: Any, windows: Windows) -> Any:
    return jax.linear_transpose(lambda t: _reference_pick(x, t, windows), x)(y)[0]


def _counts(shape: Sequence[int], windows: Windows) -> tuple[int, ...]:
    return tuple(
        (size + sum(pads) - width) // stride + 1
        for size, pads, width, stride in zip(shape[1:-1], windows.padding, windows.widths, windows.strides)
    )


def _primitive(name: str, handler: str, fallback: Any, of_windows: bool) -> Any:
    """A primitive with one result per window, or without `of_windows` one per input."""
    primitive = Primitive(f"lapis_{name}")

    def abstract(x: Any, *others: Any, windows: Windows) -> Any:
        shape = (x.shape[0], *_counts(x.shape, windows), x.shape[-1]) if of_windows else x.shape
        return jax.core.ShapedArray(shape, x.dtype)

    @functools.partial(jax.jit, static_argnames="windows")
    def run(*arguments: Any, windows: Windows) -> Any:
        return primitive.bind(*arguments, windows=windows)

    def lower(context: Any, *arguments: Any, windows: Windows) -> Any:
        library.handler(handler)
        before = [pads[0] for pads in windows.padding]
        geometry = np.array([*windows.widths, *windows.strides, *before], np.int64)
        return jax.ffi.ffi_lowering(handler)(context, *arguments, geometry=geometry)

    def batch(arguments: Any, axes: Any, windows: Windows) -> Any:
        size = next(a.shape[axis] for a, axis in zip(arguments, axes) if axis is not None)
        mapped = [batching.bdim_at_front(a, axis, size) for a, axis in zip(arguments, axes)]
        y = primitive.bind(*(m.reshape(-1, *m.shape[2:]) for m in mapped), windows=windows)
        return y.reshape(size, -1, *y.shape[1:]), 0

    primitive.def_impl(run)
    primitive.def_abstract_eval(abstract)
    mlir.register_lowering(primitive, mlir.lower_fun(fallback, multiple_results=False))
    mlir.register_lowering(primitive, lower, platform="cpu")
    batching.primitive_batchers[primitive] = batch
    return primitive


_pool = _primitive("max_pool", _HANDLERS[0], _reference, of_windows=True)
_pick = _primitive("max_pool_pick", _HANDLERS[1], _reference_pick, of_windows=True)
_spread = _primitive("max_pool_spread", _HANDLERS[2], _reference_spread, of_windows=False)


def _transpose_pick(ct: Any, x: Any, t: Any, windows: Windows) -> Any:
    return None, ad.Zero(t.aval) if isinstance(ct, ad.Zero) else _spread.bind(x, ct, windows=windows)


def _transpose_spread(ct: Any, x: Any, y: Any, windows: Windows) -> Any:
    return None, ad.Zero(y.aval) if isinstance(ct, ad.Zero) else _pick.bind(x, ct, windows=windows)


# Where the largest value is does not change with the input, but for single points: no tangent for that.
ad.defjvp(_pool, lambda dx, x, windows: _pick.bind(x, dx, windows=windows))
ad.defjvp(_pick, None, lambda dt, x, t, windows: _pick.bind(x, dt, windows=windows))
ad.defjvp(_spread, None, lambda dy, x, y, windows: _spread.bind(x, dy, windows=windows))
ad.primitive_transposes[_pick] = _transpose_pick
ad.primitive_transposes[_spread] = _transpose_spread
