"""The base class of what a weight is put through after each update."""

from typing import Any, Self

from lapis.core.serialization import builtin


@builtin("keras.constraints")
class Constraint:
    """Called with a weight, gives the nearest value that is allowed; the base class allows all.

    A subclass writes `__call__`, and `get_config` where its constructor takes arguments.

    >>> class AtMostOne(Constraint):
    ...     def __call__(self, w):
    ...         return w.clip(max=1.0)
    """

    def __call__(self, w: Any) -> Any:
        """The allowed value for this weight."""
        return w

    def get_config(self) -> dict:
        """The constructor's arguments as plain data."""
        return {}

    @classmethod
    def from_config(cls, config: dict) -> Self:
        """The constraint that `get_config()` describes."""
        return cls(**config)
