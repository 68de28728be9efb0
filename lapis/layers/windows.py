"""Reading the arguments of layers whose windows slide over the spatial axes."""

from collections.abc import Sequence
from typing import Any

PADDINGS = ("valid", "same")


def int_tuple(value: Any, rank: int, name: str, least: int = 1) -> tuple[int, ...]:
    """`value` as one integer for each of `rank` spatial axes, none below `least`."""
    is_int = isinstance(value, int)
    sizes = (value,) * rank if is_int else tuple(value) if isinstance(value, Sequence) else ()
    if len(sizes) != rank or not all(hasattr(size, "__index__") for size in sizes):
        raise ValueError(f"`{name}` must be an integer or a tuple of {rank} integers; received {name}={value!r}.")
    if min(sizes) < least:
        raise ValueError(f"`{name}` must hold integers of {least} or more; received {name}={value!r}.")
    return tuple(int(size) for size in sizes)


def padding_name(value: Any, allowed: Sequence[str] = PADDINGS) -> str:
    """The padding's name in lower case."""
    name = value.lower() if isinstance(value, str) else value
    if name not in allowed:
        raise ValueError(f"`padding` must be one of {', '.join(map(repr, allowed))}; received padding={value!r}.")
    return name
