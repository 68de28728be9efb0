"""Programs whose steps are looked at by the sanitizer."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from lapis.state import CollectingWatch, SanitizerError, find_wrong_number, real_rows, watched_by
from lapis.training.program import Call, grouped
from lapis.training.stacks import Stack


def flagged(step: Callable) -> Callable:
    """The step with the outputs `(outputs, flags)`, a flag being set where a number is wrong."""

    def run(state: tuple, batch: Any) -> tuple[Any, tuple]:
        watch = CollectingWatch((state, batch))
        with watched_by(watch):
            outputs, new = step(state, batch)
        return (outputs, watch.flags()), new

    return run


class _Found(NamedTuple):
    """The first wrong step: its number among those of the call, which flag was set, and the state before it."""

    step: int
    flag: int
    values: dict[int, Any]


class SanitizedProgram:
    """Runs a program, and raises the sanitizer's error after a call in which a number was wrong.

    The state is then that of before the step with that number. To have it again, the steps of the call that come before
    are run once more, so that the program must not take over the memory of the state.

    Args:
        program: a program for the step as `flagged` gives it, which keeps the outputs of all steps.
        step: the step itself.
        collects: whether the outputs of all steps are wanted, instead of the last one's.
    """

    def __init__(self, program: Any, step: Callable, collects: bool) -> None:
        self._program = program
        self._step = step
        self._collects = collects
        self.stacks: bool = program.stacks
        self.seconds_per_step: float | None = None

    @property
    def compilations(self) -> int:
        """How many programs were compiled."""
        return self._program.compilations

    def calls(self, variables: Sequence[Sequence[Any]], state: list[Any], part: Any) -> Iterator[Call]:
        """The calls that run the step on all batches; one in which a number is wrong is the last."""
        for call in self._program.calls(variables, state, part):
            # What a call of a program with a loop is told last is the number of batches, otherwise which batch to take.
            loops = isinstance(part, Stack) and call.arguments[-1] == part.count
            found: list[_Found] = []
            yield Call(partial(self._run, call, loops, found), call.changed, call.kept, call.arguments)
            if found:
                first = call.arguments[-1] if isinstance(part, Stack) and not loops else 0
                raise self._error(found[0], tuple(map(len, variables)), part, first + found[0].step)

    def _run(self, call: Call, loops: bool, found: list[_Found], changed: Any, kept: Any, *arguments: Any) -> Any:
        """What the call gives, up to the first wrong step, which is put into `found`."""
        (outputs, flags), new = call.function(changed, kept, *arguments)
        count = arguments[-1] if loops else 1
        wrong = np.asarray(flags)[:count]
        if wrong.any():
            count = int(wrong.any(axis=1).argmax())
            new = call.function(changed, kept, *arguments[:-1], count)[1] if count else changed
            values = dict(zip(call.changed, new)) | dict(zip(call.kept, kept))
            found.append(_Found(count, int(wrong[count].argmax()), values))
        if not self._collects:
            outputs = jax.tree.map(lambda output: output[max(count - 1, 0)], jax.device_get(outputs))
        return outputs, new

    def _error(self, found: _Found, groups: tuple[int, ...], part: Any, place: int) -> SanitizerError:
        """The error of the part's batch at a place."""
        state = grouped([found.values[index] for index in range(len(found.values))], groups)
        if not isinstance(part, Stack):
            error = find_wrong_number(lambda: self._step(state, part), found.flag)
        else:
            batch = jax.tree.map(lambda array: array[place], part.arrays)
            with real_rows(part.size if part.sizes is None else part.sizes[place], part.size):
                error = find_wrong_number(lambda: self._step(state, batch), found.flag)
        error.step = place
        return error
