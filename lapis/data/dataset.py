"""A data set that is read anew on each pass: what the functions that read directories and time series return."""

import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

import lapis.core.nest as nest
from lapis.data.ahead import make_ahead, take_ahead
from lapis.state import make_default_seed

WORKERS = min(8, os.cpu_count() or 1)


class Dataset:
    """Batches, or single samples, that are made when they are asked for; each `iter` is a pass over all of them.

    `fit`, `evaluate`, `predict` and `adapt` read it. The methods give new data sets and leave this one as it is; they
    take what they are called on as it comes, be it batches or samples.

    Args:
        begin: called for each pass; gives an iterator.
        length: how many items a pass has, `None` if that is not known or there is no end.
        unpacks: whether `map` and `filter` call their functions with the parts of a tuple as separate arguments.

    >>> squares = Dataset(lambda: iter(range(5)), 5).map(lambda x: x * x)
    >>> len(squares), list(squares.skip(2)), list(squares.take(2))
    (5, [4, 9, 16], [0, 1])
    """

    class_names: list[str] | None = None
    file_paths: list[str] | None = None
    _generators: tuple[np.random.Generator, ...] = ()  # those that draw anew on each pass

    def __init__(self, begin: Callable[[], Iterator[Any]], length: int | None = None, unpacks: bool = True) -> None:
        self._begin = begin
        self._length = length
        self._unpacks = unpacks

    def __iter__(self) -> Iterator[Any]:
        return self._begin()

    def __len__(self) -> int:
        if self._length is None:
            raise TypeError("It is not known how many items one pass over this data set has.")
        return self._length

    def __bool__(self) -> bool:
        return True

    def as_numpy_iterator(self) -> Iterator[Any]:
        """One pass, as `iter` gives it."""
        return iter(self)

    def _next(self, begin: Callable[[], Iterator[Any]], length: int | None) -> "Dataset":
        found = Dataset(begin, length, self._unpacks)
        found._generators = self._generators
        return found

    def _call(self, function: Callable[..., Any], item: Any) -> Any:
        return function(*item) if self._unpacks and isinstance(item, tuple) else function(item)

    def map(
        self, function: Callable[..., Any], num_parallel_calls: int | None = None, deterministic: bool | None = None
    ) -> "Dataset":
        """Each item as the function changes it; with `num_parallel_calls` above 1, so many in threads, in order."""
        del deterministic
        workers = num_parallel_calls or 1
        if workers < 2:
            return self._next(lambda: (self._call(function, item) for item in self), self._length)
        pool = ThreadPoolExecutor(workers)
        return self._next(
            lambda: make_ahead(pool, lambda item: self._call(function, item), self, 2 * workers), self._length
        )

    def filter(self, predicate: Callable[..., Any]) -> "Dataset":
        """The items for which the function gives true."""
        return self._next(lambda: (item for item in self if self._call(predicate, item)), None)

    def take(self, count: int) -> "Dataset":
        """The first `count` items; all of them for -1."""
        stop = None if count < 0 else count
        known = self._length if stop is None or (self._length is not None and self._length < stop) else stop
        return self._next(lambda: itertools.islice(self, stop), known)

    def skip(self, count: int) -> "Dataset":
        """The items after the first `count`."""
        known = None if self._length is None else max(self._length - count, 0)
        return self._next(lambda: itertools.islice(self, count, None), known)

    def repeat(self, count: int | None = None) -> "Dataset":
        """Pass after pass as one, `count` of them, or without end."""
        rounds = itertools.repeat(None) if count is None or count < 0 else range(count)
        known = None if self._length is None or not isinstance(rounds, range) else self._length * len(rounds)
        return self._next(lambda: (item for _ in rounds for item in self), known)

    def shuffle(self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool = True) -> "Dataset":
        """The items in random order, drawn out of `buffer_size` of them at a time."""
        seed = make_default_seed() if seed is None else seed
        kept = np.random.default_rng(seed)

        def begin() -> Iterator[Any]:
            random = kept if reshuffle_each_iteration else np.random.default_rng(seed)
            buffer = []
            for item in self:
                buffer.append(item)
                if len(buffer) >= buffer_size:
                    place = int(random.integers(len(buffer)))
                    buffer[place], buffer[-1] = buffer[-1], buffer[place]
                    yield buffer.pop()
            yield from (buffer[place] for place in random.permutation(len(buffer)))

        shuffled = self._next(begin, self._length)
        shuffled._generators += (kept,)
        return shuffled

    def cache(self) -> "Dataset":
        """The items of the first whole pass, kept in memory for the passes after it."""
        kept: list[list[Any]] = []

        def begin() -> Iterator[Any]:
            if kept:
                yield from kept[0]
                return
            items = []
            for item in self:
                items.append(item)
                yield item
            kept[:] = [items]

        return self._next(begin, self._length)

    def prefetch(self, buffer_size: int | None = None) -> "Dataset":
        """The same items, taken in another thread, up to `buffer_size` (by default 2) before they are asked for."""
        count = buffer_size if buffer_size and buffer_size > 0 else 2
        pool = ThreadPoolExecutor(1)
        return self._next(lambda: take_ahead(pool, self, count), self._length)

    def batch(self, batch_size: int, drop_remainder: bool = False) -> "Dataset":
        """`batch_size` items at a time, stacked."""

        def begin() -> Iterator[Any]:
            items = iter(self)
            while group := list(itertools.islice(items, batch_size)):
                if len(group) == batch_size or not drop_remainder:
                    yield nest.map_structure(lambda *parts: stacked(parts), *group)

        full = None if self._length is None else divmod(self._length, batch_size)
        return self._next(begin, full and full[0] + (full[1] > 0 and not drop_remainder))

    def unbatch(self) -> "Dataset":
        """The single rows of the items."""

        def begin() -> Iterator[Any]:
            for item in self:
                for row in range(len(nest.flatten(item)[0])):
                    yield nest.map_structure(lambda array, row=row: array[row], item)

        return self._next(begin, None)


def stacked(parts: Any) -> np.ndarray:
    """Samples as a batch; texts and sequences of different lengths as an array of objects.

    >>> stacked(["a", "bcd"])
    array(['a', 'bcd'], dtype=object)
    """
    if isinstance(parts[0], str) or len({np.shape(part) for part in parts}) > 1:
        batch = np.empty(len(parts), object)
        batch[:] = parts
        return batch
    return np.stack(parts)


def chosen_rows(
    take: Callable[[np.ndarray], Any],
    count: int,
    batch_size: int | None,
    shuffle: bool,
    seed: int | None,
    workers: int = WORKERS,
    unpacks: bool = True,
) -> Dataset:
    """The data set whose batches `take` makes out of samples' numbers from 0 to below `count`.

    Batches are made in `workers` threads before they are asked for. Samples come in order, or for each pass in a new
    one that begins with the seed. Without `batch_size` they come one by one.

    >>> list(chosen_rows(lambda rows: rows * 10, 3, 2, shuffle=False, seed=None))
    [array([ 0, 10]), array([20])]
    """
    random = np.random.default_rng(make_default_seed() if seed is None else seed) if shuffle else None
    size = 1 if batch_size is None else batch_size
    if size < 1:
        raise ValueError(f"`batch_size` must be at least 1, or None for single samples; got {batch_size!r}.")

    pool = ThreadPoolExecutor(workers)

    def begin() -> Iterator[Any]:
        order = np.arange(count) if random is None else random.permutation(count)
        groups = (order[start : start + size] for start in range(0, count, size))
        batches = make_ahead(pool, take, groups, 2 * workers)
        if batch_size is None:
            return (nest.map_structure(lambda array: array[0], batch) for batch in batches)
        return batches

    chosen = Dataset(begin, -(-count // size), unpacks)
    chosen._generators = () if random is None else (random,)
    return chosen
