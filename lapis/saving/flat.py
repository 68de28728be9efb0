"""A model's weights by readable names, as `.safetensors` and `.npz` files have them: `layers/dense/kernel`.

The name is the layer's place in the model and the variable's name; a layer that was given a name has it in its place.
The states of optimizers and of random seeds are not among them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from lapis.layers.layer import Layer
from lapis.saving.places import is_counted, is_given
from lapis.saving.sources import Header
from lapis.saving.state import own_variables
from lapis.saving.tree import saveables


class Entry(NamedTuple):
    """One array: its object's place and the key there, as in files of Keras, and its name here."""

    place: str
    key: str
    name: str
    value: Any


def entries(root: Any, skip: Iterable[Any] = ()) -> Iterator[Entry]:
    """Every array of the layers below `root`."""
    objects = list(saveables(root, skip))
    readable = _readable_places(objects)
    for place, obj in objects:
        if not isinstance(obj, Layer):
            continue
        stored: dict[str, Any] = {}
        obj.save_own_variables(stored)
        names = [variable.name for variable in own_variables(obj) or ()]
        if len(set(names)) < len(stored) or any("/" in name for name in names):
            names = list(stored)
        for name, (key, value) in zip(names, stored.items()):
            yield Entry(place, key, f"{readable[place]}/{name}".removeprefix("/"), value)


def _readable_places(objects: list[tuple[str, Any]]) -> dict[str, str]:
    """The objects' places, with given names for counted ones where no other object beside has that place."""
    wanted = {}
    for place, obj in objects:
        parent, _, part = place.rpartition("/")
        name = getattr(obj, "name", None)
        given = is_counted(part, obj) and is_given(name, part) and "/" not in str(name)
        wanted[place] = (parent, str(name) if given else part)
    counts = Counter([*wanted.values(), *(place.rpartition("/")[::2] for place in wanted)])
    made: dict[str, str] = {}
    for place, (parent, part) in wanted.items():
        own = place.rpartition("/")[2]
        if part != own and counts[parent, part] > 1:
            part = own
        made[place] = f"{_readable(parent, made)}/{part}".removeprefix("/")
    return made


def _readable(place: str, made: Mapping[str, str]) -> str:
    if place in made or not place:
        return made.get(place, "")
    parent, _, part = place.rpartition("/")
    return f"{_readable(parent, made)}/{part}".removeprefix("/")


class Arrays(Protocol):
    """An open file of named arrays."""

    headers: Mapping[str, Header]

    def read(self, name: str) -> np.ndarray:
        """The values of one."""
        ...


class FlatSource:
    """A file of named arrays as a source for a model: each array belongs where the model would write one of its name.

    `rename` gives names in the file, or what they begin with up to a `/` or a `.`, others.
    """

    def __init__(self, file: Arrays, root: Any, rename: Mapping[str, str] | None) -> None:
        self._file = file
        self._stored = _renamed(file.headers, rename or {})
        self._places: dict[str, dict[str, str]] = {}
        known = set()
        for entry in entries(root):
            known.add(entry.name)
            if entry.name in self._stored:
                self._places.setdefault(entry.place, {})[entry.key] = self._stored[entry.name]
        extra = [name for name in self._stored if name not in known]
        self.names: dict[str, str | None] = dict.fromkeys([*self._places, *extra])

    def keys(self, place: str) -> list[str]:
        return list(self._places.get(place, ()))

    def header(self, place: str, key: str) -> Header | None:
        name = self._places.get(place, {}).get(key)
        return None if name is None else self._file.headers[name]

    def read(self, place: str, key: str) -> np.ndarray:
        return self._file.read(self._places[place][key])


def _renamed(names: Iterable[str], rename: Mapping[str, str]) -> dict[str, str]:
    """The names in the file by those that they get."""
    found: dict[str, str] = {}
    used = set()
    for name in names:
        fitting = [old for old in rename if name == old or name.startswith((f"{old}/", f"{old}."))]
        new = name
        if fitting:
            longest = max(fitting, key=len)
            used.add(longest)
            new = rename[longest] + name.removeprefix(longest)
        if new in found:
            raise ValueError(f"rename gives {found[new]!r} and {name!r} in the file the same name {new!r}.")
        found[new] = name
    if unused := [old for old in rename if old not in used]:
        raise ValueError(f"rename speaks of {unused} in the file, which has no such names; it has {list(names)[:20]}.")
    return found
