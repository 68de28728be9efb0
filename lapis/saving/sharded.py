"""Weights in several files of bounded size, as Keras 3 writes them: `m.weights.json` says which array is in which.

The files stand beside it, `m_00000.weights.h5` and so on. Keras opens number 0 whatever the map says.
"""

import json
import re
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from lapis.saving import hdf5, plain
from lapis.saving.atomic import replacing
from lapis.saving.sources import Hdf5Source, Header
from lapis.saving.state import WritableStore, write_state

SUFFIX = ".weights.json"
_END = ".weights.h5"
_MAX_SHARDS = 10_000
_MAP = "weight_map"


def save(root: Any, path: Path, max_shard_size: float, overwrite: bool, skip: Iterable[Any] = ()) -> None:
    """Write the state of everything below `root` in files of at most `max_shard_size` gigabytes (2**30 bytes).

    The map is replaced last, and new files take numbers that are free, so that a crash leaves the old ones whole.
    """
    if not isinstance(max_shard_size, (int, float)) or isinstance(max_shard_size, bool) or not max_shard_size > 0:
        raise ValueError(f"max_shard_size must be a number of gigabytes above 0; got {max_shard_size!r}.")
    with replacing(path, overwrite) as temporary:
        with _Writer(path.resolve(), max_shard_size * 2**30) as writer:
            write_state(root, writer.store, skip)
        temporary.write_text(json.dumps(writer.map(), indent=4))
    writer.remove_old()


class _Writer:
    """Files that are being filled one after the other; all are put away again if something fails."""

    def __init__(self, path: Path, limit: float) -> None:
        self._folder, self._base, self._limit = path.parent, path.name.removesuffix(SUFFIX), limit
        pattern = re.compile(rf"{re.escape(self._base)}_(\d{{5,}}){re.escape(_END)}")
        found = [match for entry in path.parent.iterdir() if (match := pattern.fullmatch(entry.name))]
        self._old = {match.string for match in found}
        self._next = max((int(match[1]) + 1 for match in found), default=0)
        self._made: list[Path] = []
        self._total, self._used = 0, 0
        self._map: dict[str, list[str]] = {}
        self._stack = ExitStack()
        self._file = self._new_file()

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._stack.__exit__(kind, error, trace)
        except BaseException:
            self._remove(self._made)
            raise
        if kind is not None:
            self._remove(self._made)

    def _remove(self, files: Iterable[Path]) -> None:
        for file in files:
            file.unlink(missing_ok=True)

    def _new_file(self) -> h5py.File:
        self._stack.close()
        path = self._folder / f"{self._base}_{self._next:05}{_END}"
        self._next, self._used = self._next + 1, 0
        temporary = self._stack.enter_context(replacing(path))
        self._made.append(path)
        return self._stack.enter_context(h5py.File(temporary, "w"))

    def store(self, place: str) -> "_Store":
        """Where the arrays of the object at a place go."""
        return _Store(self, place)

    def put(self, place: str, name: str | None, key: str, value: Any) -> None:
        """Write one array into the file that is being filled, or into a new one where that is full."""
        size = int(np.prod(value.shape)) * np.dtype(value.dtype).itemsize
        if size > self._limit:
            raise ValueError(
                f"{place}/{key} takes {size:,} bytes, max_shard_size allows {self._limit:,.0f} in a file; an array is "
                "kept in one: give a larger max_shard_size."
            )
        if self._used + size > self._limit:
            self._file = self._new_file()
        store = WritableStore(self._file, place)
        store[key] = value
        if name is not None:
            store.name(name)
        self._used, self._total = self._used + size, self._total + size
        shards = self._map.setdefault(f"/{place}/vars" if place else "/vars", [])
        if self._made[-1].name not in shards:
            shards.append(self._made[-1].name)

    def map(self) -> dict[str, Any]:
        """What the `.weights.json` file holds."""
        return {"metadata": {"total_size": self._total}, _MAP: self._map}

    def remove_old(self) -> None:
        """Remove the files that the former map spoke of; Keras needs one of number 0, empty if not in use."""
        first = f"{self._base}_00000{_END}"
        if first in self._old:
            with replacing(self._folder / first) as temporary, h5py.File(temporary, "w"):
                pass
        self._remove(self._folder / name for name in self._old if name != first)


class _Store:
    def __init__(self, writer: _Writer, place: str) -> None:
        self._writer, self._place = writer, place
        self._name: str | None = None

    def name(self, name: str) -> None:
        self._name = name

    def __setitem__(self, key: str, value: Any) -> None:
        value = value if hasattr(value, "dtype") else np.asarray(value)
        self._writer.put(self._place, self._name, key, value)


class ShardedSource:
    """The arrays in the files that a `.weights.json` file speaks of; one of them is open at a time.

    Raises:
        ValueError: for a map of another form, and for files that do not stand beside it.
    """

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self._folder, self._name = path.parent, str(path)
        if (size := path.stat().st_size) > plain.MAX_BYTES:
            raise ValueError(f"{path} has {size:,} bytes; at most {plain.MAX_BYTES:,} are read.")
        told = plain.parse_object(path.read_bytes(), str(path)).get(_MAP)
        if not isinstance(told, dict):
            raise ValueError(f"{path} must hold {_MAP!r}, the files of all arrays by their places.")
        self._open, self._stack = "", stack.enter_context(ExitStack())
        self._shards: dict[str, list[str]] = {}
        for key, value in told.items():
            shards = [value] if isinstance(value, str) else value
            if not isinstance(shards, list) or not all(isinstance(shard, str) for shard in shards):
                raise ValueError(f"{path} must name a file, or several, for {key!r}; got {value!r:.80}.")
            self._shards[key.removesuffix("vars").strip("/")] = list(dict.fromkeys(shards))
        files = sorted({shard for shards in self._shards.values() for shard in shards})
        self.files = files
        if len(files) > _MAX_SHARDS:
            raise ValueError(f"{path} speaks of {len(files):,} files; at most {_MAX_SHARDS:,} are read.")
        for shard in files:
            self._check(shard)
        self.names: dict[str, str | None] = dict.fromkeys(self._shards)
        for shard in files:
            for place, name in self._source(shard).names.items():
                if name is not None and shard in self._shards.get(place, ()):
                    self.names[place] = name

    def _check(self, shard: str) -> None:
        if set(shard) & set("/\\:\0") or not shard.endswith(_END):
            raise ValueError(
                f"{self._name} speaks of a file {shard!r}; only those beside it that end in {_END!r} are read."
            )
        file = self._folder / shard
        if file.is_symlink() or not file.is_file():
            raise ValueError(f"{self._name} speaks of a file {shard!r}, which does not stand beside it.")

    def _source(self, shard: str) -> Hdf5Source:
        if self._open != shard:
            self._stack.close()
            self._current = Hdf5Source(self._stack.enter_context(hdf5.opened(self._folder / shard, shard)))
            self._open = shard
        return self._current

    def keys(self, place: str) -> list[str]:
        return [key for shard in self._shards.get(place, ()) for key in self._source(shard).keys(place)]

    def header(self, place: str, key: str) -> Header | None:
        for shard in self._shards.get(place, ()):
            if (header := self._source(shard).header(place, key)) is not None:
                return header
        return None

    def read(self, place: str, key: str) -> np.ndarray:
        for shard in self._shards.get(place, ()):
            if self._source(shard).header(place, key) is not None:
                return self._source(shard).read(place, key)
        raise KeyError(key)
