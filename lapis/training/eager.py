"""Calls of a model on arrays, as compiled programs: one for each kind of input.

The variables' values are arguments of a program, so that it stays right when they change; whatever else could change
what a model computes is part of its fingerprint, by which programs are found.
"""

import threading
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from lapis.core import nest
from lapis.core.changes import last_change
from lapis.core.recent import Recent
from lapis.graph import KerasTensor, get_mask, inferring, set_mask
from lapis.graph.masks import any_masks
from lapis.layers.calling import calls
from lapis.state import CollectingWatch, StatelessScope, is_sanitizer_enabled, watched_by
from lapis.state.scopes import local as scopes
from lapis.training.fingerprint import steady_fingerprint
from lapis.training.hosting import can_compile
from lapis.training.padding import BatchSizes, common_rows, pad, unpad
from lapis.training.rows import rows_independent

_MOST_KEPT = 256  # programs, and kinds of input whose batch sizes are remembered
_LONGEST_WAIT = 1000
_NOT_NUMBERS = "OSUMm"  # NumPy's letters for objects, texts and times
_ARGUMENTS = frozenset({"training", "mask"})


class _Tracing(threading.local):
    call: Any = None  # (model, its uncompiled call): what a program is traced from, set only while it is called


_tracing = _Tracing()


_programs = Recent(_MOST_KEPT)
_sizes = Recent(_MOST_KEPT)
_apart = Recent(_MOST_KEPT)  # by fingerprint, whether rows are kept apart


def clear_programs() -> None:
    """Drop all compiled calls."""
    for kept in (_programs, _sizes, _apart):
        kept.clear()


def count_programs() -> int:
    """How many compiled calls are kept.

    >>> clear_programs()
    >>> count_programs()
    0
    """
    return len(_programs)


class _Request:
    """A call's arguments: the arrays in one flat list, and the rest.

    Attributes:
        key: all that decides over the program, but for shapes and types.
        arrays: inputs, then the masks that they carry, if any does, then given masks.
    """

    def __init__(self, known: "_Known", inputs: Any, training: Any = None, mask: Any = None) -> None:
        self.inputs, self.training, self.mask = inputs, training, mask
        self.arrays = nest.flatten(inputs)
        self.carries_masks = False
        if any_masks():
            carried = [None if x is None else get_mask(x) for x in self.arrays]
            self.carries_masks = any(one is not None for one in carried)
            if self.carries_masks:
                self.arrays = self.arrays + carried
        if mask is not None:
            self.arrays = self.arrays + nest.flatten(mask)
        names = known.input_names if isinstance(inputs, dict) else None
        self.key = known.fingerprint, training, names, _structure(inputs), self.carries_masks, _structure(mask)

    def is_plain(self) -> bool:
        """Whether there is nothing but arrays of numbers."""
        training = self.training
        return (training is None or training is True or training is False) and all(map(_is_array, self.arrays))


def _structure(structure: Any) -> Any:
    """The structure as something hashable."""
    if isinstance(structure, (list, tuple)):
        return (structure.__class__, *map(_structure, structure))
    if isinstance(structure, dict):
        return (structure.__class__, *[(key, _structure(one)) for key, one in structure.items()])
    return structure is None


def _is_array(x: Any) -> bool:
    if x.__class__ is np.ndarray:
        return x.dtype.kind not in _NOT_NUMBERS
    return x is None or (isinstance(x, jax.Array) and not isinstance(x, jax.core.Tracer))


def _bare(structure: Any) -> Any:
    return nest.map_structure(lambda _: None, structure)


class _Program:
    """A model's call for one kind of input; it holds no model, and those with one fingerprint use it in turn.

    Attributes:
        run: `run(variables' values, arrays) -> (outputs, their masks, new values of variables, added losses), flags`,
            the sanitizer's flags or `None`.
        outputs: the structure of the outputs; `None` for a single one.
        changed: the places of the variables that come out with new values.
        adding: the places of the layers that added the losses.
        fails: whether it cannot be compiled.
        simple: whether a single output is all that it gives.
    """

    def __init__(self, request: _Request) -> None:
        self._given = _bare(request.inputs), request.carries_masks, _bare(request.mask), request.training
        self._traced = False
        self.run = jax.jit(self._trace)
        self.outputs: Any = None
        self.changed: list[int] = []
        self.adding: list[int] = []
        self.fails = False
        self.simple = False

    def _trace(self, values: list[Any], arrays: list[Any]) -> tuple:
        model, plain = _tracing.call
        structure, carries_masks, mask, training = self._given
        count = len(nest.flatten(structure))
        inputs, masks = arrays[:count], arrays[count:]
        if carries_masks:
            for x, one in zip(inputs, masks[:count]):
                if one is not None:
                    set_mask(x, one)
            masks = masks[count:]
        kwargs: dict[str, Any] = {} if training is None else {"training": training}
        if masks:
            kwargs["mask"] = nest.pack_sequence_as(mask, masks)
        variables = model.variables
        watch = CollectingWatch((values, arrays)) if is_sanitizer_enabled() else None
        with StatelessScope(zip(variables, values, strict=True), collect_losses=True) as scope, watched_by(watch):
            outputs = plain(nest.pack_sequence_as(structure, inputs), **kwargs)
        new = [scope.get_current_value(variable) for variable in variables]
        self.changed = [place for place, value in enumerate(new) if value is not values[place]]
        places = {id(layer): place for place, layer in enumerate(model._flatten_layers())}
        self.adding = [places[id(layer)] for layer, _ in scope.losses]
        leaves = nest.flatten(outputs)
        self.outputs = _bare(outputs) if nest.is_nested(outputs) else None
        out_masks = [None if leaf is None else get_mask(leaf) for leaf in leaves]
        self.simple = self.outputs is None and not self.changed and not self.adding and out_masks == [None]
        self._traced = True
        new = [new[place] for place in self.changed]
        return (leaves, out_masks, new, [loss for _, loss in scope.losses]), None if watch is None else watch.flags()

    def attempt(self, model: Any, plain: Callable, values: list[Any], arrays: list[Any]) -> tuple | None:
        """What the program gives, `None` where it fails."""
        outer, _tracing.call = _tracing.call, (model, plain)
        try:
            results, flags = self.run(values, arrays)
            # Operation by operation it is found which number is wrong.
            return None if flags is not None and flags.any() else results
        except Exception:
            self.fails = not self._traced
            return None
        finally:
            _tracing.call = outer


class _Known:
    """What calls need to know of a model, until something in it changes."""

    def __init__(self, model: Any) -> None:
        self.layers = list(model._flatten_layers())
        self.variables = model.variables
        self.fingerprint = steady_fingerprint(model) if can_compile(model) else None
        found = self.fingerprint is not None
        self.input_names = tuple(model.input_names) if found else ()
        self._any_rows = found and all(x.shape and x.shape[0] is None for x in model.inputs)
        self.stamp = last_change()
        self.misses = 0  # how often in a row the model turned out not to be compilable
        self.waiting = 0  # how many calls to let pass before the next look

    def keeps_rows_apart(self, model: Any, training: bool) -> bool:
        """Whether a batch may be padded."""
        return self._any_rows and _apart.find((self.fingerprint, training), lambda: rows_independent(model, training))


def call(model: Any, plain: Callable, args: tuple, kwargs: dict) -> Any:
    """What the model's uncompiled call `plain(*args, **kwargs)` gives, by a compiled program where there can be one.

    Operation by operation go calls on tracers or symbolic tensors, those within other layers and scopes, and calls of
    models that hold anything but Lapis's own or that are to run eagerly.
    """
    if (
        len(args) != 1
        or args[0].__class__ is KerasTensor
        or calls.context is not None
        or scopes.stateless is not None
        or scopes.autocast is not None
        or scopes.rows is not None
        or scopes.symbolic
        or inferring()
        or not kwargs.keys() <= _ARGUMENTS
    ):
        return plain(*args, **kwargs)
    known = _known(model)
    request = None if known is None else _Request(known, args[0], **kwargs)
    if known is None or request is None or not request.is_plain():
        return plain(*args, **kwargs)
    found = _results(model, plain, known, request)
    # What went wrong in a program shows best operation by operation.
    return plain(*args, **kwargs) if found is None else _applied(known, *found)


def _known(model: Any) -> _Known | None:
    """What is known of the model, brought up to date; `None` if its calls are not to be compiled."""
    if model._run_eagerly or model._jit_compile is False:
        return None
    if jax.config.jax_disable_jit or jax.config.jax_debug_nans or jax.config.jax_debug_infs:
        return None  # each operation on its own shows where something goes wrong
    known: _Known | None = model.__dict__.get("_eager")
    if known is None or known.stamp != last_change():
        misses = 0
        if known is not None and known.fingerprint is None:
            if known.waiting:
                known.waiting -= 1
                return None
            misses = known.misses
        known = model.__dict__["_eager"] = _Known(model)
        if known.fingerprint is None:
            known.misses, known.waiting = misses + 1, min(2**misses, _LONGEST_WAIT)
    return None if known.fingerprint is None else known


def _results(model: Any, plain: Callable, known: _Known, request: _Request) -> tuple | None:
    """The program and what came out of it, `None` where it failed."""
    arrays = request.arrays
    rows = common_rows(arrays) if known.keeps_rows_apart(model, bool(request.training)) else None
    if rows is not None:
        of_rows = (request.key, *[None if x is None else (x.shape[1:], x.dtype) for x in arrays])
        sizes = _sizes.find(of_rows, BatchSizes)
        size = sizes.padded(rows)
        if size != rows:
            found = _run(model, plain, known, request, [pad(x, size) for x in arrays])
            if found is None:
                return None
            program, (leaves, masks, new, losses) = found
            if not new and not losses and all(x is None or x.shape[:1] == (size,) for x in (*leaves, *masks)):
                return program, ([unpad(x, rows) for x in leaves], [unpad(x, rows) for x in masks], new, losses)
            sizes.pads = False
    return _run(model, plain, known, request, arrays)


def _run(model: Any, plain: Callable, known: _Known, request: _Request, arrays: list[Any]) -> tuple | None:
    key = (request.key, *[None if x is None else (x.shape, x.dtype) for x in arrays])
    program = _programs.find(key, lambda: _Program(request))
    if program.fails:
        return None
    results = program.attempt(model, plain, [variable._value for variable in known.variables], arrays)
    return None if results is None else (program, results)


def _applied(known: _Known, program: _Program, results: tuple) -> Any:
    """The outputs, once everything that the call does besides has been done."""
    leaves, masks, new, losses = results
    if program.simple:
        return leaves[0]
    for place, value in zip(program.changed, new):
        known.variables[place].assign(value)
    for place in set(program.adding):
        known.layers[place]._losses.clear()  # those of an earlier call
    for place, loss in zip(program.adding, losses):
        known.layers[place]._losses.append(loss)
    for x, mask in zip(leaves, masks):
        if mask is not None:
            set_mask(x, mask)
    return leaves[0] if program.outputs is None else nest.pack_sequence_as(program.outputs, leaves)
