"""Files of named arrays, `.npz` and `.safetensors`, that hold other things than they say."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.hostile.making import Good, Hostile, archive_of, bare


class _Call:
    """Pickled, an order to call a function."""

    def __reduce__(self) -> Any:
        return print, ("called",)


def saved(**arrays: Any) -> Callable[[Good, Path], None]:
    return lambda good, path: np.savez(path, **arrays)


def packed(method: int) -> Callable[[Good, Path], None]:
    def make(good: Good, path: Path) -> None:
        buffer = io.BytesIO()
        np.save(buffer, np.zeros((4, 3), "f4"))
        path.write_bytes(archive_of({"layers/dense/kernel.npy": buffer.getvalue()}, method))

    return make


def headed(text: bytes, values: bytes = b"", method: int = zipfile.ZIP_STORED) -> Callable[[Good, Path], None]:
    """A file of one array whose header says what it likes."""
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + values
    return lambda good, path: path.write_bytes(archive_of({"layers/dense/kernel.npy": content}, method))


def tensors(header: Any, values: bytes = b"", length: int | None = None) -> Callable[[Good, Path], None]:
    """A file of safetensors whose header says what it likes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    head = struct.pack("<Q", len(text) if length is None else length)
    return lambda good, path: path.write_bytes(head + text + values)


def tensor(dtype: Any = "F32", shape: Any = (4, 3), offsets: Any = (0, 48)) -> dict:
    return {"layers/dense/kernel": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


_TERABYTE = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }\n"
_HUGE = {**tensor(), "b": tensor(offsets=(24, 72))["layers/dense/kernel"]}
_NUMBERS = bytes(48)
_OTHER = {
    "layers/dense/kernel": np.zeros((3, 4), "f4"),
    "layers/dense/bias": np.zeros(3, "f4"),
    "layers/dense_1/kernel": np.zeros((3, 2), "f4"),
    "layers/dense_1/bias": np.zeros(2, "f4"),
}


def other_tensors(good: Good, path: Path) -> None:
    header, place = {}, 0
    for name, value in _OTHER.items():
        header[name] = {"dtype": "F32", "shape": value.shape, "data_offsets": [place, place + value.nbytes]}
        place += value.nbytes
    tensors(header, bytes(place))(good, path)


_NPZ = [
    ("npz-pickled", "an array that is a pickle", saved(kernel=np.array([_Call()], object)), "only numbers"),
    ("npz-claims", "an array of a terabyte", headed(_TERABYTE), "needs 4,000,000,000,000"),
    ("npz-zeros", "a packed bomb", headed(_TERABYTE, bytes(80 << 20), zipfile.ZIP_DEFLATED), "claims|needs"),
    ("npz-code", "a header that is code", headed(b"__import__('os').system('true')\n"), "no header"),
    ("npz-deep", "a header that fills the stack", headed(b"(" * 60_000), "no header"),
    ("npz-texts", "elements that are texts", saved(kernel=np.array(["x"])), "only numbers"),
    ("npz-lzma", "a packing whose header asks for gigabytes", packed(zipfile.ZIP_LZMA), "packed in a way"),
    ("npz-no-zip", "other content than the name says", bare(b"\x80\x04."), "is not a"),
    ("npz-parent", "path traversal", bare(archive_of({"../up.npy": b""})), "plain name"),
    ("npz-shape", "an array of another shape", saved(**_OTHER), "expects"),
]
_SAFETENSORS = [
    ("st-long-header", "a header of 2**60 bytes", tensors({}, length=2**60), "claims a header"),
    ("st-short", "an empty file", bare(b""), "claims a header"),
    ("st-deep", "a header that fills the stack", tensors(b'{"a":' * 5000), "nested deeper|not valid JSON"),
    ("st-many", "a header of more values than memory", tensors(b'{"a":[' + b"0," * 2_000_000 + b"0]}"), "at most"),
    ("st-twins", "readers that disagree which array counts", tensors(b'{"a": 1, "a": 2}'), "twice"),
    ("st-claims", "an array of a terabyte", tensors(tensor(shape=[10**12], offsets=[0, 48]), _NUMBERS), "needs"),
    (
        "st-beyond",
        "an array beyond the end of the file",
        tensors(tensor(shape=[10**9], offsets=[0, 4 * 10**9]), _NUMBERS),
        "header tells of",
    ),
    ("st-overlap", "arrays that share their bytes", tensors(_HUGE, bytes(72)), "overlap"),
    ("st-gap", "bytes between arrays that no header tells of", tensors(tensor(offsets=[8, 56]), bytes(56)), "gap"),
    ("st-backwards", "an array that ends before it begins", tensors(tensor(offsets=[48, 0]), _NUMBERS), "needs"),
    ("st-negative", "a negative size", tensors(tensor(shape=[-4, -3]), _NUMBERS), "whole numbers"),
    ("st-type", "an unknown type", tensors(tensor(dtype="O"), _NUMBERS), "known are"),
    ("st-shape", "an array of another shape", other_tensors, "expects"),
]
ARRAYS = [
    *(Hostile(*row, suffix=".npz") for row in _NPZ),
    *(Hostile(*row, suffix=".safetensors") for row in _SAFETENSORS),
]
