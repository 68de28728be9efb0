"""Making things some way ahead of their use, in other threads or processes.

A pool is kept from one pass to the next, because the C library keeps some of the memory of each new thread.
"""

import collections
import itertools
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from typing import Any

_END = object()


def make_ahead(pool: Executor, make: Callable[[Any], Any], keys: Iterable[Any], count: int) -> Generator[Any]:
    """`make(key)` for each key in order, at most `count` of them before they are asked for.

    However it ends, nothing is being made any more afterwards.

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
            del made  # the reader's alone, lest it stay in memory until the next is asked for
    finally:
        wait([future for future in waiting if not future.cancel()])


def take_ahead(pool: ThreadPoolExecutor, source: Iterable[Any], count: int) -> Generator[Any]:
    """The source's items, taken in the pool's one thread before they are asked for.

    >>> list(take_ahead(ThreadPoolExecutor(1), range(4), 2))
    [0, 1, 2, 3]
    """
    items = iter(source)
    made = make_ahead(pool, lambda _: next(items, _END), itertools.repeat(None), count)
    try:
        yield from itertools.takewhile(lambda item: item is not _END, made)
    finally:
        made.close()
        if isinstance(items, Generator):
            items.close()
