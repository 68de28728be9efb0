"""The largest batch for a memory budget: a line through two sizes, and then checks of what it says."""

import re
from collections.abc import Callable

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_START = (16, 64)
_MOST = 1 << 30
_ENOUGH, _AIM = 0.98, 0.995  # of the budget
_GROWTH = 256
_TRIES = 8


def parse_memory(memory: int | float | str) -> int:
    """A number of bytes from itself, or from a text with a unit: powers of 1000, or with an `i` of 1024.

    >>> parse_memory("16GB"), parse_memory("1.5 GiB"), parse_memory(1024)
    (16000000000, 1610612736, 1024)
    """
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([A-Za-z]*)\s*", memory) if isinstance(memory, str) else None
    if found is not None and found[2].upper() in _UNITS:
        return int(float(found[1]) * _UNITS[found[2].upper()])
    if isinstance(memory, (int, float)) and not isinstance(memory, bool) and memory > 0:
        return int(memory)
    raise ValueError(f"memory is {memory!r}; expected a number of bytes, or a text like '16GB' or '512MiB'.")


def largest_batch(peak: Callable[[int], int], budget: int) -> int:
    """The largest batch whose `peak(batch)` bytes are within the budget, or one that takes 98 % of it.

    The peak is nearly a line in the size of the batch, but the compiler chooses anew for each size: so what the line
    says is checked, and corrected until it holds. Raises a `ValueError` where a batch of one does not fit.

    >>> largest_batch(lambda batch: 1000 + 7 * batch, 100_000) in range(13857, 14143)
    True
    """
    known: dict[int, int] = {}

    def fits(batch: int) -> bool:
        known[batch] = known.get(batch) or peak(batch)
        return known[batch] <= budget

    small, large = _START
    if not fits(small):
        if not fits(1):
            raise ValueError(f"A batch of one takes {known[1]:,} bytes, more than the {budget:,} that there are.")
        small, large = 1, small
    fits(large)
    for _ in range(_TRIES):
        best = max(batch for batch, size in known.items() if size <= budget)
        over = min((batch for batch, size in known.items() if size > budget), default=_MOST)
        if known[best] >= _ENOUGH * budget or over - best <= 1:
            break
        other = over if over in known else max(batch for batch in known if batch < best)
        slope = (known[best] - known[other]) / (best - other)
        # A little below the line, so that the first guess usually fits.
        step = int((_AIM * budget - known[best]) / slope) if slope > 0 else _MOST
        fits(min(best + max(step, 1), best * _GROWTH, over - 1))
    return max(batch for batch, size in known.items() if size <= budget)
