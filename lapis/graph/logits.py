"""What went into a softmax or sigmoid: a crossentropy of its output is better computed from that."""

import threading
import weakref
from typing import Any

# Beside the arrays, as masks are, for as long as they live.
_logits: dict[int, tuple[weakref.ref, "Logits"]] = {}


class Logits:
    """The values that became probabilities, and how.

    Attributes:
        values: the array that went in.
        function: `"softmax"` or `"sigmoid"`.
        axis: along which a softmax adds up to 1, counted from the start; `None` for a sigmoid.
    """

    __slots__ = ("axis", "function", "values")

    def __init__(self, values: Any, function: str, axis: int | None) -> None:
        self.values = values
        self.function = function
        self.axis = axis


class _Local(threading.local):
    keeping = False


_local = _Local()


class keeping_logits:
    """Within the scope, what a softmax or sigmoid gives remembers what went in; outside of it, nothing is known."""

    def __enter__(self) -> "keeping_logits":
        self._outer = _local.keeping
        _local.keeping = True
        return self

    def __exit__(self, *_: Any) -> None:
        _local.keeping = self._outer


def remember_logits(probabilities: Any, values: Any, function: str, axis: int | None = None) -> None:
    """Remember `values` beside the probabilities made of them."""
    if _local.keeping:
        set_logits(probabilities, Logits(values, function, axis))


def get_logits(x: Any) -> Logits | None:
    """What became these probabilities, if that is remembered of this very array."""
    entry = _logits.get(id(x)) if _local.keeping else None
    return entry[1] if entry is not None and entry[0]() is x else None


def set_logits(x: Any, logits: Logits | None) -> None:
    """Let an array of the same probabilities remember likewise."""
    if logits is not None:
        key = id(x)
        _logits[key] = weakref.ref(x, lambda _: _logits.pop(key, None)), logits
