"""Counting batches across epochs."""


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
