"""What the messages in the header of an HDF5 object say: its shape, its type, where its values are, its attributes.

Source: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, "Data Object Header Messages".
"""

import struct
from typing import NamedTuple

import numpy as np

NOWHERE = (1 << 64) - 1  # the address of what is not in the file
_MOST_AXES = 32
_MOST_FILTERS = 32
_FLOATS = {  # precision, then place and width of exponent and mantissa, and the exponent's bias
    2: (16, 10, 5, 0, 10, 15),
    4: (32, 23, 8, 0, 23, 127),
    8: (64, 52, 11, 0, 52, 1023),
}
_KINDS = ("integer", "float", "time", "text", "bits", "bytes", "record", "reference", "enumeration", "text or list")


class Unreadable(Exception):
    """What makes no sense, or is kept in a way that is not read."""


class Type(NamedTuple):
    """The type of elements.

    Attributes:
        size: bytes of an element in the file.
        dtype: NumPy's type, bare bytes among them; `None` for what is no number.
        told: the type in a word.
        is_text: whether elements are texts of `size` bytes.
        is_any_length: whether they are texts that stand elsewhere in the file.
        end: where the type's description ends.
    """

    size: int
    dtype: np.dtype | None
    told: str
    end: int
    is_text: bool = False
    is_any_length: bool = False


class Layout(NamedTuple):
    """Where an array's values are: at an address, or, with `chunk`, in chunks of this shape that a tree there tells."""

    address: int
    size: int
    chunk: tuple[int, ...] | None = None
    content: bytes | None = None  # the values themselves, of a small array
    is_virtual: bool = False  # they are in other files


class Attribute(NamedTuple):
    """An attribute: the type and the shape of its elements, and the elements as they stand in the header."""

    type: Type
    shape: tuple[int, ...] | None
    content: bytes


def shape_of(data: bytes) -> tuple[int, ...] | None:
    """The sizes in a dataspace message, `None` for one without elements."""
    version, rank, _, kind = struct.unpack_from("<BBBB", data)
    if version not in (1, 2) or rank > _MOST_AXES:
        raise Unreadable(f"an array of {rank} axes, told in version {version}, is not read")
    if version == 2 and kind == 2:
        return None
    return struct.unpack_from(f"<{rank}Q", data, 8 if version == 1 else 4)


def type_of(data: bytes, place: int = 0) -> Type:
    """The type that a datatype message tells."""
    head, low, middle, _, size = struct.unpack_from("<BBBBI", data, place)
    kind, version, place = head & 15, head >> 4, place + 8
    order = ">" if low & 1 else "<"
    if kind == 0:
        offset, precision = struct.unpack_from("<HH", data, place)
        plain = offset == 0 and precision == 8 * size and size in (1, 2, 4, 8)
        return Type(size, np.dtype(f"{order}{'i' if low & 8 else 'u'}{size}") if plain else None, "integer", place + 4)
    if kind == 1:
        offset, *layout = struct.unpack_from("<HHBBBBI", data, place)
        plain = offset == 0 and not low & 64 and _FLOATS.get(size) == tuple(layout) and middle == 8 * size - 1
        return Type(size, np.dtype(f"{order}f{size}") if plain else None, "float", place + 12)
    if kind == 3:
        return Type(size, None, "text", place, is_text=True)
    if kind == 5:
        return Type(size, np.dtype(f"V{size}") if size else None, "bytes", place + low)
    if kind == 6 and low == 2:
        return Type(size, _complex(data, place, version, size), "record", len(data))
    if kind == 8 and low == 2:
        base = type_of(data, place)
        names = b"FALSE\0TRUE\0" if version == 3 else b"FALSE\0\0\0TRUE\0\0\0\0"
        is_bool = base.dtype == "int8" and data[base.end :].startswith(names + b"\0\1")
        return Type(size, np.dtype(bool) if is_bool else None, "enumeration", len(data))
    told = _KINDS[kind] if kind < len(_KINDS) else "unknown"
    return Type(size, None, told, len(data), is_any_length=kind == 9 and low & 15 == 1 and size == 16)


def _complex(data: bytes, place: int, version: int, size: int) -> np.dtype | None:
    """Complex numbers are records of two floats, `r` and `i`."""
    parts = []
    for _ in range(2):
        name = data[place:].partition(b"\0")[0]
        length = len(name) + 1
        place += length if version == 3 else length + -length % 8
        offset = int.from_bytes(data[place : place + (1 if version == 3 else 4)], "little")
        place += 1 if version == 3 else 4 if version == 2 else 32
        part = type_of(data, place)
        parts.append((name, offset, part.dtype))
        place = part.end
    half = parts[0][2]
    if half is None or half.kind != "f" or 2 * half.itemsize != size or size < 8:
        return None
    wanted = [(b"r", 0, half), (b"i", half.itemsize, half)]
    return np.dtype(f"{half.byteorder}c{size}") if parts == wanted else None


def layout_of(data: bytes) -> Layout:
    """Where a layout message says that the values are."""
    version, kind = data[0], data[1]
    if version > 3 and kind == 3:
        return Layout(NOWHERE, 0, is_virtual=True)
    if version != 3 or kind > 2:
        raise Unreadable(f"its values are kept in a way (version {version}, kind {kind}) that is not read")
    if kind == 0:
        (size,) = struct.unpack_from("<H", data, 2)
        content = data[4 : 4 + size]
        return Layout(0, len(content), content=content)
    if kind == 1:
        return Layout(*struct.unpack_from("<QQ", data, 2))
    rank, address = struct.unpack_from("<BQ", data, 2)
    if not 1 <= rank <= _MOST_AXES + 1:
        raise Unreadable(f"its values are kept in chunks of {rank - 1} axes")
    *chunk, _ = struct.unpack_from(f"<{rank}I", data, 11)
    return Layout(address, 0, tuple(chunk))


def filters_of(data: bytes) -> list[int]:
    """The numbers of the filters that packed the chunks, in their order."""
    version, count = data[0], data[1]
    if version not in (1, 2) or count > _MOST_FILTERS:
        raise Unreadable(f"it is packed with {count} filters, told in version {version}")
    place, found = 8 if version == 1 else 2, []
    for _ in range(count):
        (number,) = struct.unpack_from("<H", data, place)
        if version == 1 or number >= 256:
            length, _, values = struct.unpack_from("<HHH", data, place + 2)
            place += 8 + length
        else:
            _, values = struct.unpack_from("<HH", data, place + 2)
            place += 6
        if version == 1:  # pads names and values to eight bytes
            place, values = place + -place % 8, values + values % 2
        place += 4 * values
        found.append(number)
    return found


def attribute_of(data: bytes) -> tuple[bytes, Attribute]:
    """The name of an attribute, and the attribute."""
    version, flags, *sizes = struct.unpack_from("<BBHHH", data)
    if version not in (1, 2, 3) or (version > 1 and flags & 3):
        raise Unreadable(f"an attribute is told in a way (version {version}, {flags}) that is not read")
    place = 9 if version == 3 else 8
    parts = []
    for size in sizes:
        parts.append(data[place : place + size])
        place += size + (-size % 8 if version == 1 else 0)
    name, kind, space = parts
    return name.split(b"\0")[0], Attribute(type_of(kind), shape_of(space), data[place:])


def link_of(data: bytes) -> tuple[bytes, int | str]:
    """The name of a link, and the address of the object, or what kind of link to elsewhere it is."""
    version, flags = data[0], data[1]
    place = 2
    kind = data[place] if flags & 8 else 0
    place += bool(flags & 8) + 8 * bool(flags & 4) + bool(flags & 16)
    width = 1 << (flags & 3)
    length = int.from_bytes(data[place : place + width], "little")
    name, place = data[place + width : place + width + length], place + width + length
    if version != 1 or len(name) != length:
        raise Unreadable("a link is damaged")
    if kind:
        return name, "SoftLink" if kind == 1 else "ExternalLink"
    return name, struct.unpack_from("<Q", data, place)[0]
