"""The `.keras` archive: a ZIP file of a config, metadata, one file of weights, and the assets of layers.

Two more members are ours, and Keras passes over them. `lapis.json` tells where the file comes from and the SHA-256 of
every other member; where it is there, members are compared with it as they are read. `training.backup`, in a file that
was written in the course of training, tells where training was.
"""

import hashlib
import io
import json
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from os import PathLike
from pathlib import PurePosixPath
from typing import IO, Any, cast

from lapis.saving import limits, plain

KERAS_VERSION = "3.15.1"  # the version of Keras whose formats are written
CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
ASSETS = "assets/"
PROVENANCE = "lapis.json"
TRAINING = "training.backup"
HASHES = "sha256"

_PARTS = frozenset({CONFIG, METADATA, WEIGHTS, "model.weights.npz", PROVENANCE, TRAINING})
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})  # the headers of others ask for memory themselves
_ENTRY_BYTES = 1600  # of a member in the table of contents, with names of the usual lengths
_HEADER_BYTES = 30
_PIECE = 1 << 20
_FLOOR_BYTES = 64 << 20
_IN_MEMORY = 256 << 20


class _InPieces:
    """A file for reading, of which nobody takes more than a piece of `limit` bytes at once."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file, self._limit = file, limit
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self.readinto = file.readinto  # pyright: ignore[reportAttributeAccessIssue]

    def read(self, size: int = -1) -> bytes:
        if size > self._limit:  # only the table of contents is asked for whole
            raise ValueError(
                f"The archive has a table of contents of {size:,} bytes; at most {self._limit:,} are read."
            )
        return self._file.read(size)


class _Window(io.RawIOBase):
    """A part of a file, as a file for reading in any order."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        whole = memoryview(buffer).cast("B")
        self._file.seek(self._start + self._at)
        count = self._file.readinto(whole[: max(0, self._size - self._at)])  # pyright: ignore[reportAttributeAccessIssue]
        whole[count:] = bytes(len(whole) - count)  # HDF5 asks for more than there is, and takes what stands there
        self._at += count
        return count


class Archive(zipfile.ZipFile):
    """An archive that knows the SHA-256 that its members must have; none are known for files of Keras."""

    hashes: dict[str, str] | None = None

    def window(self, member: zipfile.ZipInfo) -> IO[bytes]:
        """Where a member that is stored as it is stands in the archive's file."""
        file: Any = self.fp
        file.seek(member.header_offset)
        lengths = struct.unpack("<HH", file.read(_HEADER_BYTES)[-4:])  # of the name and of what follows it
        return cast(IO[bytes], _Window(file, member.header_offset + _HEADER_BYTES + sum(lengths), member.file_size))


@contextmanager
def opened(source: Any, name: str, verify: bool = True) -> Iterator[Archive]:
    """The archive at a path or in a file object, its table of contents checked and nothing unpacked.

    Of a file that tells its members' SHA-256, all small members are compared at once, the weights when they are read,
    unless `verify` is false.
    """
    with packed(source, name, ".keras archive", limits.current().members, limits.current().expansion) as archive:
        _check_parts(archive, name)
        archive.hashes = _hashes(archive, name) if verify else None
        for member in archive.hashes or ():
            if member not in (WEIGHTS, TRAINING):
                _copy(archive, member, lambda _: None)
        yield archive


@contextmanager
def packed(source: Any, name: str, kind: str, members: int, expansion: int) -> Iterator[Archive]:
    """A ZIP file of at most so many members, none of which leads elsewhere or unpacks to more than it may."""
    with ExitStack() as stack:
        file = stack.enter_context(open(source, "rb")) if isinstance(source, (str, PathLike)) else source
        pieces: Any = _InPieces(file, max(2 * _PIECE, members * _ENTRY_BYTES))
        try:
            archive = stack.enter_context(Archive(pieces))
        except (zipfile.BadZipFile, struct.error, NotImplementedError, UnicodeDecodeError, OSError) as error:
            raise ValueError(f"{name} is not a {kind}: {error}.") from None
        _check_members(archive, name, members, expansion)
        yield archive


def _hashes(archive: Archive, name: str) -> dict[str, str] | None:
    """The SHA-256 of every member, as the file tells them; `None` if it does not."""
    members = set(archive.namelist())
    if PROVENANCE not in members:
        return None
    text = read_member(archive, PROVENANCE, plain.MAX_BYTES)
    hashes = plain.parse_object(text, f"The {PROVENANCE} of {name}").get(HASHES)
    if not isinstance(hashes, dict) or not all(isinstance(value, str) for value in hashes.values()):
        raise ValueError(f"The {PROVENANCE} of {name} must hold {HASHES!r}, the hashes of all members by their names.")
    files = {member for member in members if member != PROVENANCE and not member.endswith("/")}
    for member in sorted(files ^ hashes.keys()):
        what = "without a hash" if member in files else "missing"
        raise ValueError(f"{name} was changed after it was written: its member {member!r} is {what}.")
    return hashes


def _check_parts(archive: zipfile.ZipFile, name: str) -> None:
    members = archive.namelist()
    for member in members:
        if member not in _PARTS and not member.startswith(ASSETS):
            raise ValueError(
                f"{name} holds a member {member!r}, which is no part of a model: {', '.join(sorted(_PARTS))} and "
                f"{ASSETS} are."
            )
    if CONFIG not in members:
        raise ValueError(f"{name} is not a .keras archive: it holds no {CONFIG}.")


def _check_members(archive: zipfile.ZipFile, name: str, most: int, expansion: int) -> None:
    members = archive.infolist()
    if len(members) > most:
        raise ValueError(f"{name} holds {len(members):,} members; at most {most:,} are read.")
    seen: set[str] = set()
    for member in members:
        label = f"{name} holds a member {member.filename!r}"
        if not _is_plain_name(member.orig_filename) or member.filename in seen:
            raise ValueError(f"{label}, which is no plain name inside the archive or stands there twice.")
        seen.add(member.filename)
        if member.compress_type not in _METHODS:
            raise ValueError(f"{label}, which is packed in a way that models are not: {member.compress_type}.")
        if member.flag_bits & 0x1:
            raise ValueError(f"{label}, which is encrypted.")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ValueError(f"{label}, which is a link or a device rather than a file.")
        if member.file_size > _FLOOR_BYTES and member.file_size > expansion * member.compress_size:
            raise ValueError(
                f"{label}, which claims {member.file_size:,} bytes packed into {member.compress_size:,}; such an "
                "archive is refused."
            )
    claimed, stored = (sum(sizes) for sizes in zip(*((m.file_size, m.compress_size) for m in members), (0, 0)))
    if claimed > _FLOOR_BYTES and claimed > expansion * stored:
        raise ValueError(f"{name} claims {claimed:,} bytes packed into {stored:,}; such an archive is refused.")
    places = sorted((member.header_offset, member.compress_size) for member in members)
    for (place, size), (following, _) in zip(places, [*places[1:], (archive.start_dir, 0)]):
        if place + _HEADER_BYTES + size > following:
            raise ValueError(f"{name} holds members that overlap, so that it claims more than it stores.")


def _is_plain_name(name: str) -> bool:
    path = PurePosixPath(name)
    is_normal = name.removesuffix("/") == str(path)  # neither "a//b", whose end would be absolute, nor "a/./b"
    return (
        is_normal and not set(name) & set("\\:\0") and not path.is_absolute() and not {".", ".."} & {*path.parts, name}
    )


def read_member(archive: Archive, name: str, limit: int | None = None) -> bytes:
    """A small member whole; more than `limit` bytes, or what a config may have, raise `ValueError`."""
    limit = limits.current().config_bytes if limit is None else limit
    size = archive.getinfo(name).file_size
    if size > limit:
        raise ValueError(f"The archive's {name} has {size:,} bytes; at most {limit:,} are read.")
    pieces: list[bytes] = []  # a member whose claim is too small would be unpacked whole if it were read whole
    _copy(archive, name, pieces.append)
    return b"".join(pieces)


@contextmanager
def unpacked(archive: Archive, name: str) -> Iterator[IO[bytes]]:
    """A large member as a file object that can be read in any order.

    One that is stored as it is is compared with its check sums and then read where it stands; another one is unpacked
    in memory or into a nameless temporary file.
    """
    member = archive.getinfo(name)
    if member.compress_type == zipfile.ZIP_STORED and member.compress_size == member.file_size:
        _copy(archive, name, lambda _: None)
        yield archive.window(member)
        return
    with scratch() as file:
        _copy(archive, name, file.write)
        file.seek(0)
        yield file


def _copy(archive: Archive, name: str, write: Callable[[bytes], Any]) -> None:
    """Hand a member to `write` piece by piece; one that has not the hash it must have raises `ValueError`."""
    wanted = archive.hashes.get(name) if archive.hashes else None
    digest = hashlib.sha256()
    with readable(archive, name, f"The archive's {name}") as member:
        while piece := member.read(_PIECE):
            if wanted is not None:
                digest.update(piece)
            write(piece)
    if wanted is not None and digest.hexdigest() != wanted:
        raise ValueError(
            f"The archive's {name} is not what was written: its SHA-256 is {digest.hexdigest()}, {PROVENANCE} says "
            f"{wanted:.64}. The file was damaged or changed."
        )


def digest(archive: Archive, name: str) -> str:
    """The SHA-256 of a member."""
    found = hashlib.sha256()
    _copy(archive, name, found.update)
    return found.hexdigest()


@contextmanager
def readable(archive: zipfile.ZipFile, name: str, what: str) -> Iterator[IO[bytes]]:
    """A member to read from; where that fails, `what` is damaged."""
    try:
        with archive.open(name) as member:
            yield member
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, struct.error) as error:
        raise ValueError(f"{what} is damaged: {error}.") from None


def scratch() -> IO[bytes]:
    """A nameless file to read and write, in memory while it is small."""
    return tempfile.SpooledTemporaryFile(_IN_MEMORY)


class Writer:
    """An archive being written; the SHA-256 of every member is kept."""

    def __init__(self, target: Any) -> None:
        self._zip = zipfile.ZipFile(target, "w")
        self._hashes: dict[str, str] = {}

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *error: Any) -> None:
        self._zip.__exit__(*error)

    def add(self, name: str, content: bytes | IO[bytes]) -> None:
        """Store a member as it is, unpacked."""
        digest = hashlib.sha256()
        source = io.BytesIO(content) if isinstance(content, bytes) else content
        source.seek(0)
        with self._zip.open(name, "w", force_zip64=True) as member:
            while piece := source.read(_PIECE):
                digest.update(piece)
                member.write(piece)
        self._hashes[name] = digest.hexdigest()

    def add_provenance(self, told: dict) -> None:
        """Store where the file comes from, with the hashes of all members; the last thing to be added."""
        text = json.dumps({**told, HASHES: self._hashes}, indent=2, allow_nan=False)
        self.add(PROVENANCE, text.encode())
