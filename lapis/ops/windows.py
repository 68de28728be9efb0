"""What convolution and pooling share: windows that slide over the spatial axes of `(batch, ..., channels)`."""

from collections.abc import Sequence
from typing import Any

import lapis.core.config as config


def per_axis(value: int | Sequence[int], rank: int, name: str) -> tuple[int, ...]:
    """One integer for each spatial axis; a single integer serves all of them."""
    sizes = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(sizes) != rank:
        raise ValueError(
            f"{name} is {value!r}, which has {len(sizes)} entries, but the inputs have {rank} spatial axes. "
            f"Pass an integer or {rank} integers."
        )
    return sizes


def check_rank(inputs: Any, op: str) -> int:
    """The number of spatial axes."""
    rank = len(inputs.shape) - 2
    if rank < 1:
        raise ValueError(
            f"{op} needs inputs with a batch axis, at least one spatial axis and a channel axis; "
            f"it got shape {tuple(inputs.shape)}."
        )
    return rank


def check_padding(padding: str, op: str, allowed: tuple[str, ...] = ("valid", "same")) -> str:
    """The padding's name in lower case."""
    name = padding.lower() if isinstance(padding, str) else padding
    if name not in allowed:
        raise ValueError(f"{op} got padding={padding!r}; expected one of {', '.join(map(repr, allowed))}.")
    return name


def find_axes(rank: int, data_format: str | None) -> tuple[tuple[int, ...], int]:
    """Where the spatial axes are, and where the channel axis is."""
    if config.standardize_data_format(data_format) == "channels_last":
        return tuple(range(1, rank + 1)), rank + 1
    return tuple(range(2, rank + 2)), 1


def check_fit(sizes: Sequence[Any], windows: Sequence[int], op: str) -> None:
    """A `ValueError` where a window is wider than the axis that it slides over; unknown sizes pass."""
    for axis, (size, window) in enumerate(zip(sizes, windows)):
        if isinstance(size, int) and size < window:
            raise ValueError(
                f"The output of {op} would be empty: along spatial axis {axis} the window covers {window} positions, "
                f'and the input has {size}. Use a smaller window or dilation, larger inputs, or padding="same".'
            )
