"""Softmax as a layer."""

from collections.abc import Sequence
from typing import Any, Unpack

import lapis.activations as activations
import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.batch_axis import is_batch_axis
from lapis.layers.calling import Signature
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class Softmax(Layer):
    """`exp(x) / sum(exp(x))` along one axis or several.

    Called with a boolean `mask` that broadcasts to the input, it gives 0 where the mask is false and divides by the
    rest. A `ValueError` where the mask does not broadcast.

    >>> import numpy as np
    >>> Softmax()(np.array([[0.0, 0.0]], "float32")).tolist()
    [[0.5, 0.5]]
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self.supports_masking = True

    def _add_masks(
        self, kwargs: dict, arguments: dict, tensors: dict, signature: Signature, first: Any
    ) -> tuple[dict, Any]:
        """A mask of steps that comes with the input is handed on, but says nothing about the scores within a step."""
        filled, mask = super()._add_masks(kwargs, arguments, tensors, signature, first)
        of_steps = mask is not None and len(mask.shape) < len(first.shape)
        return kwargs if of_steps else filled, mask

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return self._softmax(inputs)
        _check_broadcast(mask.shape, inputs.shape)
        if mask.dtype != "bool":
            mask = ops.greater(mask, 0.5)
        far_below = -3e4 if inputs.dtype == "float16" else -1e9
        # The second `where` is for slices with nothing left, whose softmax would come out even.
        return ops.where(mask, self._softmax(ops.where(mask, inputs, far_below)), 0.0)

    def _softmax(self, x: Any) -> Any:
        if isinstance(self.axis, int):
            return activations.softmax(x, axis=self.axis)
        if len(self.axis) == 1:
            return activations.softmax(x, axis=self.axis[0])
        return ops.exp(x - ops.logsumexp(x, axis=tuple(self.axis), keepdims=True))

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        return is_batch_axis(self.axis, ranks)

    def get_config(self) -> dict:
        return {**super().get_config(), "axis": self.axis}


def _check_broadcast(mask_shape: tuple, shape: tuple) -> None:
    # A size that is not yet known is no int.
    pairs = [(m, n) for m, n in zip(reversed(mask_shape), reversed(shape)) if isinstance(m, int) and isinstance(n, int)]
    if len(mask_shape) > len(shape) or any(m not in (1, n) for m, n in pairs):
        raise ValueError(f"The mask of shape {tuple(mask_shape)} does not broadcast to the input's {tuple(shape)}.")
