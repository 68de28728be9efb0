"""An array in an HDF5 file: what its header says, and its values."""

import itertools
import math
import zlib
from typing import NoReturn

import numpy as np

from lapis.saving.aligned import aligned
from lapis.saving.hdf5_messages import NOWHERE, Unreadable, filters_of, layout_of, shape_of, type_of
from lapis.saving.hdf5_reader import LAYOUT, Object, Source, tree

_DATASPACE, _DATATYPE, _EXTERNAL, _FILTERS = 1, 3, 7, 11
_DEFLATE, _SHUFFLE = 1, 2
# Deflate cannot pack tighter than about 1000 to 1; below the floor a few missing bytes are no danger.
_MAX_EXPANSION = 1000
_FLOOR_BYTES = 64 << 20
_LARGEST_CHUNK = 16 << 20  # beyond the array itself


class Array(Object):
    """An array, whose header is compared with what the file stores, and whose values are read when they are asked for.

    Attributes:
        shape: its sizes.
        dtype: NumPy's type of its elements.
        size: the bytes that it claims.
        stored: the bytes that the file has of it.
    """

    def __init__(self, source: Source, address: int, name: str, messages: list[tuple[int, bytes]]) -> None:
        super().__init__(source, address, name, messages)
        if self.said(_EXTERNAL):
            self._refuse("is kept outside the file; only arrays stored in the file itself are read")
        self._layout = layout_of(self._one(LAYOUT))
        if self._layout.is_virtual:
            self._refuse("is a view of other files; only arrays stored in the file itself are read")
        shape, kind = shape_of(self._one(_DATASPACE)), type_of(self._one(_DATATYPE))
        if shape is None or kind.dtype is None:
            self._refuse(f"has elements of type {kind.told}; only numbers are read")
        self.shape, self.dtype = shape, kind.dtype
        self.size = math.prod(shape) * kind.size
        self._filters = [number for data in self.said(_FILTERS) for number in filters_of(data)]
        self._chunks = self._find_chunks() if self._layout.chunk is not None else {}
        self.stored = self._layout.size + sum(size for _, size in self._chunks.values())
        self._check()

    def _one(self, kind: int) -> bytes:
        found = self.said(kind)
        if len(found) != 1:
            raise Unreadable(f"its header tells {len(found)} times what it must tell once")
        return found[0]

    def _refuse(self, why: str) -> NoReturn:
        raise ValueError(f"The array {self.name} {why}.")

    def _find_chunks(self) -> dict[tuple[int, ...], tuple[int, int]]:
        """The addresses and sizes of the chunks, by where they begin in the array."""
        chunk, found = self._layout.chunk or (), {}
        if len(chunk) != len(self.shape) or 0 in chunk:
            raise Unreadable(f"an array of {len(self.shape)} axes is kept in chunks of shape {chunk}")
        if self._layout.address != NOWHERE:
            for (size, mask, *place), address in tree(self.source, self._layout.address, 1, f"<II{len(chunk) + 1}Q"):
                if mask:
                    self._refuse("is packed with other filters than it says")
                found[tuple(place[:-1])] = address, size
        return found

    def _check(self) -> None:
        if not {_DEFLATE, _SHUFFLE}.issuperset(self._filters):
            self._refuse("is packed with a filter that HDF5 would load as a plug-in, or that Keras's files do not have")
        if self._filters.count(_DEFLATE) > 1:
            self._refuse("is packed several times over; such a file is refused")
        chunk = math.prod(self._layout.chunk or ()) * self.dtype.itemsize
        if self._layout.chunk is not None and chunk > self.size + _LARGEST_CHUNK:
            self._refuse(
                f"of {self.size:,} bytes is kept in chunks of {chunk:,} bytes, which would be unpacked whole; such a "
                "file is refused"
            )
        if self.size > _FLOOR_BYTES and self.size > _MAX_EXPANSION * self.stored:
            self._refuse(f"claims {self.size:,} bytes of which the file stores {self.stored:,}; such a file is refused")

    def read(self) -> np.ndarray:
        """The values; they cannot be changed."""
        if self._layout.chunk is not None:
            values = self._from_chunks(self._layout.chunk)
        else:
            if self._layout.size != self.size:
                raise Unreadable(f"it has {self._layout.size:,} bytes in place of {self.size:,}")
            values = aligned(self.shape, self.dtype)
            target = values.reshape(-1).view("uint8").data
            if self._layout.content is not None:
                target[:] = self._layout.content
            elif self.size:  # of no values not even a place is told
                self.source.fill(self._layout.address, target)
        values = values.astype(values.dtype.newbyteorder("="), copy=False)
        values.flags.writeable = False
        return values

    def _from_chunks(self, chunk: tuple[int, ...]) -> np.ndarray:
        starts = [range(0, size, step) for size, step in zip(self.shape, chunk)]
        if math.prod(map(len, starts)) != len(self._chunks):
            raise Unreadable(f"it has {len(self._chunks)} chunks in place of {math.prod(map(len, starts))}")
        values = aligned(self.shape, self.dtype)
        for start in itertools.product(*starts):
            piece = self._unpacked(*self._chunks[start], chunk)
            part = tuple(slice(at, at + step) for at, step in zip(start, chunk))
            values[part] = piece[tuple(slice(size) for size in values[part].shape)]
        return values

    def _unpacked(self, address: int, size: int, chunk: tuple[int, ...]) -> np.ndarray:
        content = bytearray(min(size, self.source.size))
        self.source.fill(address, memoryview(content))
        wanted = math.prod(chunk) * self.dtype.itemsize
        for number in reversed(self._filters):
            if number == _DEFLATE:
                packed = zlib.decompressobj()
                content = packed.decompress(content, wanted + 1)
                if len(content) > wanted:
                    self._refuse("unpacks to more bytes than it has; such a file is refused")
            elif len(content) == wanted:  # shuffled: the first bytes of all elements, then the second ones
                content = np.frombuffer(content, "uint8").reshape(self.dtype.itemsize, -1).T.tobytes()
        if len(content) != wanted:
            raise Unreadable(f"a chunk has {len(content):,} bytes in place of {wanted:,}")
        return np.frombuffer(content, self.dtype).reshape(chunk)
