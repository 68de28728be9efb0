"""The base class of penalties on weights and outputs."""

from typing import Any, Self

from lapis.core.serialization import builtin


@builtin("keras.regularizers")
@builtin("keras")
class Regularizer:
    """A penalty: called with a weight or an output, gives the number that is added to the loss.

    A subclass writes `__call__` and `get_config`. Any function of one array serves as well.

    >>> class Mean(Regularizer):
    ...     def __call__(self, x):
    ...         return x.mean()
    """

    def __call__(self, x: Any) -> Any:
        """The penalty for this array, a scalar."""
        return 0.0

    def get_config(self) -> dict:
        """The constructor's arguments as plain data."""
        raise NotImplementedError(f"{type(self).__name__} has no get_config(), so it cannot be saved; write one.")

    @classmethod
    def from_config(cls, config: dict) -> Self:
        """The regularizer that `get_config()` describes."""
        return cls(**config)
