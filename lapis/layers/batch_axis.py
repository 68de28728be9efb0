"""The first axis: that of the samples."""

from collections.abc import Sequence
from typing import Any


def is_batch_axis(axis: int | Sequence[int], ranks: list[int]) -> bool:
    """Whether an axis, or one of several, is the first one of a tensor with one of these numbers of axes.

    >>> is_batch_axis(-1, [2]), is_batch_axis((1, -2), [2])
    (False, True)
    """
    axes: Any = [axis] if isinstance(axis, int) else axis
    return any(one % rank == 0 for one in axes for rank in ranks if rank)
