"""Compiled programs kept on disk from one process to the next, in JAX's own cache.

The folder is `$LAPIS_HOME/compiled`, else `lapis/compiled` in the user's cache folder, with one folder inside per kind
of processor, whose instructions the programs contain.
"""

import atexit
import hashlib
import logging
import os
import platform
import stat
from pathlib import Path
from typing import Any

import jax

_LOGGER = logging.getLogger("lapis")
_SWITCH = "LAPIS_COMPILATION_CACHE"
_LIMIT = 1 << 30  # bytes
_BLOCK = 4096  # bytes that even the smallest file takes
_JAX_SECONDS = 1.0  # JAX keeps only what took that long to compile, unless told otherwise
_active: dict[str, Any] = {}


def start() -> None:
    """Switch the cache on, unless JAX has been given one, or `LAPIS_COMPILATION_CACHE` says no."""
    if os.environ.get(_SWITCH, "1").lower() in ("0", "false", "off", "no", ""):
        return
    if jax.config.jax_compilation_cache_dir is None and jax.config.jax_enable_compilation_cache:
        set_compilation_cache(True)


def set_compilation_cache(folder: Any = True) -> None:
    """Keep compiled programs in a folder, so that the next process starts faster; it is on by default.

    Programs are code: a folder that others may write to is not used. Where there is none to use, a line in the log of
    "lapis" says so, and nothing is kept. The least recently used programs beyond 1 GiB are removed.

    Args:
        folder: `True` for `$LAPIS_HOME/compiled`, or `lapis/compiled` in the user's cache folder; `False` for none;
            or a path.
    """
    if folder is False:
        jax.config.update("jax_compilation_cache_dir", None)
        return
    try:
        base = default_folder() if folder is True else Path(folder).expanduser()
        place = base / _processor()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in (base, place):
            _refuse_shared(each)
        if not os.access(place, os.W_OK | os.X_OK):
            raise PermissionError(f"{place} is not writable")
    except (OSError, RuntimeError) as error:  # a RuntimeError: there is no home
        _LOGGER.info("Compiled programs are not kept on disk: %s.", error)
        return
    jax.config.update("jax_compilation_cache_dir", str(place))
    if jax.config.jax_persistent_cache_min_compile_time_secs == _JAX_SECONDS:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    if not _active:
        atexit.register(_trim_at_exit)
    _active.update(base=base, place=place, changed=place.stat().st_mtime_ns)


def default_folder() -> Path:
    """Where programs are kept unless told otherwise."""
    if os.environ.get("LAPIS_HOME"):
        return Path(os.environ["LAPIS_HOME"]).expanduser() / "compiled"
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "lapis" / "compiled"


def _processor() -> str:
    """A name for this kind of processor: a program made for another one could hold instructions that this one lacks."""
    told = platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            lines = file.read(16384).splitlines()
        told += "".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
    except OSError:
        told += platform.processor()
    return hashlib.blake2b(told.encode(), digest_size=6).hexdigest()


def _refuse_shared(folder: Path) -> None:
    if not hasattr(os, "geteuid"):
        return
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(f"others may write to {folder}")


def _trim_at_exit() -> None:
    try:
        if _active["place"].stat().st_mtime_ns != _active["changed"]:
            trim(_active["base"], _LIMIT)
    except OSError:
        pass  # the folder is gone, or another process is trimming it too


def trim(base: Path, limit: int) -> None:
    """Remove the least recently used files until a fifth of the limit is free, where they take more than the limit."""
    found = []
    for folder, _, names in os.walk(base):
        for name in names:
            path = os.path.join(folder, name)
            info = os.stat(path)
            found.append((max(info.st_atime_ns, info.st_mtime_ns), max(info.st_size, _BLOCK), path))
    total = sum(size for _, size, _ in found)
    if total <= limit:
        return
    for _, size, path in sorted(found):
        os.unlink(path)
        total -= size
        if total <= limit * 4 // 5:
            break
