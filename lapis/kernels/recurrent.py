"""The loops of LSTM and GRU over time as primitives of JAX: native in float32 on the CPU.

`forward` is what the layers call. Its derivative has two parts: the products with the kernel's tangent, for all steps
at once, and `_tangents`, the loop that carries tangents from step to step. That loop is linear in them, and its
transpose is `_backward`, the loop through time backwards, which is native too. So reverse mode is two native loops and
large products; forward mode, vmap and higher derivatives run the loops of this file.

All arrays are time-major: `x` is `(time, batch, gates * units)`, states are `(batch, units)`. An array that a cell does
not have, such as the GRU's `c`, is empty.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad

from lapis.kernels import library
from lapis.kernels.primitive import define, define_transposes, reference_jvp

LSTM, GRU = 4, 3  # how many gates a cell has
_FORWARD, _BACKWARD = "lapis_recurrent_forward_v1", "lapis_recurrent_backward_v1"


def serves(*arrays: Any) -> bool:
    """Whether the native loops serve for arrays of these shapes and types, rather than XLA's."""
    if any(array.dtype != jnp.float32 or not all(isinstance(n, int) and n for n in array.shape) for array in arrays):
        return False
    return library.serves_here(_FORWARD, _BACKWARD)


def forward(
    gates: int, x: Any, weights: tuple[Any, ...], states: list, mask: Any = None, reverse: bool = False
) -> tuple[Any, list]:
    """`h` after each step `(time, batch, units)` and the last states, for what `serves` says yes to.

    The gates are cut from `x + h @ kernel + bias`, in the order of Keras; an LSTM's `states` are `[h, c]`, a GRU's
    `[h]` (its candidate adds `reset * (h @ kernel + bias)`). `weights` are the kernel and maybe the bias. Where `mask`
    `(time, batch)` is false, states stay.
    """
    empty = jnp.zeros((0,), x.dtype)
    kernel, bias = weights if len(weights) == 2 else (*weights, empty)
    if gates == LSTM and bias.size:
        x, bias = x + bias, empty
    h, c = states if gates == LSTM else (states[0], empty)
    kept = jnp.zeros((0,), bool) if mask is None else mask
    outputs, last_c, _, _ = _forward.bind(x, kernel, bias, h, c, kept, gates=gates, reverse=reverse, save=False)
    last = outputs[0 if reverse else -1]
    return outputs, [last, last_c] if gates == LSTM else [last]


def _split(x: Any, gates: int) -> list:
    return jnp.split(x, gates, axis=-1)


def _keep(mask: Any, new: Any, old: Any) -> Any:
    return new if mask is None else jnp.where(mask[:, None], new, old)


def _reference_forward(
    x: Any, w: Any, bias: Any, h0: Any, c0: Any, mask: Any, gates: int, reverse: bool, save: bool
) -> list:
    def lstm(state: tuple, current: tuple) -> tuple:
        (h, c), (x, kept) = state, current
        i, f, g, o = _split(x + h @ w, gates)
        i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
        new_c = _keep(kept, f * c + i * g, c)
        new_h = _keep(kept, o * jnp.tanh(new_c), h)
        return (new_h, new_c), (new_h, jnp.concatenate([i, f, g, o], -1), new_c)

    def gru(state: tuple, current: tuple) -> tuple:
        (h, c), (x, kept) = state, current
        (x_z, x_r, x_h), (r_z, r_r, r_h) = _split(x, gates), _split(h @ w + (bias if bias.size else 0), gates)
        z, reset = jax.nn.sigmoid(x_z + r_z), jax.nn.sigmoid(x_r + r_r)
        candidate = jnp.tanh(x_h + reset * r_h)
        new_h = _keep(kept, z * h + (1 - z) * candidate, h)
        return (new_h, c), (new_h, jnp.concatenate([z, reset, candidate, r_h], -1), c)

    steps = x, mask if mask.size else None
    (_, last_c), (h, saved, c) = lax.scan(lstm if gates == LSTM else gru, (h0, c0), steps, reverse=reverse)
    empty = jnp.zeros((0,), x.dtype)
    return [h, last_c, saved if save else empty, c if save and gates == LSTM else empty]


def _before(h: Any, h0: Any, reverse: bool) -> Any:
    """The states before each step."""
    return jnp.concatenate([h[1:], h0[None]] if reverse else [h0[None], h[:-1]])


def _tangent_loop(
    e: Any, dh: Any, dc: Any, w: Any, saved: Any, c: Any, h: Any, h0: Any, c0: Any, mask: Any, gates: int, reverse: bool
) -> list:
    """Tangents of `h` at all steps and of the last `c`, for the tangents `e` that come from outside of the loop.

    `saved` are the LSTM's `i, f, g, o`, or the GRU's `z, reset, candidate` and the product that `reset` scales.
    """

    def lstm(state: tuple, current: tuple) -> tuple:
        (dh, dc), (e, saved, c, old, kept) = state, current
        (i, f, g, o), (di, df, dg, do) = _split(saved, gates), _split(e + dh @ w, gates)
        shown = jnp.tanh(c)
        di, df, do = di * i * (1 - i), df * f * (1 - f), do * o * (1 - o)
        new_c = _keep(kept, f * dc + old * df + i * dg * (1 - g * g) + g * di, dc)
        new_h = _keep(kept, shown * do + o * (1 - shown * shown) * new_c, dh)
        return (new_h, new_c), new_h

    def gru(state: tuple, current: tuple) -> tuple:
        (dh, dc), (e, saved, _, old, kept) = state, current
        z, reset, candidate, r_h = _split(saved, 4)
        (e_z, e_r, e_h), (d_z, d_r, d_h) = _split(e, gates), _split(dh @ w, gates)
        dz, dreset = (e_z + d_z) * z * (1 - z), (e_r + d_r) * reset * (1 - reset)
        dcandidate = (e_h + reset * d_h + r_h * dreset) * (1 - candidate * candidate)
        new_h = _keep(kept, z * dh + (1 - z) * dcandidate + (old - candidate) * dz, dh)
        return (new_h, dc), new_h

    old = _before(c, c0, reverse) if gates == LSTM else _before(h, h0, reverse)
    steps = e, saved, c if gates == LSTM else None, old, mask if mask.size else None
    (_, dc), outputs = lax.scan(lstm if gates == LSTM else gru, (dh, dc), steps, reverse=reverse)
    return [outputs, dc]


def _backward_loop(dh: Any, dc: Any, *known: Any, gates: int, reverse: bool) -> list:
    """The transpose of `_tangent_loop` in its first three arguments."""
    w, h0, c0 = known[0], *known[4:6]
    e = jax.ShapeDtypeStruct((*dh.shape[:2], gates * w.shape[0]), dh.dtype)
    loop = functools.partial(_tangent_loop, gates=gates, reverse=reverse)
    transposed = jax.linear_transpose(lambda e, dh, dc: loop(e, dh, dc, *known), e, h0, c0)
    return list(transposed([dh, dc]))


def _forward_shapes(
    x: Any, w: Any, bias: Any, h0: Any, c0: Any, mask: Any, gates: int, reverse: bool, save: bool
) -> list:
    steps, batch, units = *x.shape[:2], w.shape[0]
    carries = save and gates == LSTM
    return [
        (steps, batch, units),
        c0.shape,
        (steps, batch, 4 * units) if save else (0,),
        (steps, batch, units) if carries else (0,),
    ]


def _tangent_shapes(e: Any, dh: Any, dc: Any, *known: Any, gates: int, reverse: bool) -> list:
    return [(*e.shape[:2], *dh.shape[1:]), dc.shape]


def _backward_shapes(dh: Any, dc: Any, *known: Any, gates: int, reverse: bool) -> list:
    return [(*dh.shape[:2], gates * dh.shape[2]), dh.shape[1:], dc.shape]


def _lower(handler: str, context: Any, *arguments: Any, gates: int, reverse: bool, save: bool = False) -> Any:
    return jax.ffi.ffi_lowering(handler)(context, *arguments, gates=gates, reverse=reverse)


_forward = define("lstm_gru", _forward_shapes, _reference_forward, functools.partial(_lower, _FORWARD))
_tangents = define("lstm_gru_tangents", _tangent_shapes, _tangent_loop, None)
_backward = define("lstm_gru_backward", _backward_shapes, _backward_loop, functools.partial(_lower, _BACKWARD))


def _forward_jvp(primals: Any, tangents: Any, gates: int, reverse: bool, save: bool) -> tuple:
    if save:  # only differentiated where the derivative is differentiated again
        return reference_jvp(_reference_forward)(primals, tangents, gates=gates, reverse=reverse, save=save)
    _, w, bias, h0, c0, mask = primals
    dx, dw, dbias, dh0, dc0, _ = tangents
    h, last_c, saved, c = _forward.bind(*primals, gates=gates, reverse=reverse, save=True)
    e = ad.instantiate_zeros(dx)
    if not (isinstance(dw, ad.Zero) and isinstance(dbias, ad.Zero)):
        r = _before(h, h0, reverse) @ ad.instantiate_zeros(dw)
        r = r + ad.instantiate_zeros(dbias) if bias.size else r
        if gates == GRU:
            r_z, r_r, r_h = _split(r, gates)
            r = jnp.concatenate([r_z, r_r, _split(saved, 4)[1] * r_h], -1)
        e = e + r
    starts = ad.instantiate_zeros(dh0), ad.instantiate_zeros(dc0)
    dh, dc = _tangents.bind(e, *starts, w, saved, c, h, h0, c0, mask, gates=gates, reverse=reverse)
    unused = jnp.zeros((0,), h.dtype)
    return [h, last_c, unused, unused], [dh, dc, unused, unused]


ad.primitive_jvps[_forward] = _forward_jvp
ad.primitive_jvps[_tangents] = reference_jvp(_tangent_loop)
ad.primitive_jvps[_backward] = reference_jvp(_backward_loop)
define_transposes(_tangents, _backward, (3, 2))
