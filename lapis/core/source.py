"""The line of the user's program that is being run."""

import os
import sys

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_TRACING = os.path.join("", "jax", "_src", "")  # between the program and layers that are built in a trace


def calling_line() -> str | None:
    """`"file:line"` of the innermost frame outside the package, `None` where there is none."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_PACKAGE) and _TRACING not in name:
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def frames_inside() -> int:
    """How many frames of the package lie on top of the user's program, that of the caller counted.

    It is the `stacklevel` with which a warning of the caller points to the user's line.
    """
    frame, count = sys._getframe(1), 1
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, count = frame.f_back, count + 1
    return count
