"""Masks, and sums over parts, as TensorFlow's programs for sequences and graphs make them."""

from typing import Any

import lapis.ops as ops


def broadcast_to(input: Any, shape: Any, name: str | None = None) -> Any:
    """`input` repeated until it has `shape`."""
    return ops.broadcast_to(input, shape)


def sequence_mask(lengths: Any, maxlen: int | None = None, dtype: Any = "bool", name: str | None = None) -> Any:
    """Which steps are within each length, `(..., maxlen)`; `maxlen` is the greatest length unless given."""
    lengths = ops.convert_to_tensor(lengths)
    steps = ops.arange(int(ops.max(lengths)) if maxlen is None else maxlen)
    return ops.cast(steps < ops.expand_dims(lengths, -1), dtype)


def band_part(input: Any, num_lower: int, num_upper: int, name: str | None = None) -> Any:
    """The matrices `(..., rows, columns)` with zeros beyond so many diagonals below and above; all with -1."""
    rows, columns = ops.shape(input)[-2:]
    below = ops.arange(rows)[:, None] - ops.arange(columns)
    kept = ops.logical_and(num_lower < 0 or below <= num_lower, num_upper < 0 or -below <= num_upper)
    return ops.where(kept, input, ops.zeros_like(input))


def unsorted_segment_sum(data: Any, segment_ids: Any, num_segments: int, name: str | None = None) -> Any:
    """The rows of each of `num_segments` segments added up."""
    return ops.segment_sum(data, segment_ids, num_segments=num_segments)
