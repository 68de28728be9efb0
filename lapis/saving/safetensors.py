"""Files of named arrays in the format of safetensors: a JSON header with types, shapes and places, then plain bytes.

The format is eight bytes that say how long the header is, the header, and the arrays without a gap:
https://github.com/huggingface/safetensors#format
"""

import json
import math
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from lapis.core.version import VERSION
from lapis.saving import plain
from lapis.saving.aligned import aligned
from lapis.saving.sources import Header

_MAX_HEADER = 100_000_000  # what the published readers take too
_MAX_ARRAYS = 1_000_000
_METADATA = "__metadata__"
_TYPES = {
    "BOOL": "bool",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "BF16": "bfloat16",
    "C64": "complex64",
    **{f"{kind[0].upper()}{bits}": f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}
_CODES = {name: code for code, name in _TYPES.items()}


def write(path: Path, arrays: Iterable[tuple[str, Any]]) -> None:
    """Write named variables or arrays, one after the other, largest elements first so that each stands aligned."""
    items = sorted(arrays, key=lambda item: (-_dtype(item[1]).itemsize, item[0]))
    header: dict[str, Any] = {_METADATA: {"format": "lapis", "lapis_version": VERSION}}
    end = 0
    for name, value in items:
        dtype, shape = _dtype(value), [int(size) for size in np.shape(value)]
        if dtype.name not in _CODES:
            raise ValueError(
                f"{name} has type {dtype.name}, for which .safetensors has no code; it has {list(_CODES)}."
            )
        start, end = end, end + math.prod(shape) * dtype.itemsize
        header[name] = {"dtype": _CODES[dtype.name], "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, value in items:
            array = np.ascontiguousarray(value.numpy() if hasattr(value, "numpy") else value)
            file.write(array.reshape(-1).view("uint8").data)


def _dtype(value: Any) -> np.dtype:
    return np.dtype(getattr(value, "dtype", None) or np.asarray(value).dtype)


class SafetensorsFile:
    """An open file: the headers of its arrays, all checked, and their values when asked for."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name
        size = os.fstat(file.fileno()).st_size
        first = file.read(8)
        length = struct.unpack("<Q", first)[0] if len(first) == 8 else 0
        if not 2 <= length <= min(_MAX_HEADER, size - 8):
            raise ValueError(
                f"{name} is no .safetensors file: it has {size:,} bytes and claims a header of {length:,}."
            )
        self._start = 8 + length
        text = file.read(length)
        header = plain.parse_object(text, f"The header of {name}")
        if len(header) > _MAX_ARRAYS:
            raise ValueError(f"{name} holds {len(header):,} arrays; at most {_MAX_ARRAYS:,} are read.")
        self.metadata: dict = header.pop(_METADATA, {})
        self.headers: dict[str, Header] = {}
        self._places: dict[str, int] = {}
        spans = []
        for key, told in header.items():
            self.headers[key], start, end = self._checked(key, told)
            self._places[key] = start
            spans.append((start, end))
        place = 0
        for start, end in sorted(spans):
            if start != place:
                raise ValueError(
                    f"The arrays of {name} overlap or leave a gap at byte {place:,}; such a file is refused."
                )
            place = end
        if place != size - self._start:
            raise ValueError(f"{name} holds {size - self._start:,} bytes of values, its header tells of {place:,}.")

    def _checked(self, key: str, told: Any) -> tuple[Header, int, int]:
        label = f"The header of {self._name} describes {key!r}"
        if not isinstance(told, dict) or told.keys() != {"dtype", "shape", "data_offsets"}:
            raise ValueError(f"{label} otherwise than by dtype, shape and data_offsets.")
        dtype, shape, offsets = told["dtype"], told["shape"], told["data_offsets"]
        if not isinstance(dtype, str) or dtype not in _TYPES:
            raise ValueError(f"{label} with the type {dtype!r:.40}; known are {', '.join(_TYPES)}.")
        if not _are_sizes(shape) or len(shape) > 32 or not _are_sizes(offsets) or len(offsets) != 2:
            raise ValueError(f"{label} with a shape or data_offsets that are no lists of whole numbers.")
        claimed = math.prod(shape) * np.dtype(_TYPES[dtype]).itemsize
        if offsets[1] - offsets[0] != claimed:
            raise ValueError(f"{label} with {offsets[1] - offsets[0]:,} bytes, its shape {shape} needs {claimed:,}.")
        return Header(tuple(shape), _TYPES[dtype]), *offsets

    def read(self, name: str) -> np.ndarray:
        """The values of one array."""
        header = self.headers[name]
        array = aligned(header.shape, np.dtype(header.dtype))
        self._file.seek(self._start + self._places[name])
        if array.size and self._file.readinto(array.reshape(-1).view("uint8").data) != array.nbytes:  # type: ignore[attr-defined]
            raise ValueError(f"{self._name} ends before the values of {name!r}.")
        array.flags.writeable = False
        return array


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 1 << 63 for item in value)


@contextmanager
def opened(path: Path, name: str) -> Iterator[SafetensorsFile]:
    """The file at a path, for reading."""
    with open(path, "rb") as file:
        yield SafetensorsFile(file, name)
