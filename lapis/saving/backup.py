"""Plain values in one file: what `BackupAndRestore` keeps, and `ModelCheckpoint` beside the model.

The file is a mark, the length and check sum of a header, the header, then the arrays' bytes one after the other. The
header is JSON: the value, in which `{"\\0array": 3}` stands for the fourth array, and each array's type, shape and
check sum.
"""

import json
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from lapis.core.dtypes import ALLOWED_DTYPES
from lapis.saving import plain
from lapis.saving.atomic import replacing

_MARK = b"lapis backup 1\n"
_LENGTHS = struct.Struct("<QI")
_ARRAY = "\0array"


def write(path: Any, value: Any) -> None:
    """Put a value of dicts, lists, numbers, texts and arrays into a file, which is never there in part."""
    pieces = packed(value)
    with replacing(Path(path)) as temporary, temporary.open("wb") as file:
        for piece in pieces:
            file.write(piece)


def packed(value: Any) -> list[Any]:
    """The bytes of such a value, in pieces."""
    arrays: list[np.ndarray] = []
    tree = _with_places(value, arrays)
    data = [np.ascontiguousarray(array).reshape(-1).view(np.uint8).data for array in arrays]
    specs = [[array.dtype.name, array.shape, zlib.crc32(part)] for array, part in zip(arrays, data)]
    header = json.dumps({"value": tree, "arrays": specs}).encode()
    return [_MARK + _LENGTHS.pack(len(header), zlib.crc32(header)) + header, *data]


def read(path: Any) -> Any:
    """The value that `write` put into the file.

    Raises:
        ValueError: if the file is not one of `write`, or is damaged.
    """
    return unpacked(Path(path).read_bytes(), str(path))


def unpacked(content: bytes, name: str) -> Any:
    """The value in bytes that `packed` gave, of a file called `name`."""
    start = len(_MARK) + _LENGTHS.size
    if len(content) < start or not content.startswith(_MARK):
        raise ValueError(f"{name} is not a backup of a training.")
    length, check = _LENGTHS.unpack_from(content, len(_MARK))
    header, rest = content[start : start + length], memoryview(content)[start + length :]
    if zlib.crc32(header) != check:
        raise ValueError(f"{name} is damaged: its header is not what was written.")
    found = plain.parse_object(header, f"The header of {name}")
    arrays = []
    for kind, shape, check in found["arrays"]:
        if kind not in ALLOWED_DTYPES or kind == "string":
            raise ValueError(f"{name} holds an array of type {kind!r}; only numbers are read.")
        dtype, count = np.dtype(kind), math.prod(shape)
        part, rest = rest[: count * dtype.itemsize], rest[count * dtype.itemsize :]
        if len(part) != count * dtype.itemsize or zlib.crc32(part) != check:
            raise ValueError(f"{name} is damaged: an array of {kind} is not what was written.")
        arrays.append(np.frombuffer(part, dtype).reshape(shape).copy())
    return _with_arrays(found["value"], arrays)


def _with_places(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _with_places(item, arrays) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_places(item, arrays) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        arrays.append(np.asarray(value))
        return {_ARRAY: len(arrays) - 1}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"A backup keeps dicts with texts as keys, lists, numbers, texts and arrays; got {value!r:.80}.")


def _with_arrays(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_ARRAY}:
            return arrays[value[_ARRAY]]
        return {key: _with_arrays(item, arrays) for key, item in value.items()}
    return [_with_arrays(item, arrays) for item in value] if isinstance(value, list) else value
