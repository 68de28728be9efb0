"""A data set cut in two."""

import random
from collections.abc import Iterable
from typing import Any

import numpy as np

from lapis.core import nest


def split_dataset(
    dataset: Any,
    left_size: float | int | None = None,
    right_size: float | int | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """A data set cut in two.

    Arrays stay arrays in the structure that they were in, so that either part can be given to `fit`; of anything else
    that can be iterated over, such as a list of samples, each part is a list.

    Args:
        dataset: an array, a tuple, list or dict of arrays with equally many rows, or an iterable of samples.
        left_size: the first part's size, as a part between 0 and 1 or as a number of samples; by default the rest.
        right_size: the second part's size, likewise.
        shuffle: whether to shuffle before cutting.
        seed: the seed for that.
        preferred_backend: kept for Keras's signature.

    Returns:
        The first and the second part.

    Raises:
        ValueError: sizes that are missing, impossible or too large together.

    >>> left, right = split_dataset(np.arange(10), left_size=0.8)
    >>> left.shape, right.shape
    ((8,), (2,))
    """
    del preferred_backend
    arrays = isinstance(dataset, (np.ndarray, dict)) or nest.is_nested(dataset)
    arrays = arrays and all(isinstance(x, np.ndarray) and x.ndim for x in nest.flatten(dataset))
    samples = dataset if arrays else listed(dataset)
    lengths = {len(x) for x in nest.flatten(dataset)} if arrays else {len(samples)}
    if len(lengths) != 1:
        raise ValueError(f"The arrays to split must have equally many rows; got {sorted(lengths)}.")
    total = lengths.pop()
    left, right = sizes(total, left_size, right_size)
    order = list(range(total))
    if shuffle:
        random.Random(seed if seed is not None else random.randrange(2**32)).shuffle(order)
    parts = order[:left], order[total - right :]
    if arrays:
        first, second = (nest.map_structure(lambda x, rows=rows: x[rows], dataset) for rows in parts)
    else:
        first, second = ([samples[i] for i in rows] for rows in parts)
    return first, second


def listed(dataset: Any) -> list[Any]:
    if not isinstance(dataset, Iterable):
        raise TypeError(f"`dataset` must be arrays or something to iterate over; got a {type(dataset).__name__}.")
    return list(dataset)


def sizes(total: int, left: float | int | None, right: float | int | None) -> tuple[int, int]:
    """The two parts' numbers of samples."""
    if left is None and right is None:
        raise ValueError("`split_dataset` needs `left_size`, `right_size` or both.")
    counts = [count(total, size, name) for size, name in ((left, "left_size"), (right, "right_size"))]
    first = counts[0] if counts[0] is not None else total - (counts[1] or 0)
    second = counts[1] if counts[1] is not None else total - first
    if first + second > total:
        raise ValueError(
            f"left_size={left} and right_size={right} ask for {first + second} samples, but there are {total}."
        )
    if not first or not second:
        raise ValueError(f"left_size={left} and right_size={right} leave one part of the {total} samples empty.")
    return first, second


def count(total: int, size: float | int | None, name: str) -> int | None:
    """A size as a number of samples."""
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, (int, float, np.integer, np.floating)):
        raise TypeError(f"`{name}` must be a number; got {size!r}.")
    if isinstance(size, (float, np.floating)):
        if not 0 < size < 1:
            raise ValueError(f"`{name}` as a float must lie between 0 and 1; got {size}.")
        return round(size * total)
    if not 0 < size < total:
        raise ValueError(f"`{name}` as an integer must lie between 1 and {total - 1}; got {size}.")
    return int(size)
