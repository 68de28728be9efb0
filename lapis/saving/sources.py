"""Files as sources of named arrays: their headers are looked at before any value is read."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import h5py
import numpy as np

from lapis.saving import hdf5

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

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self._last: tuple[str, h5py.Group | None] | None = None
        self.names: dict[str, str | None] = {}
        with hdf5.reading_headers("The file of weights"):
            file.visititems(self._note)

    def _note(self, path: str, obj: Any) -> None:
        if path.rpartition("/")[2] == "vars" and isinstance(obj, h5py.Group) and len(obj):
            place = path.removesuffix("vars").removesuffix("/").replace(_FORMER_LAYERS, "layers")
            self.names[place] = hdf5.read_text(obj, "name")

    def _group(self, place: str) -> h5py.Group | None:
        if self._last is None or self._last[0] != place:  # the arrays of one object are asked for in a row
            group = hdf5.group_at(self._file, f"{place}/vars")
            if group is None and hdf5.holds(self._file, _FORMER_LAYERS):
                group = hdf5.group_at(self._file, f"{place.replace('layers', _FORMER_LAYERS)}/vars")
            self._last = place, group
        return self._last[1]

    def keys(self, place: str) -> list[str]:
        group = self._group(place)
        with hdf5.reading_headers(f"The group of weights {place!r} in the file"):
            return [] if group is None else list(group)

    def dataset(self, place: str, key: str) -> h5py.Dataset | None:
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
