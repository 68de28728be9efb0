"""How much a file may ask for; what is beyond is refused before it is read."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass(frozen=True)
class Limits:
    """What `load_model` and `load_weights` take from a file at most; the defaults let every usual model through.

    Args:
        members: files in an archive.
        expansion: bytes that a packed byte of an archive may become, beyond the first 64 MB.
        config_bytes: bytes of a config.
        config_values: numbers, texts and other values in a config.
        config_depth: how deep they may be nested.
        memory: bytes that the variables may take while a model is built; `None` for eight times what the arrays in the
            file take, and 64 MB more.

    >>> import lapis
    >>> lapis.saving.load_model("model.keras", limits=Limits(config_bytes=10))  # doctest: +SKIP
    Traceback (most recent call last):
    ...
    ValueError: The archive's config.json has 1,234 bytes; at most 10 are read.
    """

    members: int = 10_000
    expansion: int = 100
    config_bytes: int = 32 << 20
    config_values: int = 1_000_000
    config_depth: int = 300
    memory: int | None = None


_USUAL = Limits()
_current: ContextVar[Limits] = ContextVar("limits", default=_USUAL)


def current() -> Limits:
    """The limits of the load that is going on."""
    return _current.get()


@contextmanager
def reading(limits: Limits | None) -> Iterator[None]:
    """Within the block, a file is read under these limits; an error leaves the seed of the process as it was."""
    if limits is not None and not isinstance(limits, Limits):
        raise TypeError(f"limits must be a lapis.saving.Limits; got {limits!r}.")
    token = _current.set(limits or current())
    seed = random.getstate()
    try:
        yield
    except BaseException:
        random.setstate(seed)
        raise
    finally:
        _current.reset(token)


def limited(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let a function that reads a file take `limits` among its further keyword arguments."""

    @wraps(function)
    def call(*args: Any, limits: Limits | None = None, **kwargs: Any) -> Any:
        with reading(limits):
            return function(*args, **kwargs)

    return call  # pyright: ignore[reportReturnType]
