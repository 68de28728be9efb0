"""Normalization to unit length."""

from collections.abc import Sequence
from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.batch_axis import is_batch_axis
from lapis.layers.layer import Layer
from lapis.layers.normalization.base import check_axis, read_axes
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class UnitNormalization(Layer):
    """Divide each sample by its Euclidean length over `axis`, so that it has length 1.

    Input and output have the same shape.

    Args:
        axis: the axis or axes that make up a vector.

    A `TypeError` for an `axis` of another kind, a `ValueError` where the inputs have no such axis.

    >>> import numpy as np
    >>> print(UnitNormalization()(np.array([[3.0, 4.0]])))
    [[0.6 0.8]]
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axis = read_axes(axis)
        self.supports_masking = True
        self.built = True  # whatever the shape

    def call(self, inputs: Any) -> Any:
        for axis in [self.axis] if isinstance(self.axis, int) else self.axis:
            check_axis(self, axis, inputs.shape)
        return ops.normalize(inputs, axis=self.axis, order=2, epsilon=1e-12)

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        return is_batch_axis(self.axis, ranks)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}
