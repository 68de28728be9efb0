"""NumPy's archives, which are written but never read as weights: their arrays may be pickled."""

import io
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


_SAYS = "end in"
ARRAYS = [
    Hostile("npz-pickled", "an array that is a pickle", pickled, _SAYS, ".npz"),
    Hostile("npz-claims", "an array of a terabyte", claiming, _SAYS, ".npz"),
    Hostile("npz-plain", "a format that is not read", plain, _SAYS, ".npz"),
]
