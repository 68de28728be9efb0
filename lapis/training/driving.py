"""One epoch of a program over a feed, with the hooks around each run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax

from lapis.core.changes import last_change
from lapis.state import numbering
from lapis.training.feed import Feed
from lapis.training.pace import Pace
from lapis.training.stacks import Stack
from lapis.training.state import LiveState


def prediction_groups(model: Any) -> tuple[list[Any], ...]:
    """The variables that make up the state of prediction."""
    kept = model.__dict__.get("_prediction_groups")
    if kept is None or kept[0] != last_change():
        groups = model.trainable_variables, model.non_trainable_variables
        kept = model.__dict__["_prediction_groups"] = last_change(), groups
    return kept[1]


@contextmanager
def live_state(model: Any, *groups: list[Any]) -> Iterator[LiveState]:
    """The variables' values while programs run on them; they are back in the variables at the end, whatever happens."""
    outer, live = model._live, LiveState(*groups)
    model.__dict__["_live"] = live  # past the layer's tracking: no part of the model has changed
    try:
        try:
            yield live
        finally:
            live.sync()
    finally:  # once more, lest an interrupt fell just before
        live.sync()
        model.__dict__["_live"] = outer


def pace_of(model: Any, program: Any, every_step: bool) -> Pace:
    """How many steps a run is to have: what `compile` was told, or one if hooks are to see every step."""
    told = model.steps_per_execution
    if told == "auto":
        told = 1 if every_step or not program.stacks else None
    return Pace(told, program.seconds_per_step)


def drive(
    live: LiveState,
    program: Any,
    feed: Feed,
    pace: Pace,
    begin: Callable[[int], None],
    end: Callable[[int, list[tuple[Any, list[Any]]]], None],
    stopped: Callable[[], bool],
) -> Any:
    """Run the program on one epoch, and give the outputs of its last call, `None` if there was no batch.

    Around each run `begin(first step)` and `end(last step, results)` are called, the results being the run's stacks,
    each with the outputs of its calls. While the device is at work, the next run's batches are made ready.
    """
    results: list[tuple[Any, list[Any]]] = []
    chunks = feed.chunks(pace)
    try:
        chunk = next(chunks, None)
        while chunk is not None:
            begin(chunk.first)
            before = program.compilations
            results, step = [], chunk.first
            for part in chunk.parts:
                with numbering(step):
                    results.append((part, live.run(program, part)))
                step += part.count if isinstance(part, Stack) else 1
            timed = program.compilations == before
            given = [outputs for _, outputs in results]
            if not jax.tree.leaves(given):  # nothing to wait for but the state, which the next run takes over
                live.wait()
            pace.sent(given, chunk.last - chunk.first + 1, timed, lambda chunk=chunk: feed.done(chunk))
            last, chunk = chunk.last, None
            try:
                chunk = next(chunks, None)
            finally:  # the run is over, also where the data break off
                end(last, results)
            if stopped():
                break
        pace.rest()
    finally:
        chunks.close()
        program.seconds_per_step = pace.seconds_per_step
    return results[-1][1][-1] if results else None
