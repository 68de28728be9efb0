"""One adapter's batches, dealt out epoch by epoch."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

import lapis.core.nest as nest
from lapis.data.adapter import DataAdapter

# Batches that wait together must not fill the memory, however many of them a run could take.
_MOST_BYTES = 64 << 20


class Epochs:
    """Deals out an adapter's batches.

    Without `steps` an epoch is one pass over the data. With `steps` it is that many batches, and the next epoch goes
    on where this one stopped; a pass that ends inside an epoch ends the epoch, with a warning. `chunk` batches come
    at a time, or fewer if they are large.

    >>> import numpy as np
    >>> from lapis.data.arrays import ArrayAdapter
    >>> epochs = Epochs(ArrayAdapter(np.arange(6), batch_size=2), chunk=2)
    >>> [(first, last, len(batches)) for first, last, batches in epochs.epoch()]
    [(0, 1, 2), (2, 2, 1)]
    """

    def __init__(self, adapter: DataAdapter, steps: int | None = None, chunk: int = 1) -> None:
        if steps is not None and (int(steps) != steps or steps < 1):
            raise ValueError(f"The number of steps is {steps!r}; expected a whole number of at least 1, or None.")
        self.adapter = adapter
        self.steps = steps
        self.chunk = chunk
        self._learned: int | None = None  # how many batches the first whole pass turned out to have
        self._pass: Iterator[Any] | None = None
        self._taken = 0  # batches of the current pass that were dealt out
        self._ahead: list[Any] = []  # a batch that was looked at before its turn
        self._begun = False

    @property
    def num_batches(self) -> int | None:
        """How many batches an epoch has, `None` while that is not known."""
        return self.steps or self.adapter.num_batches or self._learned

    def peek(self) -> Any:
        """The next batch, which stays the next one."""
        self._begin()
        if not self._ahead:
            try:
                self._ahead.append(self._next())
            except StopIteration:
                raise ValueError("The data hold no batches, so there is nothing to run on.") from None
        return self._ahead[0]

    def epoch(self) -> Iterator[tuple[int, int, list[Any]]]:
        """One epoch as `(first step, last step, batches)`."""
        if self.steps is None and self._taken:
            self._drop_pass()
        self._begin()
        try:
            yield from self._chunks()
        finally:
            if self._taken and self._taken == self.adapter.num_batches:
                self._drop_pass()
            self._begun = False
            self.adapter.on_epoch_end()

    def _chunks(self) -> Iterator[tuple[int, int, list[Any]]]:
        step = 0
        while self.steps is None or step < self.steps:
            room = self.chunk if self.steps is None else min(self.chunk, self.steps - step)
            batches, ended = self._take(room)
            if batches:
                yield step, step + len(batches) - 1, batches
                step += len(batches)
            if ended:
                self._end_pass(step)
                break

    def close(self) -> None:
        """Let go of workers and open passes."""
        self._drop_pass()

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self.adapter.on_epoch_begin()
        if self._pass is None:
            self._pass = self.adapter.batches()
            self._taken = 0

    def _next(self) -> Any:
        if self._ahead:
            return self._ahead.pop()
        return next(self._pass)  # pyright: ignore[reportArgumentType]

    def _take(self, count: int) -> tuple[list[Any], bool]:
        """Up to `count` batches, and whether the pass ended before there were so many."""
        batches, size, ended = [], 0, False
        try:
            while len(batches) < count and size < _MOST_BYTES:
                batches.append(self._next())
                size += _size(batches[-1])
        except StopIteration:
            ended = True
        self._taken += len(batches)
        return batches, ended

    def _end_pass(self, step: int) -> None:
        self._drop_pass()
        if self.steps is None:
            self._learned = step or self._learned
            return
        warnings.warn(
            f"The data ended after {step} of the {self.steps} steps of this epoch. Let them yield more batches, or ask "
            "for fewer steps.",
            stacklevel=3,
        )

    def _drop_pass(self) -> None:
        if self._pass is not None and hasattr(self._pass, "close"):
            self._pass.close()  # pyright: ignore[reportAttributeAccessIssue]
        self._pass = None
        self._taken = 0
        self._ahead.clear()


def _size(batch: Any) -> int:
    """The bytes of a batch."""
    return batch.nbytes if isinstance(batch, np.ndarray) else sum(getattr(x, "nbytes", 0) for x in nest.flatten(batch))
