"""What the pooling layers have in common."""

from collections.abc import Sequence
from typing import Any, ClassVar

from lapis.core.config import standardize_data_format
from lapis.layers.input_spec import InputSpec
from lapis.layers.layer import Layer
from lapis.layers.windows import int_tuple, padding_name


class WindowPooling(Layer):
    """One value for each window and channel, the windows sliding over `rank` spatial axes."""

    rank: ClassVar[int]

    def __init__(
        self,
        pool_size: int | Sequence[int],
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.pool_size = int_tuple(pool_size, self.rank, "pool_size")
        self.strides = self.pool_size if strides is None else int_tuple(strides, self.rank, "strides")
        self.padding = padding_name(padding)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self.built = True  # whatever the shape

    def get_config(self) -> dict[str, Any]:
        names = ("pool_size", "padding", "strides", "data_format")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


class GlobalPooling(Layer):
    """One value for each sample and channel, over all positions."""

    rank: ClassVar[int]

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self.built = True  # whatever the shape

    @property
    def _axes(self) -> tuple[int, ...]:
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format, "keepdims": self.keepdims}
