"""The `.keras` archive: a ZIP file of a config, metadata, one file of weights, and the assets of layers."""

import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, Any

KERAS_VERSION = "3.15.1"  # the version of Keras whose formats are written
CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
ASSETS = "assets/"

_MAX_MEMBERS = 10_000
# Deflate cannot pack tighter than about 1000 to 1, and real weights hardly pack at all.
_MAX_EXPANSION = 100
_FLOOR_BYTES = 64 << 20
_IN_MEMORY = 256 << 20


@contextmanager
def opened(source: Any, name: str) -> Iterator[zipfile.ZipFile]:
    """The archive at a path or in a file object, its table of contents checked and nothing unpacked."""
    try:
        archive = zipfile.ZipFile(source)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{name} is not a .keras archive: {error}.") from None
    with archive:
        _check_members(archive, name)
        yield archive


def _check_members(archive: zipfile.ZipFile, name: str) -> None:
    members = archive.infolist()
    if len(members) > _MAX_MEMBERS:
        raise ValueError(f"{name} holds {len(members):,} members; at most {_MAX_MEMBERS:,} are read.")
    seen: set[str] = set()
    for member in members:
        label = f"{name} holds a member {member.filename!r}"
        if not _is_plain_name(member.orig_filename) or member.filename in seen:
            raise ValueError(f"{label}, which is no plain name inside the archive or stands there twice.")
        seen.add(member.filename)
        if member.flag_bits & 0x1:
            raise ValueError(f"{label}, which is encrypted.")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ValueError(f"{label}, which is a link or a device rather than a file.")
        if member.file_size > _FLOOR_BYTES and member.file_size > _MAX_EXPANSION * member.compress_size:
            raise ValueError(
                f"{label}, which claims {member.file_size:,} bytes packed into {member.compress_size:,}; such an "
                "archive is refused."
            )
    claimed, stored = (sum(sizes) for sizes in zip(*((m.file_size, m.compress_size) for m in members), (0, 0)))
    if claimed > _FLOOR_BYTES and claimed > _MAX_EXPANSION * stored:
        raise ValueError(f"{name} claims {claimed:,} bytes packed into {stored:,}; such an archive is refused.")
    if CONFIG not in seen:
        raise ValueError(f"{name} is not a .keras archive: it holds no {CONFIG}.")


def _is_plain_name(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and not (set(name) & set("\\:\0")) and not name.startswith("/") and ".." not in parts


def read_member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """A small member whole; more than `limit` bytes raise `ValueError`."""
    size = archive.getinfo(name).file_size
    if size > limit:
        raise ValueError(f"The archive's {name} has {size:,} bytes; at most {limit:,} are read.")
    with _readable(archive, name) as member:
        return member.read()


@contextmanager
def unpacked(archive: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    """A large member as a file object that can be read in any order, in memory or in a nameless temporary file."""
    with scratch() as file:
        with _readable(archive, name) as member:
            shutil.copyfileobj(member, file, 1 << 20)
        file.seek(0)
        yield file


@contextmanager
def _readable(archive: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    try:
        with archive.open(name) as member:
            yield member
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise ValueError(f"The archive's {name} is damaged: {error}.") from None


def scratch() -> IO[bytes]:
    """A nameless file to read and write, in memory while it is small."""
    return tempfile.SpooledTemporaryFile(_IN_MEMORY)


def add_member(archive: zipfile.ZipFile, name: str, content: bytes | IO[bytes]) -> None:
    """Store a member as it is, unpacked."""
    with archive.open(name, "w", force_zip64=True) as member:
        if isinstance(content, bytes):
            member.write(content)
        else:
            content.seek(0)
            shutil.copyfileobj(content, member, 1 << 20)
