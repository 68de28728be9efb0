"""One adapter's batches, dealt out epoch by epoch."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

import lapis.core.nest as nest
from lapis.data.adapter import DataAdapter
from lapis.state import host_random_state, set_host_random_state

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
        self.tracks_position = False  # which takes 0.1 ms for each pass
        self._done = 0  # batches of the next epoch that are over already
        self._pass_start: dict[str, Any] = {}
        self._before_end: dict[str, Any] | None = None  # the host's random state before `on_epoch_end`
        self.epoch_start: dict[str, Any] = {}  # `position()` as the latest epoch began

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
                raise ValueError(
                    "The data hold no batches, so there is nothing to run on. A generator can be read only once."
                ) from None
        return self._ahead[0]

    def epoch(self) -> Iterator[tuple[int, int, list[Any]]]:
        """One epoch as `(first step, last step, batches)`."""
        done, self._done = self._done, 0
        if self.steps is None and self._taken and not done:
            self._drop_pass()
        self._begin()
        if self.tracks_position and not done:
            self.epoch_start = self.position()
        try:
            yield from self._chunks(done)
        finally:
            if self._taken and self._taken == self.adapter.num_batches:
                self._drop_pass()
            self._begun = False
            if self.tracks_position:
                self._before_end = host_random_state()
            self.adapter.on_epoch_end()

    def position(self) -> dict[str, Any]:
        """Where in the data the next epoch begins, and what its order is drawn from, as plain values."""
        if self._pass is None or (self.steps is None and self._taken):
            return self._fresh()
        return {**self._pass_start, "taken": self._taken, "learned": self._learned}

    def _fresh(self) -> dict[str, Any]:
        return {
            "order": [generator.bit_generator.state for generator in self.adapter.generators()],
            "host": host_random_state(),
            "before_end": self._before_end,
            "taken": 0,
            "learned": self._learned,
        }

    def go_to(self, position: dict[str, Any], done: int = 0) -> None:
        """Let the next epoch be the one that began at `position`, without its first `done` batches.

        The batches before that are read again, for what their source draws on the way. A source that can be read only
        once must be at its beginning.
        """
        self._learned, self._before_end = position["learned"], position["before_end"]
        passed = position["taken"] + done
        generators = self.adapter.generators()
        if passed and len(generators) != len(position["order"]):
            raise ValueError("Training broke off inside a pass over data that were shuffled in another way than these.")
        if not self.adapter.one_pass:
            self._drop_pass()
            self._begun = False
            if self._before_end is not None:
                set_host_random_state(self._before_end)
                self.adapter.on_epoch_end()
            set_host_random_state(position["host"])
            for generator, state in zip(generators, position["order"]):
                generator.bit_generator.state = state
        if passed:
            self._begin()
            self._pass_start = {**position, "taken": 0}
            for read in range(passed):
                try:
                    self._next()
                except StopIteration:
                    raise ValueError(
                        f"Training broke off after {passed} batches of a pass over the data, which now holds only "
                        f"{read}. Go on with the same data, or remove the backup."
                    ) from None
        self._taken, self._done, self.epoch_start = passed, done, position

    def _chunks(self, step: int) -> Iterator[tuple[int, int, list[Any]]]:
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
        start = self._fresh() if self.tracks_position and self._pass is None else self._pass_start
        if not self._begun:
            self._begun = True
            self.adapter.on_epoch_begin()
        if self._pass is None:
            self._pass_start = start
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
