"""The base class of quantizers."""

from typing import Any

from lapis.core.serialization import builtin


@builtin("keras.quantizers")
class Quantizer:
    """A function from tensors to tensors of few bits. A subclass writes `__call__` and `get_config`.

    Args:
        output_dtype: the type that comes out.

    >>> import lapis
    >>> class Halves(Quantizer):
    ...     def __call__(self, x):
    ...         return lapis.ops.cast(lapis.ops.round(x * 2), self.output_dtype)
    >>> Halves()(lapis.ops.array([0.4, 1.0])).tolist()
    [1, 2]
    """

    def __init__(self, output_dtype: str = "int8") -> None:
        self.output_dtype = output_dtype

    def __call__(self, x: Any) -> Any:
        """The tensor as it came."""
        return x

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Quantizer":
        """The quantizer again, from what `get_config` gave."""
        return cls(**config)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data; a subclass says which."""
        raise NotImplementedError(f"{type(self).__name__} has no get_config method.")
