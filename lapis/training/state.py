"""A model's variables as the state of a compiled program, and back."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

_LOST = (
    "The step was broken off after the device had taken over the variables, so these have lost their values: {paths}. "
    "Load the model again, or set its weights."
)


class LiveState:
    """The values of groups of variables while a program runs on them.

    The values are taken from the variables before the first step, live in the program from step to step, and go back
    into the variables at `sync`, which is all that happens between two runs otherwise.
    """

    def __init__(self, *groups: Sequence[Any]) -> None:
        self.groups = [list(group) for group in groups]
        self.variables = [variable for group in self.groups for variable in group]
        self._values: list[Any] = []  # before the last call; empty while the variables hold them
        self._changed: list[int] = []  # which of them the last call replaces
        self._results: list[Any] = []  # of the last call: (outputs, new values)

    def run(self, program: Any, part: Any) -> list[Any]:
        """Run the program on a stack of batches (or a batch), and give the outputs of its calls."""
        outputs = []
        for call in program.calls(self.groups, self._settle(), part):
            values = self._settle()
            self._changed = call.changed
            changed, kept = [values[place] for place in call.changed], [values[place] for place in call.kept]
            # An interrupt strikes between two Python instructions. It must not fall between the call, which takes
            # values over, and the keeping of its results: so both happen within one.
            self._results.extend(map(call.function, (changed,), (kept,), *((a,) for a in call.arguments)))
            outputs.append(self._results[-1][0])
        return outputs

    def wait(self) -> None:
        """Wait for the last run."""
        jax.block_until_ready(self._results)

    def _settle(self) -> list[Any]:
        """All values as they are now."""
        if not self._values:
            self._values = _own_buffers(self.variables)
        if self._results:
            values = list(self._values)
            for place, value in zip(self._changed, self._results[-1][1]):
                values[place] = value
            self._values, self._results = values, []
        return self._values

    def sync(self) -> None:
        """Put the values back into the variables."""
        try:
            self._put_back()
        except KeyboardInterrupt:
            self._put_back()
            raise

    def _put_back(self) -> None:
        if not self._values:
            return
        lost = []
        for variable, value in zip(self.variables, self._settle()):
            if isinstance(value, jax.Array) and value.is_deleted():
                lost.append(variable.path)
            elif value is not variable._value:
                variable.assign(value)
        self._values = []
        if lost:
            raise RuntimeError(_LOST.format(paths=", ".join(lost)))


def _own_buffers(variables: Sequence[Any]) -> list[Any]:
    """The variables' arrays, each one its own: an array that a program takes over must not be in two places."""
    seen: set[int] = set()

    def own(array: Any) -> Any:
        if id(array) in seen:
            return jnp.copy(array)
        seen.add(id(array))
        return array

    return [own(variable.value) for variable in variables]


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
