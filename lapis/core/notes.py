"""Notes on exceptions: which layer, loss, metric, callback or data an exception came out of.

The exception itself stays the one that was raised. Of nested places the innermost one is noted alone.
"""

from collections.abc import Callable
from typing import Any

from lapis.core import nest

_NOTED = "_lapis_noted"
_LONGEST = 300


def note(error: BaseException, text: str) -> None:
    """Add a note, unless the exception has one of an inner place.

    >>> error = ValueError("wrong")
    >>> note(error, "In the inner layer.")
    >>> note(error, "In the outer layer.")
    >>> error.__notes__
    ['In the inner layer.']
    """
    if not getattr(error, _NOTED, False):
        setattr(error, _NOTED, True)
        error.add_note(text)


class noting:
    """Exceptions leave the scope with a note, `text()`."""

    def __init__(self, text: Callable[[], str]) -> None:
        self._text = text

    def __enter__(self) -> None: ...

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        if isinstance(error, Exception) and not isinstance(error, StopIteration):
            note(error, self._text())


def described(arguments: dict[str, Any]) -> str:
    """Arguments in short: shapes and types of what has them.

    >>> import numpy as np
    >>> described({"x": [np.zeros((2, 3), "float32")], "training": True})
    'x: [float32 (2, 3)], training: True'
    """
    text = ", ".join(f"{name}: {_short(value)}" for name, value in arguments.items())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _short(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        inside = ", ".join(map(_short, value[:8])) + (", ..." if len(value) > 8 else "")
        return f"({inside})" if isinstance(value, tuple) else f"[{inside}]"
    if nest.is_nested(value):
        return f"{{{', '.join(f'{name}: {_short(one)}' for name, one in value.items())}}}"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype} {tuple([size if isinstance(size, int) else None for size in value.shape])}"
    return f"{value!r:.40}"
