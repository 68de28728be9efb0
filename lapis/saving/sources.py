"""Files as sources of named arrays: their headers are looked at before any value is read."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np

from lapis.saving import hdf5
from lapis.saving.hdf5_array import Array
from lapis.saving.hdf5_reader import Group

# Keras 2.13 kept the layers under another name.
_FORMER_LAYERS = "_layer_checkpoint_dependencies"


class Header(NamedTuple):
    """What is known of an array before it is read."""

    shape: tuple[int, ...]
    dtype: str


class Source(Protocol):
    """The arrays that a file holds for the objects of a model."""

    @property
    def names(self) -> Mapping[str, str | None]:
        """The places of the objects for which the file holds arrays, with the names that it tells of them."""
        ...

    def keys(self, place: str) -> list[str]:
        """The names of the arrays at a place."""
        ...

    def header(self, place: str, key: str) -> Header | None:
        """An array's header, `None` if there is no such array."""
        ...

    def read(self, place: str, key: str) -> np.ndarray:
        """The values of an array that `header` returned."""
        ...


class Hdf5Source:
    """A file of Keras 3's layout: the arrays of an object stand in the group `vars` at its place."""

    def __init__(self, file: Group) -> None:
        self._file = file
        self._last: tuple[str, Group | None] | None = None
        self.names: dict[str, str | None] = {}
        for found in hdf5.walk(file):
            place, _, last = found.name.removeprefix("/").rpartition("/")
            if last == "vars" and isinstance(found, Group) and hdf5.members(found):
                self.names[place.replace(_FORMER_LAYERS, "layers")] = hdf5.read_text(found, "name")

    def _group(self, place: str) -> Group | None:
        if self._last is None or self._last[0] != place:  # the arrays of one object are asked for in a row
            group = hdf5.group_at(self._file, f"{place}/vars")
            if group is None and hdf5.holds(self._file, _FORMER_LAYERS):
                group = hdf5.group_at(self._file, f"{place.replace('layers', _FORMER_LAYERS)}/vars")
            self._last = place, group
        return self._last[1]

    def keys(self, place: str) -> list[str]:
        group = self._group(place)
        return [] if group is None else hdf5.members(group)

    def dataset(self, place: str, key: str) -> Array | None:
        """The array, its header checked."""
        group = self._group(place)
        return None if group is None else hdf5.dataset_at(group, key)

    def header(self, place: str, key: str) -> Header | None:
        dataset = self.dataset(place, key)
        return None if dataset is None else Header(tuple(dataset.shape), hdf5.dtype_name(dataset) or "")

    def read(self, place: str, key: str) -> np.ndarray:
        dataset = self.dataset(place, key)
        if dataset is None:
            raise KeyError(key)
        return hdf5.read(dataset)
