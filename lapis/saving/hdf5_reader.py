"""HDF5 files read in Python, in the layout that h5py writes by default: HDF5's own library trusts what it reads.

A damaged file makes that library hang or crash, and it follows links to other files and loads filters as plug-ins. Here
every address is compared with the file's size, no byte is read more often than a sound file needs, and what Keras's
files do not have is refused.

Source: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html; h5py writes version 0 of the superblock,
version 1 of object headers and of B-trees, and groups as symbol tables.
"""

import math
import struct
from collections.abc import Iterator
from operator import itemgetter
from typing import IO, Any

from lapis.saving.hdf5_messages import NOWHERE, Unreadable, attribute_of, link_of

ATTRIBUTE, CONTINUATION, SYMBOLS, ATTRIBUTE_INFO, LINK_INFO, LINK, LAYOUT = 12, 16, 17, 21, 2, 6, 8
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_AT_ONCE = 64 << 20  # bytes of headers and texts that are read in one piece
_SHARED = 2  # a message that stands elsewhere
_SOFT = 2  # an entry of a symbol table that is a path
_NEWER = (
    "{name} is in a layout of HDF5's that Keras's files do not have, as `libver='latest'` makes. Write it anew with "
    "h5py's defaults, or with `h5repack --low=0 --high=0`."
)


class Source:
    """The bytes of a file: within its bounds, and not the same ones again and again."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name
        self.size = file.seek(0, 2)
        self._left = 8 * self.size + (1 << 20)
        self._collections: dict[int, dict[int, tuple[int, int]]] = {}

    def newer(self) -> ValueError:
        """The error for a file of another layout."""
        return ValueError(_NEWER.format(name=self._name))

    def spend(self, size: int) -> None:
        """Count bytes of headers."""
        self._left -= size
        if self._left < 0:
            raise Unreadable("its headers lead to the same bytes again and again")

    def read(self, address: int, size: int) -> bytes:
        """Bytes of a header."""
        if size > _AT_ONCE:
            raise Unreadable(f"a header has {size:,} bytes at {address:,}")
        self._seek(address, size)
        self.spend(size)
        return self._file.read(size)

    def _seek(self, address: int, size: int) -> None:
        if address + size > self.size:
            raise Unreadable(f"{size:,} bytes at {address:,} do not lie in its {self.size:,} bytes")
        self._file.seek(address)

    def unpack(self, layout: str, address: int) -> tuple[Any, ...]:
        """Numbers of a header."""
        return struct.unpack(layout, self.read(address, struct.calcsize(layout)))

    def fill(self, address: int, target: memoryview) -> None:
        """Read values, which no one counts."""
        self._seek(address, len(target))
        done = 0
        while done < len(target):
            count = self._file.readinto(target[done:])  # pyright: ignore[reportAttributeAccessIssue]
            if not count:
                raise Unreadable("it ends before its values")
            done += count

    def text(self, address: int, number: int, length: int) -> bytes:
        """A text, by its number in the collection at the address ("Global Heap")."""
        if address not in self._collections:
            self._collections[address] = dict(self._collected(address))
        place, room = self._collections[address][number]
        if length > room:
            raise Unreadable("its texts are damaged")
        return self.read(place, length)

    def _collected(self, address: int) -> Iterator[tuple[int, tuple[int, int]]]:
        signature, size = self.unpack("<4s4xQ", address)
        if signature != b"GCOL":
            raise Unreadable("its texts are damaged")
        place, number = 16, 1
        while place + 16 <= size and number:  # number 0 is the free room at the end
            number, room = self.unpack("<H6xQ", address + place)
            yield number, (address + place + 16, room)
            place += 16 + room + -room % 8


class Object:
    """What the header of an object tells of it.

    Attributes:
        name: its path from the root.
        address: where its header stands.
        attributes: by their names.
    """

    def __init__(self, source: Source, address: int, name: str, messages: list[tuple[int, bytes]]) -> None:
        self.source, self.address, self.name, self._messages = source, address, name, messages
        for data in self.said(ATTRIBUTE_INFO):
            if struct.unpack_from("<Q", data, 4 if data[1] & 1 else 2) != (NOWHERE,):
                raise self.source.newer()
        self.attributes = {name.decode(): found for name, found in map(attribute_of, self.said(ATTRIBUTE))}

    def said(self, kind: int) -> list[bytes]:
        """The contents of the messages of a kind."""
        return [data for each, data in self._messages if each == kind]

    def texts(self, name: str, most_items: int, most_bytes: int) -> list[str]:
        """The texts in an attribute, at most so many and of at most so many bytes together."""
        attribute = self.attributes[name]
        count, size = math.prod(attribute.shape) if attribute.shape is not None else 0, attribute.type.size
        if count == 0:
            return []
        if count > most_items or count * size > most_bytes:
            raise ValueError(f"The attribute {name!r} of {self.name} claims {count:,} items of {count * size:,} bytes.")
        if size == 0 or count * size > len(attribute.content):
            raise Unreadable("it is cut")
        pieces = [attribute.content[place : place + size] for place in range(0, count * size, size)]
        if attribute.type.is_any_length:
            told = [struct.unpack("<IQI", piece) for piece in pieces]
            total = sum(length for length, _, _ in told)
            if total > most_bytes:
                raise ValueError(
                    f"The attribute {name!r} of {self.name} holds {count:,} texts of {total:,} bytes; such a file is "
                    "refused."
                )
            pieces = [self.source.text(address, number, length) if length else b"" for length, address, number in told]
        elif not attribute.type.is_text:
            raise ValueError(f"The attribute {name!r} of {self.name} must be text; got {attribute.type.told}.")
        return [piece.rstrip(b"\0").decode() for piece in pieces]


class Group(Object):
    """A group, whose members are read when they are asked for."""

    def __init__(self, source: Source, address: int, name: str, messages: list[tuple[int, bytes]]) -> None:
        super().__init__(source, address, name, messages)
        self.opened: dict[int, Object] = {}  # members by their addresses
        self._links: dict[str, int | str] | None = None

    @property
    def links(self) -> dict[str, int | str]:
        """By the members' names their addresses, or what kind of link leads elsewhere."""
        if self._links is None:
            found: list[tuple[bytes, int | str]] = [link_of(data) for data in self.said(LINK)]
            for data in self.said(LINK_INFO):
                if struct.unpack_from("<Q", data, 10 if data[1] & 1 else 2) != (NOWHERE,):
                    raise self.source.newer()
            for data in self.said(SYMBOLS):
                found += _symbols(self.source, *struct.unpack_from("<QQ", data))
            self._links = {name.decode(): link for name, link in sorted(found, key=itemgetter(0))}
            if len(self._links) != len(found):
                raise Unreadable("it has two members of one name")
        return self._links


def root_address(source: Source) -> int:
    """The address of the outermost group, from the superblock."""
    signature, version, sizes = source.unpack("<8sB4xH", 0)
    if signature != _SIGNATURE or version > 3:
        raise Unreadable("it does not begin as such files do")
    if version > 1:
        raise source.newer()
    base, _, end, _, _, address = source.unpack("<QQQQQQ", 24 if version == 0 else 28)
    if sizes != 0x0808 or base != 0:
        raise source.newer()
    if end > source.size:
        raise Unreadable(f"it has {source.size:,} of its {end:,} bytes")
    return address


def messages_at(source: Source, address: int) -> list[tuple[int, bytes]]:
    """The kinds and contents of the messages in the header at an address."""
    version, _, size = source.unpack("<BxHxxxxI4x", address)
    if version != 1:
        if source.read(address, 4) == b"OHDR":
            raise source.newer()
        raise Unreadable(f"no header stands at {address:,}")
    found, blocks = [], [(address + 16, size)]
    for start, length in blocks:  # which grows on the way
        block, place = source.read(start, length), 0
        while place + 8 <= length:
            kind, size, flags = struct.unpack_from("<HHB", block, place)
            data, place = block[place + 8 : place + 8 + size], place + 8 + size
            if len(data) < size:
                raise Unreadable(f"the header at {address:,} is cut")
            if kind == CONTINUATION:
                blocks.append(struct.unpack_from("<QQ", data))
            elif kind and flags & _SHARED:
                raise Unreadable("a header leaves it to another one to tell a type")
            elif kind:
                found.append((kind, data))
    return found


def tree(source: Source, address: int, kind: int, key: str) -> Iterator[tuple[tuple[Any, ...], int]]:
    """The leaves of a B-tree of nodes of a kind: what their keys say, and their addresses."""
    width = struct.calcsize(key)
    waiting: list[tuple[int, int | None]] = [(address, None)]
    while waiting:
        address, wanted = waiting.pop()
        signature, each, level, count = source.unpack("<4sBBH", address)
        if signature != b"TREE" or each != kind or wanted not in (None, level):
            raise Unreadable(f"no tree stands at {address:,}")
        entries = source.read(address + 24, count * (width + 8))
        found = [
            (struct.unpack_from(key, entries, place), *struct.unpack_from("<Q", entries, place + width))
            for place in range(0, len(entries), width + 8)
        ]
        if level == 0:
            yield from found
        else:
            waiting += [(below, level - 1) for _, below in reversed(found)]


def _symbols(source: Source, tree_address: int, heap: int) -> Iterator[tuple[bytes, int | str]]:
    """The names and links of a group that is a symbol table."""
    signature, size, place = source.unpack("<4s4xQ8xQ", heap)
    if signature != b"HEAP":
        raise Unreadable(f"no names stand at {heap:,}")
    names = source.read(place, size)
    for _, address in tree(source, tree_address, 0, "<Q"):
        signature, count = source.unpack("<4sxxH", address)
        if signature != b"SNOD":
            raise Unreadable(f"no symbols stand at {address:,}")
        entries = source.read(address + 8, 40 * count)
        for name_place, header, cached in struct.iter_unpack("<QQI20x", entries):
            end = names.find(b"\0", name_place)
            if end < 0:
                raise Unreadable("its names are damaged")
            name = names[name_place:end]
            source.spend(len(name))
            yield name, "SoftLink" if cached == _SOFT else header
