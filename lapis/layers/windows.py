"""Reading the arguments of layers whose windows slide over the spatial axes."""

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, TypeVar

_T = TypeVar("_T", bound=type)

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


def default_arguments(**defaults: Any) -> Callable[[_T], _T]:
    """A class decorator that gives the inherited constructor other defaults: `strides=(1, 1)` in place of 1.

    >>> class Base:
    ...     def __init__(self, size=1):
    ...         self.size = size
    >>> @default_arguments(size=(1, 1))
    ... class Square(Base): ...
    >>> Square().size, Base().size
    ((1, 1), 1)
    """

    def wrap(cls: _T) -> _T:
        shared: Any = cls.__init__  # pyright: ignore[reportGeneralTypeIssues]
        names = shared.__code__.co_varnames[: shared.__code__.co_argcount]
        known = dict(zip(names[::-1], (shared.__defaults__ or ())[::-1]))
        values = tuple(defaults.get(name, known[name]) for name in names if name in known)
        own: Any = FunctionType(shared.__code__, shared.__globals__, shared.__name__, values, shared.__closure__)
        own.__annotations__, own.__qualname__ = shared.__annotations__, f"{cls.__qualname__}.__init__"
        cls.__init__ = own  # pyright: ignore[reportGeneralTypeIssues]
        return cls

    return wrap
