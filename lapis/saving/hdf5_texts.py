"""How long the texts of an HDF5 attribute are, which HDF5 itself only tells by reading them all.

And whether the collection that they stand in is sound: HDF5 walks through it from object to object, and never comes to
an end where one claims to take no room.

Texts of any length stand elsewhere in the file; the attribute holds their lengths and places, and many of them may name
one place. They are looked up in the object's header, in the layout that Keras's files have:
https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, "Version 1 Data Object Header Prefix".
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import h5py

_ATTRIBUTE, _CONTINUATION = 0x000C, 0x0010
_SHARED = 2
_MOST_BLOCKS = 1000
_TEXT_BYTES = 16  # of a length, a place and a number there


def text_bytes(group: h5py.Group, name: str, items: int) -> int | None:
    """The bytes of all texts in an attribute of so many; `None` where the file is of another layout or has no name.

    Raises:
        ValueError: for texts in a damaged collection.
    """
    try:
        with _bytes_of(group.file) as (file, sound):
            for message in _messages(file, h5py.h5o.get_info(group.id).addr):
                if (data := _data(message, name)) is not None:
                    found = data[: items * _TEXT_BYTES]
                    texts = [struct.unpack_from("<IQ", found, place) for place in range(0, len(found), _TEXT_BYTES)]
                    new = {address for length, address in texts if length} - sound
                    sound.update(address for address in new if _is_sound(file, address))
                    break
            else:
                return None
            damaged = new - sound
    except (OSError, ValueError, OverflowError, struct.error):
        return None
    if damaged:
        raise ValueError(f"The texts of the attribute {name!r} of {group.name} are damaged.")
    return sum(length for length, _ in texts) if len(texts) == items else None


# The file objects that are being read, by the names that h5py gives them, and where there are sound collections.
_open: dict[str, tuple[IO[bytes] | None, set[int]]] = {}


@contextmanager
def known_as(name: str, source: Any) -> Iterator[None]:
    """Meanwhile texts are looked up where the open file of that name is read from, a path or a file object."""
    before = _open.get(name)
    _open[name] = (source if hasattr(source, "read") else None, set())
    try:
        yield
    finally:
        del _open[name]
        if before is not None:
            _open[name] = before


@contextmanager
def _bytes_of(file: h5py.File) -> Iterator[tuple[IO[bytes], set[int]]]:
    source, sound = _open.get(file.filename, (None, set()))
    if source is None:
        with open(file.filename, "rb") as source:
            yield source, sound
    else:
        yield source, sound


def _is_sound(file: IO[bytes], address: int) -> bool:
    """Whether a walk through the collection of texts at the address comes to its end (same page, "Global Heap")."""
    file.seek(address)
    signature, _, size = struct.unpack("<4sB3xQ", file.read(16))
    place = 16
    while signature == b"GCOL" and place + 16 <= size:
        file.seek(address + place)
        number, room = struct.unpack("<H6xQ", file.read(16))
        step = room if number == 0 else 16 + room + -room % 8
        if step < 16 or step > size - place:
            return False
        place += step
    return signature == b"GCOL"


def _messages(file: IO[bytes], address: int) -> Iterator[bytes]:
    """The attributes' messages of the object whose header stands at the address."""
    file.seek(address)
    version, _, _, _, size = struct.unpack("<BBHII4x", file.read(16))
    blocks = [(address + 16, size)]
    for start, length in blocks if version == 1 else ():  # which grows on the way
        file.seek(start)
        block, place = file.read(min(length, 1 << 20)), 0
        while place + 8 <= len(block) and len(blocks) < _MOST_BLOCKS:
            kind, size, flags = struct.unpack_from("<HHB", block, place)
            message, place = block[place + 8 : place + 8 + size], place + 8 + size
            if kind == _CONTINUATION:
                blocks.append(struct.unpack_from("<QQ", message))
            elif kind == _ATTRIBUTE and not flags & _SHARED:
                yield message


def _data(message: bytes, name: str) -> bytes | None:
    """What the message of an attribute holds after its headers, `None` if it is one of another name."""
    version, _, *sizes = struct.unpack_from("<BBHHH", message)
    start = 9 if version == 3 else 8
    title = message[start : start + sizes[0]].rstrip(b"\0")
    if title != name.encode():
        return None
    return message[start + sum(size + (-size % 8 if version == 1 else 0) for size in sizes) :]
