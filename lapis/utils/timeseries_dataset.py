"""Windows of a time series as batches."""

import math
from typing import Any

import numpy as np

from lapis.data.dataset import Dataset, chosen_rows
from lapis.data.directory import RETURN_FORMATS


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Dataset:
    """Windows of `sequence_length` steps of a time series, with their targets, cut when they are asked for.

    The window that begins at step `i` holds the steps `i`, `i + sampling_rate`, `i + 2 * sampling_rate` and so on, and
    its target is `targets[i]`. To foretell the step after each window, pass `data[:-n]` and `data[n:]`, where `n` is
    `sequence_length * sampling_rate`. Only whole windows count.

    Args:
        data: the steps, `(time, ...)`.
        targets: `(time, ...)`, or `None` for windows alone.
        sequence_length: steps in a window.
        sequence_stride: steps from a window's beginning to the next window's.
        sampling_rate: steps from one of a window's steps to the next.
        batch_size: windows in a batch; `None` for single windows.
        shuffle: whether windows come in an order that the seed makes, a new one for each pass.
        seed: seed of the order.
        start_index: steps before this one are left out.
        end_index: steps from this one on are left out.
        format: the conventions of "tf" or "grain" for `map` and `filter`: functions of `(windows, targets)` as two
            arguments, or as one tuple. Either way the data set is Lapis's own.

    Raises:
        ValueError: numbers that do not fit the data.

    >>> dataset = timeseries_dataset_from_array(np.arange(6), np.arange(6) * 10, 2, sequence_stride=2, sampling_rate=2)
    >>> [(x.tolist(), y.tolist()) for x, y in dataset]
    [([[0, 2], [2, 4]], [0, 20])]
    """
    data = np.asarray(data)
    steps = len(data)
    start, end = start_index or 0, end_index or steps
    for name, value, least, most in (
        ("start_index", start, 0, steps - 1),
        ("end_index", end, start + 1, steps),
        ("sampling_rate", sampling_rate, 1, steps - 1),
        ("sequence_stride", sequence_stride, 1, steps - 1),
        ("sequence_length", sequence_length, 1, math.inf),
    ):
        if not least <= value <= most:
            raise ValueError(f"`{name}` must be from {least} to {most} for data of {steps} steps; got {value}.")
    if format not in RETURN_FORMATS:
        raise ValueError(f"`format` must be 'tf' or 'grain'; got {format!r}.")
    targets = None if targets is None else np.asarray(targets)
    count = end - start - (sequence_length - 1) * sampling_rate
    if targets is not None:
        count = min(count, len(targets) - start)
    beginnings = start + np.arange(0, max(count, 0), sequence_stride)
    within = np.arange(sequence_length) * sampling_rate

    def take(rows: np.ndarray) -> Any:
        chosen = beginnings[rows]
        windows = data[chosen[:, None] + within]
        return windows if targets is None else (windows, targets[chosen])

    return chosen_rows(take, len(beginnings), batch_size, shuffle, seed, workers=1, unpacks=format == "tf")
