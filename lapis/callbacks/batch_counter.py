"""Counting batches across epochs."""

from typing import Any


class BatchCounter:
    """Tells when `frequency` batches have gone by; never for a frequency that is no number.

    >>> counter = BatchCounter(2)
    >>> [counter.is_due(batch) for batch in (0, 1, 2, 0)]
    [False, True, False, True]
    """

    def __init__(self, frequency: str | int | bool) -> None:
        self.frequency = frequency if isinstance(frequency, int) else 0
        self.last: int | None = None
        self.since = 0

    def state(self) -> dict[str, Any]:
        """Where the count is."""
        return {"last": self.last, "since": self.since}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on counting from there."""
        self.last, self.since = state["last"], state["since"]

    def is_due(self, batch: int) -> bool:
        """Count up to `batch`, and say whether enough batches have gone by."""
        if not self.frequency:
            return False
        new_epoch = self.last is None or batch <= self.last
        self.since += batch + 1 if new_epoch else batch - (self.last or 0)
        self.last = batch
        if self.since < self.frequency:
            return False
        self.since = 0
        return True
