"""Files that are either wholly written or not there.

What a process that was killed had written so far stays as `.NAME.HOST-PID-NUMBER.tmp`, until the next one saves to the
same name.
"""

import functools
import glob
import os
import re
import secrets
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_LEFT_OVER = re.compile(r"([0-9a-f]{8})-(\d+)-[0-9a-f]+\.tmp")
_being_written: set[str] = set()  # by this process


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
    _remove_left_over(target)
    temporary = target.with_name(f".{target.name}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    _being_written.add(temporary.name)
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
    finally:
        _being_written.discard(temporary.name)
    with suppress(OSError):  # some systems cannot open a folder; the file itself is safe by then
        _sync(target.parent)


def _remove_left_over(target: Path) -> None:
    """Remove what processes of this machine that are no more had begun to write under that name."""
    for path in target.parent.glob(f".{glob.escape(target.name)}.*.tmp"):
        told = _LEFT_OVER.fullmatch(path.name.removeprefix(f".{target.name}."))
        if told and told[1] == _host() and path.name not in _being_written and not _is_running(int(told[2])):
            with suppress(OSError):
                path.unlink()


def _is_running(pid: int) -> bool:
    """Whether there is another process of that number; where that is not known, there may be."""
    if pid == os.getpid():  # a container gives one number time and again
        return False
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


@functools.cache
def _host() -> str:
    """The machine, and the part of it in which its numbers of processes count, as eight digits."""
    try:
        numbers = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        numbers = 0
    return f"{zlib.crc32(f'{socket.gethostname()} {numbers}'.encode()):08x}"


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
