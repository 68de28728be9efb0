"""A data set as a class: batch `i` on demand, from several workers if wanted."""

import itertools
import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import numpy as np

from lapis.core.notes import noting
from lapis.data.adapter import DataAdapter
from lapis.data.ahead import make_ahead
from lapis.data.iterables import standardize_batch
from lapis.data.packing import OutputClassWeights, with_class_weight
from lapis.state import make_default_seed


class PyDataset:
    """Base class of a data set that makes batch `index` when asked for it.

    Override `__getitem__`, which returns a batch `(x, y)`, `(x, y, sample_weight)` or `(x,)`, and `__len__`, the number
    of batches; for an endless data set override the property `num_batches` to be `None` instead. `on_epoch_begin` and
    `on_epoch_end` may change the data between epochs.

    `workers` threads, or processes with `use_multiprocessing=True` (the data set must then be picklable), make batches
    ahead of their use, at most `max_queue_size` of them. They come in the same order as without workers.

    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...
    ...     def __getitem__(self, index):
    ...         x = np.arange(2.0)[:, None] + index
    ...         return x, x**2
    >>> len(Squares(workers=2))
    3
    """

    # Values for subclasses that do not call the constructor below.
    workers: int = 1
    use_multiprocessing: bool = False
    max_queue_size: int = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs a __getitem__ method that returns a batch.")

    def __iter__(self) -> Iterator[Any]:
        count = self.num_batches
        for index in itertools.count() if count is None else range(count):
            yield self[index]

    @property
    def num_batches(self) -> int | None:
        """The number of batches in one pass, `None` for an endless data set."""
        if hasattr(self, "__len__"):
            return len(self)  # pyright: ignore[reportArgumentType]
        raise NotImplementedError(
            f"{type(self).__name__} needs a __len__ method, or a property num_batches that is None if it is endless."
        )

    def on_epoch_begin(self) -> None:
        """Called before the first batch of each epoch."""

    def on_epoch_end(self) -> None:
        """Called after the last batch of each epoch."""


_shared: Any = None  # in a worker process: its copy of the data set


def _share(dataset: PyDataset) -> None:
    global _shared
    _shared = dataset


def _fetch_shared(index: int) -> Any:
    return _shared[index]


class PyDatasetAdapter(DataAdapter):
    """Batches of a `PyDataset`; `shuffle=True` takes those of a finite one in a new order on each pass."""

    def __init__(
        self,
        dataset: PyDataset,
        shuffle: bool | str = False,
        class_weight: dict | OutputClassWeights | None = None,
        strings: bool = False,
    ) -> None:
        self.dataset = dataset
        self.strings = strings
        self.class_weight = class_weight
        if dataset.num_batches == 0:
            raise ValueError(f"{type(dataset).__name__} has no batches: its length is 0.")
        shuffled = shuffle and dataset.num_batches is not None
        self._generator = np.random.default_rng(make_default_seed()) if shuffled else None
        self._threads: ThreadPoolExecutor | None = None

    @property
    def num_batches(self) -> int | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.dataset.num_batches

    def batches(self) -> Iterator[Any]:
        done = 0
        with noting(lambda: f"In the data ({type(self.dataset).__name__}), as batch {done} of a pass was made."):
            for batch in self._fetch(self._order()):
                yield with_class_weight(standardize_batch(batch, self.strings), self.class_weight)
                done += 1

    def generators(self) -> Sequence[np.random.Generator]:
        return () if self._generator is None else (self._generator,)

    def _order(self) -> Iterable[int]:
        count = self.num_batches
        if count is None:
            return itertools.count()
        return range(count) if self._generator is None else map(int, self._generator.permutation(count))

    def _fetch(self, order: Iterable[int]) -> Iterator[Any]:
        if self.dataset.workers > 1 or (self.dataset.workers > 0 and self.dataset.use_multiprocessing):
            return self._fetch_ahead(order)
        return map(self.dataset.__getitem__, order)

    def _fetch_ahead(self, order: Iterable[int]) -> Iterator[Any]:
        count = self.dataset.max_queue_size
        if not self.dataset.use_multiprocessing:
            self._threads = self._threads or ThreadPoolExecutor(self.dataset.workers)
            yield from make_ahead(self._threads, self.dataset.__getitem__, order, count)
            return
        # Workers start afresh on each pass, with the data set as it is now; a forked copy of a process with JAX's
        # threads may hang.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.dataset.workers, context, _share, (self.dataset,)) as pool:
            yield from make_ahead(pool, _fetch_shared, order, count)

    def on_epoch_begin(self) -> None:
        self.dataset.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.dataset.on_epoch_end()
