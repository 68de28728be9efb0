"""Programs: a pure step `step(state, batch) -> outputs, state` compiled to run many times over stacked batches.

A program's loop has a trip count that is an argument, so one compilation serves runs of any length, and each step
computes the same numbers whatever run it is a part of.
"""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import jaxpr_as_fun

from lapis.core.allocation import keep_freed_memory
from lapis.core.recent import Recent
from lapis.kernels import slow_in_loops
from lapis.state import real_rows
from lapis.training.stacks import Stack

_MOST_KEPT = 64  # compiled programs, of one step and of all that are shared; those used longest ago go first


class Call(NamedTuple):
    """`function(changed values, kept values, *arguments)` gives outputs and new values in place of the changed ones.

    `changed` and `kept` are the places of those values in the state.
    """

    function: Callable
    changed: list[int]
    kept: list[int]
    arguments: tuple


_shared = Recent(_MOST_KEPT)


def forget_shared_programs() -> None:
    """Let go of the compiled programs that models of equal graphs share."""
    _shared.clear()


class Traced:
    """A step as equations: what it computes, and which values of the state it leaves as they are."""

    def __init__(self, step: Callable, groups: Sequence[int], state: list[Any], stack: Stack, size_type: Any) -> None:
        def flat(values: list[Any], batch: Any, real: Any) -> tuple[Any, list[Any]]:
            if real is None:
                outputs, new = step(grouped(values, groups), batch)
            else:
                with real_rows(real, stack.size):
                    outputs, new = step(grouped(values, groups), batch)
            new = list(itertools.chain.from_iterable(new))
            # In exactly the old types, which a loop must keep.
            return outputs, [n if n is v else jnp.asarray(n, v.dtype) for n, v in zip(new, values, strict=True)]

        batch = jax.tree.map(lambda array: jax.ShapeDtypeStruct(array.shape[1:], array.dtype), stack.arrays)
        real = None if size_type is None else jax.ShapeDtypeStruct((), size_type)
        closed, (outputs, _) = jax.make_jaxpr(flat, return_shape=True)(state, batch, real)
        self._function = jaxpr_as_fun(closed)
        self.jaxpr = closed.jaxpr
        self.constants = closed.consts
        self.outputs, self.output_tree = jax.tree.flatten(outputs)
        before, after = closed.jaxpr.invars[: len(state)], closed.jaxpr.outvars[len(self.outputs) :]
        self.changed = [place for place, (old, new) in enumerate(zip(before, after)) if new is not old]
        self.kept = [place for place, (old, new) in enumerate(zip(before, after)) if new is old]
        self.loops = not slow_in_loops(closed.jaxpr)

    def run(
        self, changed: Sequence[Any], kept: Sequence[Any], stack: Any, sizes: Any, place: Any
    ) -> tuple[list[Any], list[Any]]:
        """The step on one batch of a stack: its outputs, and the new values of the state that it changes."""
        state = dict(zip(self.changed, changed)) | dict(zip(self.kept, kept))
        batch = [
            lax.squeeze(array, (0,)) if len(array) == 1 else lax.dynamic_index_in_dim(array, place, keepdims=False)
            for array in jax.tree.leaves(stack)
        ]
        real = [] if sizes is None else [sizes[place]]
        found = self._function(*map(state.__getitem__, range(len(state))), *batch, *real)
        new = found[len(self.outputs) :]
        return found[: len(self.outputs)], [new[place] for place in self.changed]


class Compiled:
    """A step compiled for batches of one kind, in stacks of one capacity."""

    def __init__(self, traced: Traced, capacity: int, collects: bool, uses_up: bool) -> None:
        self._changed, self._kept = traced.changed, traced.kept
        self._loops = traced.loops and capacity > 1
        self.has_constants = bool(traced.constants)
        keep_freed_memory()  # each run takes its working memory anew
        run = _looping(traced, collects) if self._loops else _single(traced, collects)
        self.function = jax.jit(run, donate_argnums=(0,) if uses_up else (), compiler_options=_compiler_options())

    def calls(self, stack: Stack, sizes: Any) -> Iterator[Call]:
        """The calls that run the step on all batches of the stack."""
        for last in [stack.count] if self._loops else range(stack.count):
            yield Call(self.function, self._changed, self._kept, (stack.arrays, sizes, last))


def _compiler_options() -> dict[str, Any] | None:
    """On a CPU, code is made in as many parts as there are cores: XLA's 32 take half as long again on two.

    And weights are updated in place, also where they have several readers, which XLA's default copies at each step.
    """
    if jax.default_backend() != "cpu":
        return None
    cores = os.cpu_count() or 1
    return {"xla_cpu_parallel_codegen_split_count": cores, "xla_cpu_copy_insertion_use_region_analysis": True}


def _looping(traced: Traced, collects: bool) -> Callable:
    def run(changed: list[Any], kept: list[Any], stack: Any, sizes: Any, count: Any) -> tuple[Any, list[Any]]:
        def body(place: Any, carry: tuple[list[Any], list[Any]]) -> tuple[list[Any], list[Any]]:
            changed, outputs = carry
            new, changed = traced.run(changed, kept, stack, sizes, place)
            if collects:
                return changed, [lax.dynamic_update_index_in_dim(o, n, place, 0) for o, n in zip(outputs, new)]
            return changed, [lax.convert_element_type(n, o.dtype) for o, n in zip(outputs, new)]

        capacity = jax.tree.leaves(stack)[0].shape[:1] if collects else ()
        outputs = [jnp.zeros((*capacity, *spec.shape), spec.dtype) for spec in traced.outputs]
        changed, outputs = lax.fori_loop(0, count, body, (changed, outputs))
        return jax.tree.unflatten(traced.output_tree, outputs), changed

    return run


def _single(traced: Traced, collects: bool) -> Callable:
    def run(changed: list[Any], kept: list[Any], stack: Any, sizes: Any, place: Any) -> tuple[Any, list[Any]]:
        outputs, changed = traced.run(changed, kept, stack, sizes, place)
        outputs = [output[None] for output in outputs] if collects else outputs
        return jax.tree.unflatten(traced.output_tree, outputs), changed

    return run


class Program:
    """A step that runs compiled, over stacks of batches.

    Args:
        step: `step(state, batch) -> (outputs, state)`, the state in groups of values.
        collects: keep the outputs of every step, one on top of the other, instead of the last step's.
        uses_up: let the new state take the memory of the old.
        sized: tell the step how many rows of its batch are real; not needed where outputs are kept, whose padding can
            be cut off later.
        share_as: asked when the step is to be compiled, `share_as(by_name)` gives what stands for it among all models,
            so that equal steps share a program; `None` for a step that is like no other. `by_name` tells whether the
            batches hold dicts, so that names decide what is what.
    """

    stacks = True

    def __init__(
        self,
        step: Callable,
        collects: bool = False,
        uses_up: bool = False,
        sized: bool = True,
        share_as: Callable[[bool], Any] = lambda by_name: None,
    ) -> None:
        self._step = step
        self._collects = collects
        self._uses_up = uses_up
        self._sized = sized
        self._share_as = share_as
        self._traced = Recent(_MOST_KEPT)
        self._compiled = Recent(_MOST_KEPT)
        self.compilations = 0
        self.seconds_per_step: float | None = None  # what runs have taken so far

    def calls(self, variables: Sequence[Sequence[Any]], state: list[Any], stack: Stack) -> Iterator[Call]:
        """The calls that run the step on all batches of the stack; each takes the state that the one before left."""
        sizes = stack.sizes if self._sized else None
        arrays, tree = jax.tree.flatten(stack.arrays)
        batch = tree, sizes is None, tuple([(array.shape[1:], array.dtype) for array in arrays])
        key = tuple([tuple(map(id, group)) for group in variables]), batch, arrays[0].shape[0]

        def make() -> tuple[Compiled, Any]:
            # The variables are kept beside the program, so that no other can come to their identities.
            return self._make(key, variables, state, stack, sizes), [*variables]

        return self._compiled.find(key, make)[0].calls(stack, sizes)

    def _make(
        self, key: Any, variables: Sequence[Sequence[Any]], state: list[Any], stack: Stack, sizes: Any
    ) -> Compiled:
        groups = tuple(map(len, variables))

        def trace() -> tuple[Traced, Any]:
            size_type = None if sizes is None else sizes.dtype
            return Traced(self._step, groups, state, stack, size_type), [*variables]  # kept for the same reason

        def make() -> Compiled:
            self.compilations += 1
            traced, _ = self._traced.find(key[:2], trace)
            return Compiled(traced, key[2], self._collects, self._uses_up)

        share_as = self._share_as(_holds_dicts(stack.arrays))
        if share_as is None:
            return make()
        specs = tuple([(value.shape, value.dtype) for value in state])
        shared_key = share_as, self._collects, self._uses_up, groups, specs, *key[1:]
        found = _shared.find(shared_key, make)
        if found.has_constants:  # they may be this model's own
            _shared.pop(shared_key, None)
        return found


class EagerProgram:
    """A step that runs in Python, batch by batch."""

    stacks = False
    compilations = 0
    seconds_per_step: float | None = None

    def __init__(self, step: Callable, collects: bool = False) -> None:
        self._step = step
        self._collects = collects

    def calls(self, variables: Sequence[Sequence[Any]], state: list[Any], batch: Any) -> Iterator[Call]:
        """The one call that runs the step on the batch."""
        groups = tuple(map(len, variables))

        def run(values: list[Any], _: Any, batch: Any) -> tuple[Any, list[Any]]:
            outputs, new = self._step(grouped(values, groups), batch)
            outputs = jax.tree.map(lambda output: output[None], outputs) if self._collects else outputs
            return outputs, list(itertools.chain.from_iterable(new))

        yield Call(run, list(range(len(state))), [], (batch,))


def _holds_dicts(structure: Any) -> bool:
    return isinstance(structure, dict) or (isinstance(structure, (list, tuple)) and any(map(_holds_dicts, structure)))


def grouped(values: Sequence[Any], groups: Sequence[int]) -> tuple[list[Any], ...]:
    rest = iter(values)
    return tuple(list(itertools.islice(rest, size)) for size in groups)
