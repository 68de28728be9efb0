"""How many steps go into one run of a program."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax

# Long enough that sending a run off (about 0.2 ms) is below 2 % of it; short enough that two of them, the most that
# are ever under way, end within 200 ms of an interrupt.
_SECONDS = 0.06
_MOST = 4096
_GROWTH = 8  # an estimate from few steps is coarse


class Pace:
    """Chooses the number of steps of each run: a fixed one, or what takes about 60 ms, found by timing.

    `seconds_per_step` is an estimate to begin with, from runs before.

    >>> pace = Pace(None)
    >>> pace.steps
    1
    >>> pace.learn(steps=1, seconds=0.01)
    >>> pace.steps
    6
    """

    def __init__(self, fixed: int | None, seconds_per_step: float | None = None) -> None:
        self.fixed = fixed
        self.seconds_per_step = seconds_per_step
        self._last = 1 if seconds_per_step is None else _MOST
        self._under_way: list[_Sent] = []
        self._ended: float | None = None

    @property
    def steps(self) -> int:
        """How many steps the next run is to have."""
        if self.fixed is not None:
            return self.fixed
        if self.seconds_per_step is None:
            return 1
        self._last = max(1, min(int(_SECONDS / self.seconds_per_step), self._last * _GROWTH, _MOST))
        return self._last

    def learn(self, steps: int, seconds: float) -> None:
        """Take in how long a run took."""
        now, before = seconds / steps, self.seconds_per_step
        self.seconds_per_step = now if before is None else 0.5 * (before + now)

    def sent(self, result: Any, steps: int, timed: bool, release: Callable[[], None]) -> None:
        """A run was sent off; wait until at most one is under way.

        Args:
            result: what it gives back.
            steps: its steps.
            timed: whether its time tells anything; not that of a run which had to be compiled.
            release: called when it has ended.
        """
        self._under_way.append(_Sent(result, steps, timed, release))
        while len(self._under_way) > 1:
            self._wait()

    def rest(self) -> None:
        """Wait for all that is under way; the time from here to the next run is not counted."""
        while self._under_way:
            self._wait()
        self._ended = None

    def _wait(self) -> None:
        sent = self._under_way.pop(0)
        jax.block_until_ready(sent.result)
        sent.release()
        now = time.perf_counter()
        if sent.timed and self._ended is not None:
            self.learn(sent.steps, now - self._ended)
        self._ended = now


class _Sent(NamedTuple):
    result: Any
    steps: int
    timed: bool
    release: Callable[[], None]
