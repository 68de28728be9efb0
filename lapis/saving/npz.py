"""Files of named arrays as NumPy's `savez` writes them: a ZIP file of `.npy` members. Pickled objects are refused."""

import math
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from lapis.core.dtypes import ALLOWED_DTYPES
from lapis.saving.aligned import aligned
from lapis.saving.archive import packed, readable
from lapis.saving.sources import Header

_MAX_MEMBERS = 100_000
_MAX_NPY_HEADER = 10_000
_WIDTHS = {b"\x01\x00": 2, b"\x02\x00": 4}  # of the number that says how long the header is, by version
_HEADER = re.compile(r"\{(.*?),?\s*\}\s*", re.DOTALL)
_ITEM = r"\s*'(\w+)'\s*:\s*('[^']*'|True|False|\([\d,\s]*\))\s*"
_MAX_EXPANSION = 1000


def write(path: Path, arrays: Iterable[tuple[str, Any]]) -> None:
    """Write named variables or arrays; bfloat16, which NumPy lacks, as float32, which holds its values."""
    with zipfile.ZipFile(path, "w") as members:
        for name, value in arrays:
            array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
            with members.open(f"{name}.npy", "w", force_zip64=True) as member:
                npy.write_array(
                    member, array.astype("float32") if array.dtype.kind == "V" else array, allow_pickle=False
                )


class NpzFile:
    """An open file: the headers of its arrays, all checked, and their values when asked for."""

    def __init__(self, members: zipfile.ZipFile, name: str) -> None:
        self._members, self._name = members, name
        infos = members.infolist()
        self.headers: dict[str, Header] = {}
        self._layouts: dict[str, tuple[int, np.dtype, bool]] = {}
        for info in infos:
            key = info.filename.removesuffix(".npy")
            if key == info.filename:
                raise ValueError(f"{name} holds a member {info.filename!r}, which is no array.")
            self.headers[key] = self._header(key, info.file_size)

    def _header(self, key: str, size: int) -> Header:
        label = f"The array {key!r} in {self._name}"
        with self._open(key) as member:
            start = member.read(12)
            width = _WIDTHS.get(start[6:8], 0) if start.startswith(npy.MAGIC_PREFIX) else 0
            length = int.from_bytes(start[8 : 8 + width], "little")
            text = (start[8 + width :] + member.read(min(length, _MAX_NPY_HEADER)))[:length].decode("latin1")
        told = _told(text)
        if len(text) < length or told is None:
            raise ValueError(f"{label} has no header of NumPy's that can be read.")
        dtype, shape, fortran = told
        offset = 8 + width + length
        if dtype.kind not in "biufc" or dtype.name not in ALLOWED_DTYPES:
            raise ValueError(f"{label} has elements of type {dtype}; only numbers are read.")
        claimed = math.prod(shape) * dtype.itemsize
        if size != offset + claimed:
            raise ValueError(f"{label} holds {size - offset:,} bytes, its shape {shape} needs {claimed:,}.")
        self._layouts[key] = offset, dtype, fortran
        return Header(shape, dtype.name)

    def read(self, name: str) -> np.ndarray:
        """The values of one array."""
        offset, dtype, fortran = self._layouts[name]
        shape = self.headers[name].shape
        array = aligned(shape[::-1] if fortran else shape, dtype)
        target, done = array.reshape(-1).view("uint8").data, 0
        with self._open(name) as member:
            member.read(offset)
            while piece := member.read(1 << 20):
                target[done : done + len(piece)] = piece
                done += len(piece)
        if done != array.nbytes:
            raise ValueError(f"{self._name} ends before the values of {name!r}.")
        array.flags.writeable = False
        array = array.T if fortran else array
        return array.astype(dtype.newbyteorder("="), copy=False)

    def _open(self, key: str) -> AbstractContextManager[IO[bytes]]:
        return readable(self._members, f"{key}.npy", f"The array {key!r} in {self._name}")


def _told(text: str) -> tuple[np.dtype, tuple[int, ...], bool] | None:
    """The type, the shape and whether columns come first, as a header tells them: parsed, where NumPy compiles."""
    found = _HEADER.fullmatch(text)
    if found is None or not re.fullmatch(rf"{_ITEM},{_ITEM},{_ITEM}", found[1]):
        return None
    items = dict(re.findall(_ITEM, found[1]))
    if items.keys() != {"descr", "fortran_order", "shape"} or not items["shape"].startswith("("):
        return None
    try:
        shape = tuple(int(size) for size in items["shape"].strip("()").split(",") if size.strip())
        dtype = np.dtype(items["descr"].strip("'"))
    except (TypeError, ValueError):
        return None
    return (dtype, shape, items["fortran_order"] == "True") if len(shape) <= 32 else None


@contextmanager
def opened(path: Path, name: str) -> Iterator[NpzFile]:
    """The file at a path, for reading."""
    with packed(path, name, "file of NumPy's savez", _MAX_MEMBERS, _MAX_EXPANSION) as members:
        yield NpzFile(members, name)
