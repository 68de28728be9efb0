"""The largest value and the mean in windows as primitives of JAX, native on the CPU in float32 and bfloat16.

The derivative of the largest value picks, from the tangent, what stands where the input is largest; the transpose of
that spreads a gradient to those places. The mean is linear, and its transpose spreads a gradient evenly. These are two
pairs of linear functions, each the other's transpose, which gives derivatives of any order. Arrays are channels last,
over one to three spatial axes.
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
from lapis.kernels.primitive import references


class Windows(NamedTuple):
    """For each spatial axis its size, the width of the window, its stride, and the padding before and after."""

    sizes: tuple[int, ...]
    widths: tuple[int, ...]
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """How many windows there are along each axis."""
        return tuple((size + sum(pads) - width) // stride + 1 for size, width, stride, pads in zip(*self))


_MAX_HANDLERS = ("lapis_pool_max_v1", "lapis_pool_pick_v1", "lapis_pool_spread_v1")
_MEAN_HANDLERS = ("lapis_pool_mean_v1", "lapis_pool_mean_spread_v1")


def native_dtype(shape: Sequence[Any], dtype: Any, windows: Windows) -> Any | None:
    """The type in which `max_pool` and `average_pool` serve for an array of this shape and type; `None` where XLA does.

    Gradients of windows that overlap are sums, which are not rounded to 16 bits at each step.
    """
    known = all(isinstance(size, int) and size for size in shape) and len(shape) <= 5
    fits = all(max(pads) < width for pads, width in zip(windows.padding, windows.widths))
    if dtype not in library.COMPUTED_IN_FLOAT32 or not known or not fits or inferring():
        return None
    if not library.serves_here(*_MAX_HANDLERS, *_MEAN_HANDLERS):
        return None
    apart = all(stride >= width for stride, width in zip(windows.strides, windows.widths))
    return dtype if dtype == jnp.bfloat16 and apart else jnp.dtype("float32")


def max_pool(x: Any, windows: Windows) -> Any:
    """The largest value of each window; of equal ones the first gets the gradient. For what `native_dtype` gives."""
    return _pool.bind(x, windows=windows)


def average_pool(x: Any, windows: Windows) -> Any:
    """The mean of each window, over its positions that padding did not add. For what `native_dtype` gives."""
    return _mean.bind(x, windows=windows)


def _offsets(windows: Windows) -> list[tuple[int, ...]]:
    return list(np.ndindex(*windows.widths))


def _positions(x: Any, windows: Windows, filler: float) -> Any:
    """`x` at each position of all windows, in row-major order: `(positions, batch, ..., channels)`."""
    padded = jnp.pad(x, [(0, 0), *windows.padding, (0, 0)], constant_values=filler)
    found = []
    for offset in _offsets(windows):
        cuts = [slice(o, o + (n - 1) * s + 1, s) for o, n, s in zip(offset, windows.counts, windows.strides)]
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


def _reference_mean(x: Any, windows: Windows) -> Any:
    return jnp.sum(_positions(x, windows, 0.0), 0) / jnp.sum(_positions(jnp.ones_like(x), windows, 0.0), 0)


def _reference_mean_spread(y: Any, windows: Windows) -> Any:
    x = jnp.zeros((y.shape[0], *windows.sizes, y.shape[-1]), y.dtype)
    return jax.linear_transpose(lambda x: _reference_mean(x, windows), x)(y)[0]


def _primitive(name: str, handler: str, fallback: Any, of_windows: bool) -> Any:
    """A primitive with one result for each window, or without `of_windows` one for each input."""
    primitive = Primitive(f"lapis_{name}")

    def abstract(x: Any, *others: Any, windows: Windows) -> Any:
        places = windows.counts if of_windows else windows.sizes
        return jax.core.ShapedArray((x.shape[0], *places, x.shape[-1]), x.dtype)

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
    references[primitive] = fallback
    return primitive


_pool = _primitive("max_pool", _MAX_HANDLERS[0], _reference, of_windows=True)
_pick = _primitive("max_pool_pick", _MAX_HANDLERS[1], _reference_pick, of_windows=True)
_spread = _primitive("max_pool_spread", _MAX_HANDLERS[2], _reference_spread, of_windows=False)
_mean = _primitive("average_pool", _MEAN_HANDLERS[0], _reference_mean, of_windows=True)
_mean_spread = _primitive("average_pool_spread", _MEAN_HANDLERS[1], _reference_mean_spread, of_windows=False)


def _transpose(other: Any, ct: Any, *arguments: Any, windows: Windows) -> Any:
    """The rule of a primitive that is linear in its last argument, with the others known."""
    *known, linear = arguments
    pulled = ad.Zero(linear.aval) if isinstance(ct, ad.Zero) else other.bind(*known, ct, windows=windows)
    return *[None] * len(known), pulled


# Where the largest value is does not change with the input, but for single points: no tangent for that.
ad.defjvp(_pool, lambda dx, x, windows: _pick.bind(x, dx, windows=windows))
ad.defjvp(_pick, None, lambda dt, x, t, windows: _pick.bind(x, dt, windows=windows))
ad.defjvp(_spread, None, lambda dy, x, y, windows: _spread.bind(x, dy, windows=windows))
ad.defjvp(_mean, lambda dx, x, windows: _mean.bind(dx, windows=windows))
ad.defjvp(_mean_spread, lambda dy, y, windows: _mean_spread.bind(dy, windows=windows))
for one, other in ((_pick, _spread), (_mean, _mean_spread)):
    ad.primitive_transposes[one] = functools.partial(_transpose, other)
    ad.primitive_transposes[other] = functools.partial(_transpose, one)
