"""A line of progress: how far, how fast, and the metrics."""

import os
import shutil
import sys
import time
from collections.abc import Iterable
from typing import Any

from lapis.callbacks.logs import print_line
from lapis.core.logging import is_interactive_logging_enabled

_BOLD, _GREEN, _GREY, _END = "\033[1m", "\033[32m", "\033[37m", "\033[0m"


def _format_value(value: float) -> str:
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"


def _format_step_time(seconds: float, unit: str) -> str:
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s/{unit}"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.0f}ms/{unit}"
    return f"{seconds * 1e6:.0f}us/{unit}"


def _format_eta(seconds: float) -> str:
    hours, minutes, rest = int(seconds) // 3600, int(seconds) % 3600 // 60, int(seconds) % 60
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}" if minutes else f"{rest}s"


class Progbar:
    """Shows how many of `target` steps are done.

    On a terminal the line is drawn again and again in place; elsewhere it is written once, when it is complete.

    Args:
        target: how many steps there are, `None` if that is not known.
        width: how many characters wide the bar is.
        verbose: 0 shows nothing, 1 the bar, 2 one plain line at the end.
        interval: the least number of seconds between two drawings.
        stateful_metrics: names whose values are shown as they are instead of averaged over the steps.
        stateless_metrics: names that are averaged, if the others are not to be; not together with the former.
        unit_name: what a step is called.

    >>> import io, contextlib
    >>> with contextlib.redirect_stdout(io.StringIO()) as out:
    ...     Progbar(2, verbose=2).update(2, [("loss", 0.25)])
    >>> out.getvalue().startswith("2/2 - 0s - "), out.getvalue().endswith(" - loss: 0.2500\\n")
    (True, True)
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Give either stateful_metrics or stateless_metrics; each says what the other leaves out.")
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self._stateful = None if stateful_metrics is None else frozenset(stateful_metrics)
        self._stateless = None if stateless_metrics is None else frozenset(stateless_metrics)
        self._sums: dict[str, tuple[float, int]] = {}
        self._done = 0
        self._start = time.perf_counter()
        self._after_first: float | None = None
        self._first_steps = 0
        self._last_drawn = float("-inf")
        stream = sys.stdout
        terminal = bool(getattr(stream, "isatty", lambda: False)()) or "ipykernel" in sys.modules
        self._live = terminal and is_interactive_logging_enabled()
        self._mark = "━" if "utf" in (getattr(stream, "encoding", None) or "utf-8").lower() else "="

    def is_due(self) -> bool:
        """Whether enough time has passed since the last drawing for `update` to draw again."""
        return self.verbose == 1 and self._live and time.perf_counter() - self._last_drawn >= self.interval

    def update(
        self, current: int, values: Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """Take note that `current` steps are done and of the metrics' values, and draw.

        The last call (`finalize`, by itself when `current` reaches the target) ends the line.
        """
        finalize = (self.target is not None and current >= self.target) if finalize is None else finalize
        for name, value in values or ():
            self._note(name, float(value), current, finalize)
        now = time.perf_counter()
        seconds = self._seconds_per_step(current, now)
        self._done = current
        if self.verbose == 1 and (finalize or self.is_due()):
            self._draw(self._bar_line(current, now, seconds, finalize), finalize)
            self._last_drawn = now
        elif self.verbose == 2 and finalize:
            print_line(f"{self._count(current)} - {self._tail(now, seconds, ' - ')}")

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """`n` more steps are done."""
        self.update(self._done + n, values)

    def _note(self, name: str, value: float, current: int, finalize: bool) -> None:
        averaged = name in self._stateless if self._stateless is not None else name not in (self._stateful or ())
        if not averaged or (finalize and self._stateless is not None):
            self._sums[name] = value, 1
            return
        steps = max(current - self._done, 1)
        total, count = self._sums.get(name, (0.0, 0))
        self._sums[name] = total + value * steps, count + steps

    def _seconds_per_step(self, current: int, now: float) -> float:
        """The first step also compiles, so it is left out as soon as there are others."""
        if not current:
            return 0.0
        if self._after_first is not None and current > self._first_steps:
            return (now - self._after_first) / (current - self._first_steps)
        if self._after_first is None:
            self._after_first, self._first_steps = now, current
        return (now - self._start) / current

    def _count(self, current: int) -> str:
        if not self.target:
            return f"{current}/Unknown"
        return f"{current:>{len(str(self.target))}}/{self.target}"

    def _tail(self, now: float, seconds: float, before_step_time: str) -> str:
        parts = [f"{now - self._start:.0f}s{before_step_time}{_format_step_time(seconds, self.unit_name)}"]
        parts += [f"{name}: {_format_value(total / count)}" for name, (total, count) in self._sums.items()]
        return " - ".join(parts)

    def _bar_line(self, current: int, now: float, seconds: float, finalize: bool) -> tuple[str, str]:
        """The line without and with colours."""
        count, filled = self._count(current), 0
        if self.target:
            filled = min(int(self.width * current / self.target), self.width)
        bar = (self._mark * filled, self._mark * (self.width - filled)) if self.target else ("", "")
        tail = self._tail(now, seconds, " ")
        if self.target and not finalize:
            tail = _format_eta(seconds * (self.target - current)) + tail[tail.index("s") + 1 :]
        plain = f"{count} {bar[0]}{bar[1]} {tail}"
        coloured = f"{_BOLD}{count}{_END} {_GREEN}{bar[0]}{_END}{_GREY}{bar[1]}{_END} {tail}"
        return plain, coloured

    def _draw(self, line: tuple[str, str], finalize: bool) -> None:
        plain, coloured = line
        if not self._live:
            print_line(plain)
            return
        columns = shutil.get_terminal_size().columns
        fits = len(plain) < columns or finalize  # a line that wraps cannot be drawn over
        shown = coloured if fits and "NO_COLOR" not in os.environ else plain if fits else plain[: columns - 1]
        sys.stdout.write("\r\033[K" + shown + ("\n" if finalize else ""))
        sys.stdout.flush()
