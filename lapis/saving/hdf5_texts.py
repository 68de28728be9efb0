"""How long the texts of an HDF5 attribute are, which HDF5 itself only tells by reading them all.

Texts of any length stand elsewhere in the file; the attribute holds their lengths and places, and many of them may name
one place. They are looked up in the object's header, in the layout that Keras's files have:
https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, "Version 1 Data Object Header Prefix".
"""

import struct
from collections.abc import Iterator
from typing import IO

import h5py

_ATTRIBUTE, _CONTINUATION = 0x000C, 0x0010
_SHARED = 2
_MOST_BLOCKS = 1000
_TEXT_BYTES = 16  # of a length, a place and a number there


def text_bytes(group: h5py.Group, name: str, items: int) -> int | None:
    """The bytes of all texts in an attribute of so many; `None` where the file is of another layout or has no name."""
    if group.file.driver == "fileobj":
        return None
    try:
        with open(group.file.filename, "rb") as file:
            for message in _messages(file, h5py.h5o.get_info(group.id).addr):
                if (data := _data(message, name)) is not None:
                    found = data[: items * _TEXT_BYTES]
                    lengths = [struct.unpack_from("<I", found, place)[0] for place in range(0, len(found), _TEXT_BYTES)]
                    return sum(lengths) if len(lengths) == items else None
    except (OSError, ValueError, struct.error):
        pass
    return None


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
