"""Pooling to a given output size."""

from collections.abc import Sequence
from typing import Any, ClassVar

import lapis.ops as ops
from lapis.core.config import standardize_data_format
from lapis.core.serialization import builtin
from lapis.layers.layer import Layer
from lapis.state import claim_memory


class AdaptivePooling(Layer):
    """As many windows along each spatial axis as `output_size` says, whatever the size of the inputs."""

    rank: ClassVar[int]

    def __init__(self, output_size: int | Sequence[int], data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes = (output_size,) * self.rank if isinstance(output_size, int) else output_size
        if not isinstance(sizes, (list, tuple)) or len(sizes) != self.rank:
            raise TypeError(
                f"`output_size` must be an integer or a tuple of {self.rank}; received output_size={output_size!r}."
            )
        self.output_size = tuple(sizes)
        self.data_format = standardize_data_format(data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "output_size": self.output_size, "data_format": self.data_format}

    def _claim_windows(self) -> None:
        # Where windows begin and end is worked out even where only shapes are asked for.
        claim_memory(f"{self.path}/windows", (8, sum(self.output_size)), "int64")


class AdaptiveAveragePooling(AdaptivePooling):
    """The mean of each window."""

    def call(self, inputs: Any) -> Any:
        self._claim_windows()
        return ops.adaptive_average_pool(inputs, self.output_size, self.data_format)


class AdaptiveMaxPooling(AdaptivePooling):
    """The largest value in each window."""

    def call(self, inputs: Any) -> Any:
        self._claim_windows()
        return ops.adaptive_max_pool(inputs, self.output_size, self.data_format)


@builtin("keras.layers")
class AdaptiveAveragePooling1D(AdaptiveAveragePooling):
    """The mean in each of `output_size` windows, channel by channel.

    Windows share positions where the sizes do not divide. Input `(batch, steps, channels)`, output `(batch,
    output_size, channels)`; with `data_format="channels_first"` the channels stand at axis 1. A `TypeError` unless
    `output_size` is an integer or a tuple of one.

    >>> import numpy as np
    >>> AdaptiveAveragePooling1D(4)(np.ones((2, 9, 3))).shape
    (2, 4, 3)
    """

    rank = 1


@builtin("keras.layers")
class AdaptiveAveragePooling2D(AdaptiveAveragePooling):
    """The mean in each of `output_size` windows, channel by channel.

    Windows share positions where the sizes do not divide. Input `(batch, height, width, channels)`, output `(batch,
    *output_size, channels)`; with `data_format="channels_first"` the channels stand at axis 1. A `TypeError` unless
    `output_size` is an integer or a tuple of 2.

    >>> import numpy as np
    >>> AdaptiveAveragePooling2D((4, 2))(np.ones((2, 9, 7, 3))).shape
    (2, 4, 2, 3)
    """

    rank = 2


@builtin("keras.layers")
class AdaptiveAveragePooling3D(AdaptiveAveragePooling):
    """The mean in each of `output_size` windows, channel by channel.

    Windows share positions where the sizes do not divide. Input `(batch, depth, height, width, channels)`, output
    `(batch, *output_size, channels)`; with `data_format="channels_first"` the channels stand at axis 1. A
    `TypeError` unless `output_size` is an integer or a tuple of 3.

    >>> import numpy as np
    >>> AdaptiveAveragePooling3D(2)(np.ones((1, 5, 6, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3


@builtin("keras.layers")
class AdaptiveMaxPooling1D(AdaptiveMaxPooling):
    """The largest value in each of `output_size` windows, channel by channel.

    Windows share positions where the sizes do not divide. Input `(batch, steps, channels)`, output `(batch,
    output_size, channels)`; with `data_format="channels_first"` the channels stand at axis 1. A `TypeError` unless
    `output_size` is an integer or a tuple of one.

    >>> import numpy as np
    >>> AdaptiveMaxPooling1D(4)(np.ones((2, 9, 3))).shape
    (2, 4, 3)
    """

    rank = 1


@builtin("keras.layers")
class AdaptiveMaxPooling2D(AdaptiveMaxPooling):
    """The largest value in each of `output_size` windows, channel by channel.

    Windows share positions where the sizes do not divide. Input `(batch, height, width, channels)`, output `(batch,
    *output_size, channels)`; with `data_format="channels_first"` the channels stand at axis 1. A `TypeError` unless
    `output_size` is an integer or a tuple of 2.

    >>> import numpy as np
    >>> AdaptiveMaxPooling2D((4, 2))(np.ones((2, 9, 7, 3))).shape
    (2, 4, 2, 3)
    """

    rank = 2


@builtin("keras.layers")
class AdaptiveMaxPooling3D(AdaptiveMaxPooling):
    """The largest value in each of `output_size` windows, channel by channel.

    Windows share positions where the sizes do not divide. Input `(batch, depth, height, width, channels)`, output
    `(batch, *output_size, channels)`; with `data_format="channels_first"` the channels stand at axis 1. A
    `TypeError` unless `output_size` is an integer or a tuple of 3.

    >>> import numpy as np
    >>> AdaptiveMaxPooling3D(2)(np.ones((1, 5, 6, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3
