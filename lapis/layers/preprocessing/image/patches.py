"""One rectangle in each image of a batch."""

from typing import Any

import lapis.ops as ops
import lapis.random as random


def draw_stretch(count: Any, length: Any, ratio: Any, dtype: str, seed: Any) -> tuple[Any, Any]:
    """Where stretches of `ratio * length` begin and end, each somewhere between 0 and `length`."""
    size = ops.cast(ratio * length, dtype)
    start = random.uniform((count,), dtype=dtype, seed=seed) * (length - size)
    return start, start + size


def covered(place_x: tuple, place_y: tuple, width: Any, height: Any, channels_first: bool) -> Any:
    """Which pixels lie in the rectangles between places across and places down: `(batch, height, width, 1)`."""

    def within(place: tuple, length: Any) -> Any:
        start, end = place
        pixel = ops.arange(length, dtype=start.dtype)
        return (pixel >= start[:, None]) & (pixel < end[:, None])

    inside = within(place_y, height)[:, :, None] & within(place_x, width)[:, None, :]
    return ops.expand_dims(inside, 1 if channels_first else -1)
