"""Loops over time: one step applied to each time step of sequences, its states carried from one to the next."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from lapis.core import nest
from lapis.kernels import recurrent
from lapis.ops.arrays import Tensor
from lapis.ops.nn.activations import sigmoid
from lapis.ops.numpy.trigonometry import tanh


def rnn(
    step_function: Callable[..., tuple],
    inputs: Any,
    initial_states: Sequence[Any],
    go_backwards: bool = False,
    mask: Any = None,
    constants: Sequence[Any] | None = None,
    unroll: bool = False,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
    shared: Any = None,
) -> tuple:
    """Apply `step_function(input, states) -> (output, new_states)` to every time step, one after the other.

    Args:
        step_function: the step. `input` is one time step `(batch, ...)`; `new_states` has the structure of `states`.
        inputs: sequences `(batch, time, ...)`, or `(time, batch, ...)` with `time_major`; nests of them too.
        initial_states: the states before the first step, a list of arrays or of nests of arrays.
        go_backwards: start at the end of time; the outputs come in the order in which they were made.
        mask: booleans `(batch, time)`. Where false, the states stay as they are and the output is the previous one.
        constants: further arrays that follow the states in each call of the step.
        unroll: write all steps out instead of looping; the number of steps must be known.
        time_major: whether time is the first axis, in `inputs` and in the outputs.
        zero_output_for_mask: whether the output of a masked step is zero instead.
        return_all_outputs: whether all outputs are kept; otherwise only the last, as a single time step.
        shared: further arrays that go from step to step and that no mask holds back. The step then takes them as a
            third argument and returns them as a third value.

    Returns:
        The last output, all outputs `(batch, time, ...)`, the last states, and the last `shared` if it was given.

    >>> last, all_outputs, states = rnn(lambda x, s: (x + s[0], [x + s[0]]), jnp.ones((1, 3, 2)), [jnp.zeros((1, 2))])
    >>> all_outputs[0, :, 0].tolist()
    [1.0, 2.0, 3.0]
    """
    states = nest.map_structure(jnp.asarray, list(initial_states))
    extra = list(constants or ())
    xs = nest.map_structure(jnp.asarray, inputs) if time_major else nest.map_structure(_swap_time, inputs)
    keep = _step_mask(mask, time_major)
    _check_unroll(unroll, xs)

    def step(x: Any, states: list, shared: Any) -> tuple[Any, list, Any]:
        if shared is None:
            output, new = step_function(x, [*states, *extra])
        else:
            output, new, shared = step_function(x, [*states, *extra], shared)
        return output, _like(new, states), shared

    def body(carry: tuple, current: tuple) -> tuple[tuple, Any]:
        states, previous, shared = carry
        x, kept = current
        output, new, shared = step(x, states, shared)
        if kept is not None:
            output = _where(kept, output, jnp.zeros_like(output) if zero_output_for_mask else previous)
            new = nest.map_structure(functools.partial(_where, kept), new, states)
        return (new, output, shared), output if return_all_outputs else None

    carry = states, _first_output(step, xs, states, shared), shared
    (states, last, shared), outputs = lax.scan(body, carry, (xs, keep), reverse=go_backwards, unroll=unroll)
    results = last, _in_order(last, outputs, go_backwards, time_major), states
    return results if shared is None else (*results, shared)


def lstm_gates(x: list, r: list, states: list, activation: Any, recurrent_activation: Any) -> list:
    """The carry `c` forgets by `f` and takes in by `i`; `o` says how much of it shows in `h`."""
    i, f, g, o = (a + b for a, b in zip(x, r))
    c = recurrent_activation(f) * states[1] + recurrent_activation(i) * activation(g)
    return [recurrent_activation(o) * activation(c), c]


def gru_gates(x: list, r: list, states: list, activation: Any, recurrent_activation: Any) -> list:
    """`z`, how much of the state stays; `reset`, how much of it the candidate sees; then their mixture."""
    z = recurrent_activation(x[0] + r[0])
    reset = recurrent_activation(x[1] + r[1])
    candidate = activation(x[2] + reset * r[2])
    return [z * states[0] + (1 - z) * candidate]


_NATIVE = {lstm_gates: recurrent.LSTM, gru_gates: recurrent.GRU}


def recurrence(
    gates: Callable[..., list],
    functions: tuple,
    gate_count: int,
    inputs: Any,
    kernel: Any,
    bias: Any,
    initial_states: Sequence[Any],
    go_backwards: bool = False,
    mask: Any = None,
    unroll: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> tuple[Tensor, Tensor, list]:
    """The loop of a cell with the steps `states = gates(x, h @ kernel + bias, states, *functions)`.

    The first state `h` is the output. `inputs` are the inputs' share of the gates, `(time, batch, gates)`; they and the
    products come to `gates` cut into `gate_count` parts, one for each gate. `gates` must be a function of its arguments
    alone, and `functions` are the activations that it applies. All else is as in `rnn` with `time_major=True`.

    >>> add = lambda x, r, states: [x[0] + r[0]]
    >>> recurrence(add, (), 1, jnp.ones((3, 1, 1)), jnp.ones((1, 1)), None, [jnp.zeros((1, 1))])[0].tolist()
    [[3.0]]
    """
    states = [jnp.asarray(state) for state in initial_states]
    inputs = jnp.asarray(inputs)
    keep = _step_mask(mask, True)
    _check_unroll(unroll, inputs)
    weights = tuple(jnp.asarray(weight) for weight in (kernel, bias) if weight is not None)
    native = _NATIVE.get(gates) if functions == (tanh, sigmoid) else None
    if native is not None and recurrent.serves(inputs, *weights, *states):
        outputs, states = recurrent.forward(native, inputs, weights, states, keep, go_backwards)
    else:
        # A function of the user's may read variables, which a program compiled for later calls would not follow.
        loop = _compiled_loop if all(map(_is_ours, (gates, *functions))) else _loop
        outputs, states = loop(gates, functions, gate_count, go_backwards, unroll, inputs, weights, states, keep)
    last = states[0]
    if keep is not None and zero_output_for_mask:
        outputs = jnp.where(_widen(keep, outputs), outputs, 0)
        last = _where(keep[0 if go_backwards else -1], last, jnp.zeros_like(last))
    return last, _in_order(last, outputs if return_all_outputs else None, go_backwards, True), states


def _loop(
    gates: Callable,
    functions: tuple,
    gate_count: int,
    go_backwards: bool,
    unroll: bool,
    inputs: Any,
    weights: tuple[Any, ...],
    states: list,
    keep: Any,
) -> tuple[Any, list]:
    """The first state after each step, and the last states."""

    # The gates are cheap to compute again, so the derivative keeps only what goes into them.
    @functools.partial(jax.checkpoint, prevent_cse=False)
    def through_gates(x: list, r: list, states: list) -> list:
        return _like(gates(x, r, states, *functions), states)

    def body(states: list, current: tuple) -> tuple[list, Any]:
        x, kept = current
        r = states[0] @ weights[0]
        r = r if len(weights) == 1 else r + weights[1]
        new = through_gates(x, jnp.split(r, gate_count, axis=-1), states)
        new = new if kept is None else [_where(kept, n, s) for n, s in zip(new, states)]
        return new, new[0]

    # Cut here and not in the loop: on the CPU, functions of several slices of one array are not vectorised there.
    parts = jnp.split(inputs, gate_count, axis=-1)
    states, outputs = lax.scan(body, states, (parts, keep), reverse=go_backwards, unroll=unroll)
    return outputs, states


# Called outside a compiled program, a loop of the same kind is compiled once.
_compiled_loop = jax.jit(_loop, static_argnums=(0, 1, 2, 3, 4))


def _is_ours(function: Any) -> bool:
    return inspect.isfunction(function) and (function.__module__ or "").split(".")[0] == "lapis"


def _swap_time(x: Any) -> Any:
    return jnp.swapaxes(jnp.asarray(x), 0, 1)


def _step_mask(mask: Any, time_major: bool) -> Any:
    """The mask as booleans `(time, batch)`; further axes count where any entry does."""
    if mask is None:
        return None
    mask = jnp.asarray(mask).astype(bool)
    mask = mask if mask.ndim <= 2 else mask.any(axis=tuple(range(2, mask.ndim)))
    return mask if time_major else _swap_time(mask)


def _check_unroll(unroll: bool, xs: Any) -> None:
    steps = nest.flatten(xs)[0].shape[0]
    if unroll and not isinstance(steps, int):
        raise ValueError(
            "unroll=True needs a known number of time steps, and the inputs do not say how many there are."
        )


def _widen(mask: Any, x: Any) -> Any:
    return mask.reshape(mask.shape + (1,) * (x.ndim - mask.ndim))


def _where(kept: Any, new: Any, old: Any) -> Any:
    return jnp.where(_widen(kept, new), new, old)


def _like(new: Any, states: list) -> list:
    """The new states in the structure and types of the old, which a loop must keep."""
    flat, old = nest.flatten(new), nest.flatten(states)
    if len(flat) != len(old):
        raise ValueError(f"The step was given {len(old)} states and returned {len(flat)}; it must return as many.")
    for n, s in zip(flat, old):
        if tuple(n.shape) != tuple(s.shape):
            raise ValueError(f"The step was given a state of shape {s.shape} and returned it with shape {n.shape}.")
    return nest.pack_sequence_as(states, [n.astype(s.dtype) for n, s in zip(flat, old)])


def _first_output(step: Callable, xs: Any, states: list, shared: Any) -> Any:
    """What stands for the output before the first step: the first state of the last cell, zeros if it does not fit."""
    x = nest.map_structure(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), xs)
    spec = jax.eval_shape(step, x, states, shared)[0]
    state = states[-1][0] if nest.is_nested(states[-1]) else states[0]
    fits = state.shape == spec.shape and state.dtype == spec.dtype
    return state if fits else jnp.zeros(spec.shape, spec.dtype)


def _in_order(last: Any, outputs: Any, go_backwards: bool, time_major: bool) -> Any:
    """All outputs in the order in which they were made, time in its place."""
    if outputs is None:
        outputs = last[None]
    elif go_backwards:
        outputs = jnp.flip(outputs, 0)
    return outputs if time_major else _swap_time(outputs)
