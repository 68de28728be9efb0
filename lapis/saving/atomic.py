"""Files that are either wholly written or not there."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


def file_path(path: Any) -> Path:
    """`path` as a `Path`; anything but a string or a path-like object raises `TypeError`."""
    try:
        return Path(os.fspath(path)).expanduser()
    except TypeError:
        raise TypeError(f"filepath must be a string or a path; got {path!r}.") from None


@contextmanager
def replacing(path: Path, overwrite: bool = True) -> Iterator[Path]:
    """A new file beside `path` to write into; it takes the name `path` once the block has ended without an error."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file.")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already. Pass overwrite=True to replace it.")
    target = path.resolve()  # a symbolic link stays, what it points to is replaced
    if not target.parent.is_dir():
        raise FileNotFoundError(f"The folder {target.parent} does not exist; make it before saving into it.")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
        if target.exists():
            os.chmod(temporary, target.stat().st_mode & 0o7777)
        _sync(temporary)
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    with suppress(OSError):  # some systems cannot open a folder; the file itself is safe by then
        _sync(target.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
