"""What one child process measures: seconds, with lower always better, and the peak of its memory."""

import itertools
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

from benchmarks.data import Data
from benchmarks.works import Work

Figures = dict[str, float]


class Session(Protocol):
    """A peer's side: how a model is built, trained and used there."""

    version: str

    def build(self, work: Work) -> None: ...
    def build_only(self, name: str, size: int, classes: int) -> int: ...
    def fit(self, data: Data, epochs: int) -> tuple[list[float], list[float]]: ...
    def evaluate(self, data: Data) -> None: ...
    def predict(self, data: Data) -> Any: ...
    def call(self, data: Data) -> Any: ...


def peak_bytes() -> float:
    """The most memory that this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else 1024 * peak)


def steady(start: float, ends: list[float], steps: int) -> Figures:
    """Seconds of the first epoch from the start of building, and of a step in the epochs after it, their median."""
    later = [after - before for before, after in itertools.pairwise(ends)]
    return {"first_epoch": ends[0] - start, "step": statistics.median(later) / steps}


def repeated(act: Callable[[], Any], budget: float, most: int) -> float:
    """The median seconds of one act, after two to warm up, within about the budget."""
    act()
    act()
    seconds: list[float] = []
    while len(seconds) < most and (len(seconds) < 3 or sum(seconds) < budget):
        start = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def trained(session: Session, work: Work, data: Data, epochs: int) -> tuple[Figures, list[float]]:
    """Build, fit, and what the work asks for after that; the figures, and the loss of each epoch."""
    start = time.perf_counter()
    session.build(work)
    ends, losses = session.fit(data, epochs)
    figures = steady(start, ends, work.steps) | {"peak": peak_bytes()}
    thousands = len(next(iter(data.x.values()))) / 1000
    row = data.rows(1)
    if "evaluate" in work.extras:
        figures["evaluate"] = repeated(lambda: session.evaluate(data), 1.0, 5) / thousands
    if "predict" in work.extras:
        figures["predict"] = repeated(lambda: session.predict(data), 1.0, 5) / thousands
    if "row" in work.extras:
        figures["predict_row"] = repeated(lambda: session.predict(row), 0.5, 300)
        figures["call_row"] = repeated(lambda: session.call(row), 0.5, 300)
    if "rebuild" in work.extras:
        start = time.perf_counter()
        session.build(work)
        ends, _ = session.fit(data, 1)
        figures["rebuild"] = ends[0] - start
    return figures, losses


def started(session: Session, work: Work, data: Data) -> tuple[Figures, list[float]]:
    """The first step alone: one batch."""
    start = time.perf_counter()
    session.build(work)
    ends, losses = session.fit(data.rows(work.batch), 1)
    return {"first_step": ends[0] - start}, losses


def built(session: Session, name: str) -> Figures:
    """The full-size model with its weights initialised."""
    start = time.perf_counter()
    session.build_only(name, size=224, classes=1000)
    return {"build": time.perf_counter() - start, "peak": peak_bytes()}
