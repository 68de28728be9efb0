"""Somebody who sees what calls in a graph give while it runs, and may change it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Watcher(Protocol):
    """What a plan tells while it runs."""

    def enter(self, node: Any) -> None:
        """A call begins; calls in nested graphs come before its end."""
        ...

    def leave(self, node: Any, tensors: list[Any], values: list[Any]) -> list[Any]:
        """A call has given values for symbolic tensors; what is returned is used in their place."""
        ...

    def begin(self, tensors: list[Any], values: list[Any]) -> list[Any]:
        """A plan begins with values for its inputs; what is returned is used in their place."""
        ...


class _Local(threading.local):
    watcher: Watcher | None = None


local = _Local()


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Within the context, plans tell the watcher of their calls."""
    outer, local.watcher = local.watcher, watcher
    try:
        yield
    finally:
        local.watcher = outer
