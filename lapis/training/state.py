"""A model's variables as the state of a compiled program, and back."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

_LOST = (
    "The step was broken off after the device had taken over the variables, so these have lost their values: {paths}. "
    "Load the model again, or set its weights."
)


def _own_buffers(groups: list[list[Any]]) -> tuple[list[Any], ...]:
    """The variables' arrays, each one its own: an array that the program takes over must not be in two places."""
    seen: set[int] = set()

    def own(array: Any) -> Any:
        if id(array) in seen:
            return jnp.copy(array)
        seen.add(id(array))
        return array

    return tuple([own(variable.value) for variable in group] for group in groups)


class LiveState:
    """The values of groups of variables while a program runs on them.

    The values are taken from the variables before the first step, live in the program from step to step, and go back
    into the variables at `sync`, which is all that happens between two steps otherwise.
    """

    def __init__(self, *groups: Sequence[Any]) -> None:
        self.groups = [list(group) for group in groups]
        self._results: list[Any] = []  # of the last step: (logs, state)

    def run(self, program: Callable, batches: Sequence[Any]) -> Any:
        """Run the program on each batch, and give the last one's logs."""
        for batch in batches:
            state = self._results[-1][1] if self._results else _own_buffers(self.groups)
            # An interrupt strikes between two Python instructions. It must not fall between the program, which takes
            # its inputs over, and the keeping of its results: so both happen within one.
            self._results.extend(map(program, (state,), (batch,)))
            del self._results[:-1]
        return self._results[-1][0]

    def sync(self) -> None:
        """Put the values back into the variables."""
        if not self._results:
            return
        state = self._results[-1][1]
        lost = []
        for variables, values in zip(self.groups, state):
            for variable, value in zip(variables, values):
                if isinstance(value, jax.Array) and value.is_deleted():
                    lost.append(variable.path)
                else:
                    variable.assign(value)
        self._results.clear()
        if lost:
            raise RuntimeError(_LOST.format(paths=", ".join(lost)))


def state_tree(groups: dict[str, list[Any]], value_format: str) -> dict[str, Any]:
    """The variables' values in nested dicts along their paths."""
    if value_format not in ("backend_tensor", "numpy_array"):
        raise ValueError(f"value_format is {value_format!r}; expected 'backend_tensor' or 'numpy_array'.")
    tree: dict[str, Any] = {}
    for kind, variables in groups.items():
        root = tree[kind] = {}
        for variable in variables:
            *folders, name = variable.path.split("/")
            place = root
            for folder in folders:
                place = place.setdefault(folder, {})
            if name in place:
                raise ValueError(
                    f"Two variables have the path {variable.path!r}; give layers and metrics unique names."
                )
            place[name] = variable.value if value_format == "backend_tensor" else variable.numpy()
    return tree


def assign_state_tree(groups: dict[str, list[Any]], tree: dict[str, Any]) -> None:
    """Set variables to the values in nested dicts as `state_tree` makes them."""
    unknown = [kind for kind in tree if kind not in groups]
    if unknown:
        raise ValueError(f"The state tree has unknown parts {unknown}; expected {', '.join(groups)}.")
    for kind, branch in tree.items():
        by_path = {variable.path: variable for variable in groups[kind]}
        for path, value in _paths(branch, ""):
            if path not in by_path:
                raise ValueError(f"The state tree has a value for {path!r}, which is not among the {kind}.")
            by_path[path].assign(value)


def _paths(branch: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    found = []
    for key, value in branch.items():
        found += _paths(value, f"{prefix}{key}/") if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return found
