"""Batches on their way to the device."""

from collections.abc import Iterator
from typing import Any

import jax


def to_device(chunks: Iterator[tuple[int, int, list[Any]]]) -> Iterator[tuple[int, int, list[Any]]]:
    """The chunks themselves on a CPU; on an accelerator each is sent ahead while the one before it is at work."""
    if jax.default_backend() == "cpu":
        yield from chunks
        return
    sent = None
    for first, last, batches in chunks:
        ahead = first, last, jax.device_put(batches)
        if sent is not None:
            yield sent
        sent = ahead
    if sent is not None:
        yield sent
