"""The same values in another shape."""

import math
from collections.abc import Sequence
from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class Reshape(Layer):
    """Input `(batch, …)`, output `(batch, *target_shape)`; one size may be -1 and follows from the rest.

    A `ValueError` where more than one size is -1, one is below -1, or the number of values differs.

    >>> import numpy as np
    >>> Reshape((-1, 2))(np.ones((5, 6))).shape
    (5, 3, 2)
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.target_shape = tuple(target_shape)
        if any(size < -1 for size in self.target_shape) or self.target_shape.count(-1) > 1:
            raise ValueError(
                f"Reshape got target_shape={self.target_shape}; expected sizes of at least 0, one of them may be -1."
            )

    def call(self, inputs: Any) -> Any:
        return ops.reshape(inputs, (inputs.shape[0], *self._resolved(inputs.shape[1:])))

    def _resolved(self, shape: tuple) -> tuple:
        """The target with -1 worked out. Sizes may be symbols while only shapes are being found."""
        given, known = math.prod(shape), math.prod(size for size in self.target_shape if size != -1)
        if isinstance(given, int):
            fits = known > 0 and given % known == 0 if -1 in self.target_shape else given == known
            if not fits:
                raise ValueError(
                    f"{self.name!r} cannot give target_shape={self.target_shape} to samples of shape {tuple(shape)}: "
                    f"{given} values against {known}."
                )
        return tuple(given // known if size == -1 else size for size in self.target_shape)

    def get_config(self) -> dict:
        return {**super().get_config(), "target_shape": self.target_shape}
