"""A model's outputs by place and by name, and whatever users give per output brought into their order."""

from collections.abc import Sequence
from typing import Any

import lapis.core.nest as nest
from lapis.core.findings import refuse
from lapis.core.naming import did_you_mean


def object_name(thing: Any) -> str | None:
    """What a loss or metric is called in logs: its `name`, or its function's."""
    return getattr(thing, "name", None) or getattr(thing, "__name__", None)


def _describe(value: Any) -> str:
    if isinstance(value, dict):
        return f"a dict with keys {list(value)}"
    if nest.is_nested(value):
        return f"a {type(value).__name__} of {len(value)}"
    return f"one array of shape {tuple(value.shape)}" if hasattr(value, "shape") else f"one {type(value).__name__}"


class OutputTree:
    """The structure of a model's outputs, in the order of `nest.flatten`.

    `paths` leads to each output; `names` are the keys of a flat dict of outputs, else the model's output names. If it
    has none (a subclass that gives several outputs), `named` is false, and `output_1`, `output_2`, … stand for them.

    >>> OutputTree([0, 0], ["a", "b"]).spread({"b": 2}, "y")
    [None, 2]
    """

    def __init__(self, outputs: Any, output_names: Sequence[str] | None) -> None:
        self.structure = nest.map_structure(lambda _: None, outputs)
        self.paths = [path for path, _ in nest.flatten_with_path(outputs)]
        self.named = output_names is not None and len(output_names) == len(self.paths)
        if self.named:
            names = list(output_names or ())
        else:
            names = [f"output_{index + 1}" for index in range(len(self.paths))]
        if isinstance(outputs, dict) and all(len(path) == 1 for path in self.paths):
            names, self.named = [str(path[0]) for path in self.paths], True
        self.names = names

    def __len__(self) -> int:
        return len(self.paths)

    def loss_name(self, index: int, unnamed: str) -> str:
        """The path of keys to an output, with the output's name in place of a last position in a list.

        `unnamed` is put there if the model does not name its outputs.
        """
        path = self.paths[index]
        if not path or isinstance(path[-1], int):
            path = (*path[:-1], self.names[index] if self.named else unnamed)
        return "/".join(map(str, path))

    def spread(self, value: Any, what: str, leaves_may_nest: bool = False) -> list[Any]:
        """One entry per output from a structure like that of the outputs, or a dict by output names.

        What is not given for an output is `None`. With `leaves_may_nest` an entry may itself be a list.
        """
        if value is None:
            return [None] * len(self)
        if isinstance(value, dict):
            if not isinstance(self.structure, dict) and (self.named or len(self) > 1):
                return self._by_name(value, what)
        elif len(self) == 1:
            return [value if leaves_may_nest else self._only_leaf(value, what)]
        elif nest.is_nested(value) and len(value) == len(self) and not any(map(nest.is_nested, value)):
            return list(value)
        return self._walk(value, self.structure, what, leaves_may_nest)

    def _by_name(self, value: dict, what: str) -> list[Any]:
        check_keys(value, self.names, what)
        return [value.get(name) for name in self.names]

    def _walk(self, value: Any, structure: Any, what: str, leaves_may_nest: bool) -> list[Any]:
        if not nest.is_nested(structure):
            return [value if leaves_may_nest else self._only_leaf(value, what)]
        if value is None:
            return [None] * len(nest.flatten(structure))
        if isinstance(structure, dict):
            keys = sorted(structure)
            if isinstance(value, dict):
                check_keys(value, keys, what)
                pairs = [(value.get(key), structure[key]) for key in keys]
            else:
                pairs = list(zip(self._entries(value, structure, what), (structure[key] for key in keys)))
        else:
            pairs = list(zip(self._entries(value, structure, what), structure))
        return [leaf for entry, part in pairs for leaf in self._walk(entry, part, what, leaves_may_nest)]

    def _only_leaf(self, value: Any, what: str) -> Any:
        leaves = nest.flatten(value)
        if len(leaves) != 1:
            refuse(
                "outputs-structure",
                f"{what} is {_describe(value)} with {len(leaves)} parts, where one output wants one.",
                f"Give one for each of the outputs {self.names}.",
            )
        return leaves[0]

    def _entries(self, value: Any, structure: Any, what: str) -> list[Any]:
        if not isinstance(value, (list, tuple)) or len(value) != len(structure):
            refuse(
                "outputs-structure",
                f"{what} must match the model's outputs, {_describe(structure)} ({', '.join(self.names)}); "
                f"got {_describe(value)}.",
                f"Give one for each output in this order, or a dict by the names {self.names}.",
            )
        return list(value)


def check_keys(value: dict, known: Sequence[str], what: str) -> None:
    """Raise a `CheckError` where a key is none of the outputs' names."""
    unknown = [key for key in value if key not in known]
    if unknown:
        hint = did_you_mean(str(unknown[0]), map(str, known))
        refuse(
            "unknown-output",
            f"{what} names outputs that the model does not have: {unknown}. It has {list(known)}.",
            f"Use these names as keys.{hint}",
        )
