"""Sequences of different lengths as one array."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Sequences cut and filled up to one length.

    Args:
        sequences: sequences of numbers, or of arrays of one shape.
        maxlen: the length; by default that of the longest sequence.
        dtype: the array's dtype; `object` for strings of different lengths.
        padding: where to fill up, "pre" or "post".
        truncating: where to cut, "pre" or "post".
        value: what to fill with.

    Returns:
        `(len(sequences), maxlen, ...)`.

    Raises:
        ValueError: what is no sequence of sequences, elements of different shapes, or an unknown option.

    >>> pad_sequences([[1], [2, 3]], maxlen=3)
    array([[0, 0, 1],
           [0, 2, 3]], dtype=int32)
    """
    for name, option in (("padding", padding), ("truncating", truncating)):
        if option not in ("pre", "post"):
            raise ValueError(f"`{name}` must be 'pre' or 'post'; got {option!r}.")
    if not hasattr(sequences, "__len__"):
        raise ValueError(f"`sequences` must be a sequence of sequences; got {type(sequences).__name__}.")
    for each in sequences:
        if not hasattr(each, "__len__"):
            raise ValueError(f"`sequences` must hold sequences; got {each!r}, a {type(each).__name__}.")
    kind = np.dtype(dtype).kind
    if isinstance(value, str) and kind not in "OUS":
        raise ValueError(f"The filling {value!r} is a string, but `dtype` is {dtype}; use dtype=object.")
    length = max((len(each) for each in sequences), default=0) if maxlen is None else maxlen
    shape = next((np.asarray(each).shape[1:] for each in sequences if len(each)), ())
    out = np.full((len(sequences), length, *shape), value, dtype=dtype)
    for i, each in enumerate(sequences):
        kept = each[max(0, len(each) - length) :] if truncating == "pre" else each[:length]
        if not len(kept):
            continue
        row = np.asarray(kept, dtype=dtype)
        if row.shape[1:] != shape:
            raise ValueError(f"Sequence {i} holds elements of shape {row.shape[1:]}, the first one of shape {shape}.")
        if padding == "pre":
            out[i, length - len(row) :] = row
        else:
            out[i, : len(row)] = row
    return out
