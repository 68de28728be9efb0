"""Pairs of integers per axis, and which axes are meant."""

from typing import Any

from lapis.layers.windows import int_tuple

Pairs = tuple[tuple[int, int], ...]


def int_pairs(value: Any, count: int, name: str) -> Pairs:
    """A pair of integers (before, after) per axis, from one integer, one per axis, or the pairs."""
    per_axis = (value,) * count if isinstance(value, int) else value
    try:
        fits = len(per_axis) == count
    except TypeError:
        fits = False
    if not fits:
        raise ValueError(
            f"{name} is {value!r}; expected an integer, {count} integers, or {count} pairs (before, after)."
        )
    return tuple((pair[0], pair[1]) for pair in (int_tuple(axis, 2, name, least=0) for axis in per_axis))


def spatial_axes(data_format: str, rank: int) -> range:
    """The axes between batch and channels."""
    return range(2, rank + 2) if data_format == "channels_first" else range(1, rank + 1)
