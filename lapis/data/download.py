"""Files from the network, kept in the cache folder."""

import hashlib
import os
import shutil
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lapis.core.config import cache_home

CHUNK = 1 << 18
TIMEOUT = 30.0
SCHEMES = ("http", "https", "ftp", "file")
DIGEST_LENGTHS = {32: "md5", 64: "sha256"}

OFFLINE = (
    "Could not download {origin} ({reason}): put the file at {path}, or let LAPIS_HOME name a cache folder that has it."
)
WRONG_HASH = (
    "The file downloaded from {origin} has the {algorithm} {got}, but {expected} was expected: it is incomplete, or "
    "it is not the file that was asked for. Nothing was kept."
)


def get_file(
    fname: str | os.PathLike | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | Iterable[str] | None = "auto",
    cache_dir: str | os.PathLike | None = None,
    force_download: bool = False,
) -> str:
    """The path of a file in the cache folder, downloaded if it is not there yet.

    A file is written under another name first, so the cache never holds half of one. A file whose hash is not the given
    one is downloaded again.

    Args:
        fname: name in the cache; by default the last part of the URL. With `extract`, a name without ending is that of
            the extracted folder.
        origin: the URL.
        untar: as `extract`, for tar archives.
        md5_hash: as `file_hash`.
        file_hash: the MD5 or SHA-256 that the file must have.
        cache_subdir: folder inside the cache folder, or an absolute path.
        hash_algorithm: `"md5"`, `"sha256"`, or `"auto"`: by the length of `file_hash`.
        extract: whether to unpack the archive; the path of the folder is returned then.
        archive_format: `"tar"` (compressed or not), `"zip"`, a list of both, or `"auto"` for either.
        cache_dir: the cache folder; by default that of `lapis.core.config.cache_home()`.
        force_download: whether to download even what the cache holds.

    Raises:
        ValueError: arguments that make no sense, a wrong hash, an archive with unsafe members.
        ConnectionError: the file is not in the cache and cannot be downloaded.
    """
    if origin is None:
        raise ValueError("`get_file` needs `origin`, the URL of the file.")
    if urlsplit(origin).scheme not in SCHEMES:
        raise ValueError(f"`origin` must be a URL that starts with one of {', '.join(SCHEMES)}; got {origin!r}.")
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    algorithm = None if file_hash is None else algorithm_of(hash_algorithm, file_hash)
    folder = Path(cache_home() if cache_dir is None else Path(cache_dir).expanduser()) / cache_subdir
    target, unpacked = places(folder, fname, origin, extract or untar)

    fresh = force_download or not target.exists()
    if not fresh and file_hash is not None and algorithm is not None and digest(target, algorithm) != file_hash.lower():
        fresh = True
    if fresh:
        download(origin, target, file_hash, algorithm)
    if unpacked is None:
        return str(target)
    if fresh or not unpacked.exists():
        unpack(target, unpacked, "tar" if untar else archive_format)
    return str(unpacked)


def places(folder: Path, fname: str | os.PathLike | None, origin: str, extract: bool) -> tuple[Path, Path | None]:
    """Where the file belongs, and where its contents do if it is to be extracted."""
    name = str(fname) if fname else Path(urlsplit(origin).path).name
    if not name:
        raise ValueError(f"The URL {origin!r} names no file; give `fname`.")
    if "/" in name or os.sep in name:
        raise ValueError(
            f"`fname` must be a name without folders, got {name!r}; `cache_dir` and `cache_subdir` say where."
        )
    if not extract:
        return folder / name, None
    if fname and "." in name:
        return folder / name, folder / f"{name.partition('.')[0]}_extracted"
    return folder / f"{name}_archive", folder / name


def algorithm_of(name: str, file_hash: str) -> str:
    """The hash algorithm by its name, or by the length of a hash."""
    if name == "auto":
        name = DIGEST_LENGTHS.get(len(file_hash), "")
    if name not in DIGEST_LENGTHS.values():
        raise ValueError(
            f"`hash_algorithm` must be 'md5', 'sha256' or 'auto' (for a hash of 32 or 64 digits); got {file_hash!r}."
        )
    return name


def digest(path: Path, algorithm: str) -> str:
    """The hash of a file, in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def download(origin: str, target: Path, file_hash: str | None, algorithm: str | None) -> None:
    """Fetch a file to its place, whole and with the right hash or not at all."""
    from http.client import HTTPException  # here, because few programs download, and importing these takes long
    from urllib.error import HTTPError
    from urllib.request import urlopen

    try:
        with urlopen(origin, timeout=TIMEOUT) as answer, part_of(target) as part:
            fetch(answer, part, target.name)
            if file_hash is not None and algorithm is not None:
                got = digest(part, algorithm)
                if got != file_hash.lower():
                    raise ValueError(WRONG_HASH.format(origin=origin, algorithm=algorithm, got=got, expected=file_hash))
            part.replace(target)
    except UnwritableCacheError:
        raise
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(error, HTTPError):  # it is the server's answer, still open
            error.close()
            reason = error
        raise ConnectionError(OFFLINE.format(origin=origin, reason=reason, path=target)) from None


class UnwritableCacheError(OSError):
    """The cache folder cannot be written."""


@contextmanager
def part_of(target: Path) -> Iterator[Path]:
    """A new file beside the target, gone afterwards unless it has been moved."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise UnwritableCacheError(
            f"Cannot write to the cache folder {target.parent} ({error.strerror}); let LAPIS_HOME name one that can "
            "be written."
        ) from None
    os.close(handle)
    part = Path(name)
    part.chmod(0o644)
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def fetch(answer: Any, part: Path, name: str) -> None:
    """Write what a URL answers into a file; all that the server announced must arrive."""
    length = answer.headers.get("Content-Length")
    total = int(length) if length and length.isdigit() else None
    with part.open("wb") as file, progress(name, total) as advance:
        while chunk := answer.read(CHUNK):
            file.write(chunk)
            advance(len(chunk))
        if total is not None and file.tell() != total:
            raise OSError(f"the connection ended after {file.tell()} of {total} bytes")


@contextmanager
def progress(name: str, total: int | None) -> Iterator[Any]:
    """A progress bar; called with the number of bytes that arrived."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as bar:
        task = bar.add_task(f"Downloading {name}", total=total)
        yield lambda count: bar.advance(task, count)


def unpack(archive: Path, folder: Path, archive_format: str | Iterable[str] | None) -> None:
    """Extract an archive into a folder of its own, whole or not at all; nothing in it may lie outside the folder."""
    formats = ("tar", "zip") if archive_format == "auto" else archive_format
    formats = [formats] if isinstance(formats, str) else list(formats or ())
    unknown = [each for each in formats if each not in ("tar", "zip")]
    if unknown:
        raise ValueError(f"`archive_format` must be 'tar', 'zip' or 'auto'; got {archive_format!r}.")
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        if "tar" in formats and tarfile.is_tarfile(archive):
            unpack_tar(archive, part)
        elif "zip" in formats and zipfile.is_zipfile(archive):
            unpack_zip(archive, part)
        else:
            warnings.warn(
                f"{archive} is no {' or '.join(formats) or 'known'} archive; nothing was extracted.", stacklevel=3
            )
            return
        if folder.exists():
            shutil.rmtree(folder)
        part.chmod(0o755)
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def unpack_tar(archive: Path, folder: Path) -> None:
    try:
        with tarfile.open(archive) as file:
            file.extractall(folder, filter="data")
    except tarfile.FilterError as error:
        raise ValueError(f"{archive} was not extracted because it holds an unsafe member: {error}.") from None


def unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            target = (folder / member.filename).resolve()
            is_link = (member.external_attr >> 28) == 0o12
            if is_link or not target.is_relative_to(folder.resolve()):
                raise ValueError(f"{archive} was not extracted because it holds an unsafe member: {member.filename!r}.")
        file.extractall(folder)
