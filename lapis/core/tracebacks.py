"""Tracebacks that show the user's own lines and leave out those of the library, and of JAX below it."""

import os
import sys
import types
from typing import Any

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_OF_JAX = "JAX has removed its internal frames"  # a note that JAX adds, where it has done so
_settings = {"filters": True}


def enable_traceback_filtering() -> None:
    """Leave frames of Lapis out of the tracebacks of errors; so it is from the start."""
    _settings["filters"] = True


def disable_traceback_filtering() -> None:
    """Show all frames in tracebacks, also those of Lapis."""
    _settings["filters"] = False


def is_traceback_filtering_enabled() -> bool:
    """Whether frames of Lapis are left out of tracebacks."""
    return _settings["filters"]


class full_tracebacks:
    """Show all frames in tracebacks, from here on or, as a context manager, within the context.

    Frames inside JAX are shown once `JAX_TRACEBACK_FILTERING=off` is set too.

    >>> with full_tracebacks():
    ...     is_traceback_filtering_enabled()
    False
    """

    def __init__(self) -> None:
        self._before = _settings["filters"]
        disable_traceback_filtering()

    def __enter__(self) -> None: ...

    def __exit__(self, *_: Any) -> None:
        _settings["filters"] = self._before


def shorten(error: BaseException) -> None:
    """Take the frames of Lapis out of an error's traceback, and out of those of the errors behind it."""
    seen: set[int] = set()
    links = [error]
    while _settings["filters"] and links:
        link = links.pop()
        if id(link) not in seen:
            seen.add(id(link))
            link.__traceback__ = _own_frames(link.__traceback__)
            notes = getattr(link, "__notes__", ())
            if any(_OF_JAX in note for note in notes):
                link.__notes__ = [note for note in notes if _OF_JAX not in note]
            links += [behind for behind in (link.__cause__, link.__context__) if behind is not None]


def is_users(error: BaseException) -> bool:
    """Whether the exception was raised outside the package, be it by a function of JAX that the user's code called."""
    jax, users = _jax_folders(), False
    for frame in _frames(error.__traceback__):
        name = frame.tb_frame.f_code.co_filename
        if not name.startswith(jax):
            users = not name.startswith(_PACKAGE)
    return users


def _frames(traceback: Any) -> list[Any]:
    frames = []
    while traceback is not None:
        frames.append(traceback)
        traceback = traceback.tb_next
    return frames


def _jax_folders() -> tuple[str, ...]:
    loaded = [sys.modules.get(name) for name in ("jax", "jaxlib")]
    return tuple(os.path.dirname(str(module.__file__)) + os.sep for module in loaded if module is not None)


def _own_frames(traceback: Any) -> Any:
    """The traceback without frames of the package and of JAX; the innermost frame where nothing else is left."""
    frames, library = _frames(traceback), (_PACKAGE, *_jax_folders())
    kept = [frame for frame in frames if not frame.tb_frame.f_code.co_filename.startswith(library)] or frames[-1:]
    shown = None
    for frame in reversed(kept):
        shown = types.TracebackType(shown, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return shown


class shortened_tracebacks:
    """Errors leave the scope with tracebacks that `shorten` has been at."""

    def __enter__(self) -> None: ...

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        if isinstance(error, Exception):
            shorten(error)
