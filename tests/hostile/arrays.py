"""Files of named arrays: NumPy's archives, whose arrays may be pickled, and safetensors."""

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.hostile.making import Good, Hostile, archive_of


class _Call:
    """Pickled, an order to call a function."""

    def __reduce__(self):
        return print, ("called",)


def pickled(good: Good, path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, kernel=np.array([_Call()], object))
    path.write_bytes(buffer.getvalue())


def claiming(good: Good, path: Path) -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117) + b"\n"
    path.write_bytes(archive_of({"kernel.npy": b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header}))


def plain(good: Good, path: Path) -> None:
    np.savez(path, kernel=np.zeros((4, 3)))


def tensors(told: dict, size: int = 48) -> Callable[[Good, Path], None]:
    """A safetensors file whose header tells so of an array, before `size` bytes."""

    def make(good: Good, path: Path) -> None:
        header = {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 48], **told}
        text = json.dumps({"layers/dense/kernel": header}).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(size))

    return make


def long_header(good: Good, path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 1 << 60) + b"{}")


def deep_header(good: Good, path: Path) -> None:
    text = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    path.write_bytes(struct.pack("<Q", len(text)) + text)


ARRAYS = [
    Hostile("npz-pickled", "an array that is a pickle", pickled, "only numbers", ".npz"),
    Hostile("npz-claims", "an array of a terabyte", claiming, "needs 4,000,000,000,000", ".npz"),
    Hostile("npz-plain", "arrays that the model has no place for", plain, "no place for: kernel", ".npz"),
    Hostile("tensors-long", "a header of an exabyte", long_header, "claims a header", ".safetensors"),
    Hostile("tensors-deep", "a header nested without end", deep_header, "nested deeper", ".safetensors"),
    Hostile(
        "tensors-claims", "more than the file", tensors({"shape": [1 << 40]}), "its shape .* needs", ".safetensors"
    ),
    Hostile("tensors-past", "bytes past the end", tensors({}, 12), "holds 12 bytes of values", ".safetensors"),
    Hostile("tensors-more", "bytes that nobody speaks of", tensors({}, 4096), "holds 4,096 bytes", ".safetensors"),
    Hostile("tensors-type", "a type of Python", tensors({"dtype": "object"}), "type 'object'", ".safetensors"),
    Hostile("tensors-file", "a path", tensors({"file": "/etc/passwd"}), "otherwise than", ".safetensors"),
]
