"""Tensors side by side."""

from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.batch_axis import is_batch_axis
from lapis.layers.merging.merge import Merge
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class Concatenate(Merge):
    """Joins a list of tensors along `axis`; along every other axis their sizes must agree, else `ValueError`.

    >>> import numpy as np
    >>> Concatenate()([np.ones((2, 3)), np.ones((2, 1))]).shape
    (2, 4)
    """

    def __init__(self, axis: int = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def build(self, input_shape: Any) -> None:
        shapes = self._check_list(input_shape)
        rank = len(shapes[0])
        agree = all(len(shape) == rank for shape in shapes) and -rank <= self.axis < rank
        for axis in range(rank if agree else 0):
            sizes = {shape[axis] for shape in shapes} - {None}
            agree = agree and (axis == self.axis % rank or len(sizes) <= 1)
        if not agree:
            shown = ", ".join(map(str, shapes))
            raise ValueError(
                f"{self.name!r} joins tensors that differ along axis {self.axis} only; got shapes {shown}."
            )

    def _merge_function(self, inputs: list) -> Any:
        return ops.concatenate(inputs, axis=self.axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        masks = self._masks(inputs, mask)
        if masks is None or all(m is None for m in masks):
            return None
        full = [_full_mask(x, m) for x, m in zip(inputs, masks)]
        return ops.any(ops.concatenate(full, axis=self.axis), axis=-1)

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        return is_batch_axis(self.axis, ranks)

    def get_config(self) -> dict:
        return {**super().get_config(), "axis": self.axis}


def _full_mask(x: Any, mask: Any) -> Any:
    """The mask with an entry for each entry of `x`; all true where there is none."""
    if mask is None:
        return ops.ones_like(x, dtype="bool")
    if len(mask.shape) == len(x.shape):
        return mask
    return ops.logical_or(ops.expand_dims(mask, -1), ops.zeros_like(x, dtype="bool"))


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """`Concatenate` as a function: a list of tensors joined along `axis`.

    >>> import numpy as np
    >>> concatenate([np.ones((2, 3)), np.ones((2, 1))]).shape
    (2, 4)
    """
    return Concatenate(axis=axis, **kwargs)(inputs)
