"""A dict that forgets what was used longest ago."""

import contextlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any


class Recent(OrderedDict):
    """Keeps the `limit` entries used last.

    >>> recent = Recent(2)
    >>> [recent.find(key, lambda: key * 10) for key in (1, 2, 1, 3)]
    [10, 20, 10, 30]
    >>> list(recent)
    [1, 3]
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def find(self, key: Any, make: Callable[[], Any]) -> Any:
        """The entry, made where there is none."""
        found = self.get(key)
        if found is None:
            found = self[key] = make()
            if len(self) > self._limit:
                self.popitem(last=False)
        else:
            with contextlib.suppress(KeyError):  # another thread has dropped it meanwhile
                self.move_to_end(key)
        return found
