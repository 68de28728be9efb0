"""Which place in a file belongs to which object of a model."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lapis.core.naming import to_snake_case

_NUMBER = re.compile(r"_\d+$")


def is_given(name: Any, part: str) -> bool:
    """Whether a layer's name was given to it rather than made up from its class; `part` is the last part of its place.

    >>> is_given("encoder", "dense_1"), is_given("dense_7", "dense_1")
    (True, False)
    """
    base = _NUMBER.sub("", part)
    return isinstance(name, str) and re.fullmatch(rf"{re.escape(base)}(_\d+)?", name) is None


def is_counted(part: str, obj: Any) -> bool:
    """Whether the last part of an object's place is its class and a number, which changes as objects change places."""
    return _NUMBER.sub("", part) == _NUMBER.sub("", to_snake_case(type(obj).__name__))


class Places:
    """The place in the file of every object of a model, `None` where it has none.

    An object has the place in the file that it has in the model, unless the file tells its name, given rather than made
    up, at another place beside it: layers that changed their order take their weights along. `rename` says the rest.
    """

    def __init__(
        self, objects: Iterable[tuple[str, Any]], names: Mapping[str, str | None], rename: Mapping[str, str] | None
    ) -> None:
        self._objects = dict(objects)
        self._names = names
        self._renamed = self._read_rename(rename or {})
        self._places: dict[str, str | None] = {}
        self._given: dict[str, dict[str, list[str]]] = {}
        for place, name in names.items():
            above, _, part = place.rpartition("/")
            if name is not None and is_given(name, part):
                self._given.setdefault(above, {}).setdefault(name, []).append(place)
        self.moved: dict[str, str] = {}
        self.in_other_order: list[str] = []
        siblings: dict[str, list[str]] = {}
        for path in self._objects:
            siblings.setdefault(path.rpartition("/")[0], []).append(path)
        for parent, paths in siblings.items():
            self._match(parent, paths)

    def __getitem__(self, path: str) -> str | None:
        """The place in the file for a path in the model."""
        if path in self._places or not path:
            return self._places.get(path, "")
        parent, _, part = path.rpartition("/")
        outer = self[parent]
        return None if outer is None else _joined(outer, part)

    def why_none(self, path: str) -> str:
        """Why an object of the model has no place in the file."""
        while (parent := path.rpartition("/")[0]) and self[parent] is None:
            path = parent
        return f"the place of {path} there is that of a layer with another name; pass `rename` to say which is which"

    def _match(self, parent: str, paths: list[str]) -> None:
        outer = self[parent]
        if outer is None:
            self._places.update(dict.fromkeys(paths))
            return
        stored = self._given.get(outer, {})
        rest = []
        for path in paths:
            part, obj = path.rpartition("/")[2], self._objects[path]
            name = getattr(obj, "name", None)
            found = stored.get(name, []) if isinstance(name, str) and is_given(name, part) else []
            if path in self._renamed:
                self._places[path] = self._renamed[path]
            elif len(found) == 1 and is_counted(part, obj):
                self._places[path] = found[0]
            else:
                rest.append(path)
        taken = {*self._renamed.values(), *(self._places.get(path) for path in paths)}
        for path in rest:
            place = self._usual_place(outer, path.rpartition("/")[2]) if path else ""
            self._places[path] = None if place in taken and place else place
        for path in paths:
            place = self._places[path]
            if place is not None and path and place != self._usual_place(outer, path.rpartition("/")[2]):
                self.moved[path] = place
        self._note_other_order(paths)

    def _usual_place(self, outer: str, part: str) -> str:
        place, former = _joined(outer, part), _joined(outer, f"_{part}")
        # Keras 2 kept the layers inside attention by the names of private attributes.
        return former if former in self._names and place not in self._names else place

    def _note_other_order(self, paths: list[str]) -> None:
        """Made-up names in another order than in the file do not say which of the two orders is meant."""
        others: dict[str, tuple[str, str]] = {}
        for path in paths:
            told, name = self._names.get(self._places[path] or ""), getattr(self._objects[path], "name", None)
            if told is not None and name != told and not is_given(told, path.rpartition("/")[2]):
                others[told] = (str(name), path)
        self.in_other_order.extend(in_other_order(others))

    def _read_rename(self, rename: Mapping[str, str]) -> dict[str, str]:
        if not isinstance(rename, Mapping):
            raise TypeError(f"rename must be a dict of names in the file to names in the model; got {rename!r:.80}.")
        places: dict[str, str | None] = {}
        for place in self._names:
            parts = place.split("/")
            for count in range(len(parts)):
                places["/".join(parts[: count + 1])] = None
        places |= dict(self._names)
        renamed: dict[str, str] = {}
        for old, new in rename.items():
            path = _find(new, {path: getattr(obj, "name", None) for path, obj in self._objects.items()}, "model")
            if path in renamed:
                raise ValueError(f"rename gives {new!r} in the model two names in the file.")
            renamed[path] = _find(old, places, "file")
        return renamed


def in_other_order(others: Mapping[str, tuple[str, str]]) -> list[str]:
    """Sentences on names that stand in another order than in the file.

    For each name in the file that the model has otherwise, `others` holds the name in the model and whose it is.

    >>> in_other_order({"dense": ("dense_1", "the first"), "dense_1": ("dense", "the second")})
    ["the first is 'dense_1', in the file 'dense'", "the second is 'dense', in the file 'dense_1'"]
    """
    left, sentences = dict(others), []
    # Later in a session all names are others; in another order, following them leads back to the start.
    while left:
        start = told = next(iter(left))
        found = []
        while told in left:
            name, label = left.pop(told)
            found.append(f"{label} is {name!r}, in the file {told!r}")
            told = name
        if told == start:
            sentences += found
    return sentences


def _joined(outer: str, part: str) -> str:
    return f"{outer}/{part}" if outer else part


def _find(name: str, names: Mapping[str, str | None], where: str) -> str:
    if name in names:
        return name
    found = [path for path, told in names.items() if told == name]
    if len(found) != 1:
        problem = f"stands for several objects, {found}" if found else "is not there"
        some = ", ".join(repr(path) for path in list(names)[:20] if path)
        raise ValueError(f"rename speaks of {name!r} in the {where}, which {problem}. The {where} has {some}.")
    return found[0]
