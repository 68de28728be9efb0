"""Root mean square normalization."""

from collections.abc import Sequence
from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.batch_axis import is_batch_axis
from lapis.layers.layer import Layer
from lapis.layers.normalization.base import known_size, read_axes
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class RMSNormalization(Layer):
    """Divide each sample by its root mean square over `axis`: `scale * x / sqrt(mean(x**2) + epsilon)`.

    `scale` has the sizes of the input along `axis`. Input and output have the same shape. From
    [Zhang and Sennrich, 2019](https://arxiv.org/abs/1910.07467).

    Args:
        axis: the axis or axes to normalize over.
        epsilon: added to the mean square.

    A `TypeError` for an `axis` of another kind; a `ValueError` where the inputs have no such axis or its size is
    unknown.

    >>> import numpy as np
    >>> RMSNormalization()(np.array([[3.0, 3.0], [1.0, -1.0]])).round(2).tolist()
    [[1.0, 1.0], [1.0, -1.0]]
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axis = read_axes(axis)
        self.epsilon = epsilon

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.axis = sorted([self.axis] if isinstance(self.axis, int) else self.axis)
        shape = tuple(known_size(self, axis, input_shape) for axis in self.axis)
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones")

    def call(self, x: Any) -> Any:
        return ops.rms_normalization(x, scale=self.scale, axis=self.axis, epsilon=self.epsilon)

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        return is_batch_axis(self.axis, ranks)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}
