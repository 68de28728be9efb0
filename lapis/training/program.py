"""Steps as compiled programs: `program(state, batch) -> logs, state`, pure, with the state in one tree."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def _like(new: Any, old: Any) -> Any:
    """The new value in exactly the old one's type, so that the next step needs no second compilation."""
    return jnp.asarray(new, old.dtype)


def _settled(step: Callable) -> Callable:
    def run(state: Any, batch: Any) -> tuple[Any, Any]:
        logs, new_state = step(state, batch)
        return logs, jax.tree.map(_like, _as_lists(new_state), _as_lists(state))

    return run


def _as_lists(state: Any) -> tuple[list[Any], ...]:
    return tuple(list(group) for group in state)


def train_program(step: Callable, compiled: bool) -> Callable:
    """A training step; the state it is given is used up (its memory holds the new one)."""
    return jax.jit(_settled(step), donate_argnums=0) if compiled else step


def _changes_only(step: Callable) -> Callable:
    """The step with `None` for every value that it leaves as it was, which then need not be copied."""

    def run(state: Any, batch: Any) -> tuple[Any, Any]:
        logs, new_state = step(state, batch)
        changes = [
            [None if new is old else _like(new, old) for new, old in zip(new_group, group)]
            for new_group, group in zip(new_state, state)
        ]
        return logs, tuple(changes)

    return run


def reading_program(step: Callable, compiled: bool) -> Callable:
    """A step of evaluation or prediction, which leaves its inputs valid and most of the state unchanged."""
    if not compiled:
        return step
    changes = jax.jit(_changes_only(step))

    def program(state: Any, batch: Any) -> tuple[Any, Any]:
        logs, changed = changes(state, batch)
        return logs, tuple(
            [old if new is None else new for new, old in zip(new_group, group)]
            for new_group, group in zip(changed, state)
        )

    return program
