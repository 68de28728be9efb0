"""Tracebacks that show the user's own lines and leave out those of the library."""

import os
import types
from typing import Any

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
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


def shorten(error: BaseException) -> None:
    """Take the frames of Lapis out of an error's traceback, and out of those of the errors behind it."""
    seen: set[int] = set()
    links = [error]
    while _settings["filters"] and links:
        link = links.pop()
        if id(link) not in seen:
            seen.add(id(link))
            link.__traceback__ = _own_frames(link.__traceback__)
            links += [behind for behind in (link.__cause__, link.__context__) if behind is not None]


def _own_frames(traceback: Any) -> Any:
    """The traceback without frames of the package; the innermost frame where nothing else is left."""
    frames = []
    while traceback is not None:
        frames.append(traceback)
        traceback = traceback.tb_next
    kept = [frame for frame in frames if not frame.tb_frame.f_code.co_filename.startswith(_PACKAGE)] or frames[-1:]
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
