"""Lists, dicts and sets that tell the layer they belong to what is put into them."""

from collections.abc import Callable, Iterable
from typing import Any


class TrackedList(list):
    """A list whose items the owner hears of."""

    def __init__(self, values: Iterable = (), track: Callable | None = None) -> None:
        self._track = track
        super().__init__(values if track is None else [track(value) for value in values])

    def _new(self, value: Any) -> Any:
        return value if self._track is None else self._track(value)

    def append(self, value: Any) -> None:
        super().append(self._new(value))

    def insert(self, index: Any, value: Any) -> None:
        super().insert(index, self._new(value))

    def extend(self, values: Iterable) -> None:
        super().extend([self._new(value) for value in values])

    def __iadd__(self, values: Iterable) -> "TrackedList":  # pyright: ignore[reportIncompatibleMethodOverride]
        self.extend(values)
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, [self._new(v) for v in value] if isinstance(index, slice) else self._new(value))

    def __reduce__(self) -> tuple:
        return list, (list(self),)


class TrackedDict(dict):
    """A dict whose values the owner hears of."""

    def __init__(self, values: Any = (), track: Callable | None = None) -> None:
        self._track = track
        super().__init__()
        self.update(values)

    def _new(self, value: Any) -> Any:
        return value if self._track is None else self._track(value)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, self._new(value))

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def __reduce__(self) -> tuple:
        return dict, (dict(self),)


class TrackedSet(set):
    """A set whose members the owner hears of."""

    def __init__(self, values: Iterable = (), track: Callable | None = None) -> None:
        self._track = track
        super().__init__(values if track is None else [track(value) for value in values])

    def add(self, value: Any) -> None:
        super().add(value if self._track is None else self._track(value))

    def update(self, *others: Iterable) -> None:
        for values in others:
            for value in values:
                self.add(value)

    def __reduce__(self) -> tuple:
        return set, (set(self),)
