"""What happens while a file is read: files, connections, programs, code, memory, time and settings."""

import os
import random
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import jax
import numpy as np

import lapis

_FORBIDDEN = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.putenv",
    "os.unsetenv",
    "os.chdir",
    "os.symlink",
    "os.link",
    "pickle.",
    "marshal.load",
    "ctypes.dlopen",
    "urllib.",
    "http.",
    "webbrowser.",
    "import",
    "compile",
    "exec",
)
_INSTALLED = sysconfig.get_path("purelib") + os.sep
_seen: list[str] | None = None
_thread = 0
_allowed: tuple[str, ...] = ()
_sources: set[Any] = set()  # the files of the modules in `_known`
_known: set[str] = set()


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _seen is None or threading.get_ident() != _thread:
        return
    if event == "open":
        path = args[0]
        if isinstance(path, int) or os.path.realpath(os.fsdecode(path)).startswith(_allowed):
            return
        # JAX reads the lines that its messages show; pytest-xdist's own module is none of `sys.modules`.
        installed = str(path).startswith(_INSTALLED) and str(path).endswith(".py")
        if args[1] in ("r", "rb") and (path in _sources or installed):
            return
        _seen.append(f"open {path!r}")
    elif event in ("os.mkdir", "os.remove", "os.rename", "os.rmdir"):
        within_folder = not os.path.isabs(args[0]) and args[-1] != -1  # of a folder that was looked at before
        if not within_folder and not os.path.realpath(os.fsdecode(args[0])).startswith(_allowed):
            _seen.append(f"{event} {args[0]!r}")
    elif event.startswith(_FORBIDDEN):
        _seen.append(f"{event} {args!r:.100}")


sys.addaudithook(_hook)  # which cannot be taken away again, and sleeps outside `watched`


def settings() -> dict[str, Any]:
    """Everything that a file might want to change for the whole process."""
    return {
        "float type": lapis.config.floatx(),
        "epsilon": lapis.config.epsilon(),
        "image data format": lapis.config.image_data_format(),
        "backend": lapis.config.backend(),
        "policy": lapis.config.dtype_policy().name,
        "traceback filtering": lapis.config.is_traceback_filtering_enabled(),
        "custom objects": dict(lapis.saving.get_custom_objects()),
        "random": random.getstate(),
        "numpy": np.random.get_state()[1].tolist(),  # pyright: ignore[reportArgumentType, reportIndexIssue]
        "jax": dict(jax.config.values),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "path": list(sys.path),
    }


@contextmanager
def watched(target: Path, may_draw: bool = False) -> Iterator[None]:
    """Fail where the block touches anything but `target`, takes 2 s or 200 MB, or changes a setting.

    With `may_draw`, it may draw seeds, as new layers do.
    """
    global _seen, _thread, _allowed
    # Nameless files and folders in the system's place for them are where what is unpacked may go.
    places = (str(target), tempfile.gettempdir() + os.sep)
    _allowed = tuple(map(os.path.realpath, places))
    before, files = settings(), _files(target.parent)
    _reset_peak()
    memory, began = _memory("VmRSS"), time.process_time()
    new = set(sys.modules) - _known
    _known.update(new)
    _sources.update(getattr(sys.modules[name], "__file__", None) for name in new)
    _thread, _seen = threading.get_ident(), []
    try:
        yield
    finally:
        seen, _seen = _seen, None
    took, peak = time.process_time() - began, _memory("VmHWM") - memory
    assert not seen, seen
    assert took < 2, f"{took:.1f} s"
    assert peak < 200, f"{peak:.0f} MB"
    assert _files(target.parent) == files, "files appeared"
    after = settings()
    changed = [name for name in before if before[name] != after[name] and not (may_draw and name == "random")]
    assert not changed, changed


def _files(folder: Path) -> list[str]:
    return sorted(map(str, folder.rglob("*"))) + [name for name in ("/tmp/lapis-hostile",) if os.path.exists(name)]


def _reset_peak() -> None:
    with suppress(OSError):  # not on this system: the peak of the whole process then hides smaller ones
        Path("/proc/self/clear_refs").write_text("5")


def _memory(field: str) -> float:
    """Resident memory in MB, now (`VmRSS`) or at its peak (`VmHWM`); 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(field))
