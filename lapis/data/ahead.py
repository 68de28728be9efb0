"""Making things some way ahead of their use, in other threads or processes."""

import collections
import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

_END = object()


def make_ahead(pool: Executor, make: Callable[[Any], Any], keys: Iterable[Any], count: int) -> Iterator[Any]:
    """`make(key)` for each key in order, at most `count` of them before they are asked for. The pool is used up.

    >>> list(make_ahead(ThreadPoolExecutor(2), abs, [-1, -2, -3], 2))
    [1, 2, 3]
    """
    remaining = iter(keys)
    waiting: collections.deque = collections.deque()
    try:
        for key in itertools.islice(remaining, max(count, 1)):
            waiting.append(pool.submit(make, key))
        while waiting:
            made = waiting.popleft().result()
            for key in itertools.islice(remaining, 1):
                waiting.append(pool.submit(make, key))
            yield made
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def take_ahead(source: Iterable[Any], count: int) -> Iterator[Any]:
    """The source's items, taken in another thread before they are asked for.

    >>> list(take_ahead(range(4), 2))
    [0, 1, 2, 3]
    """
    items = iter(source)
    made = make_ahead(ThreadPoolExecutor(1), lambda _: next(items, _END), itertools.repeat(None), count)
    try:
        yield from itertools.takewhile(lambda item: item is not _END, made)
    finally:
        made.close()  # pyright: ignore[reportAttributeAccessIssue]
        if hasattr(items, "close"):
            items.close()  # pyright: ignore[reportAttributeAccessIssue]
