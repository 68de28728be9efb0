"""Products of samples, summed along an axis."""

from collections.abc import Sequence
from string import ascii_letters
from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.merging.merge import Merge
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class Dot(Merge):
    """The dot product of two tensors, sample by sample.

    Inputs `(batch, a…, k)` and `(batch, k, b…)` give `(batch, a…, b…)`, `k` standing where `axes` says; with nothing
    left but the batch, `(batch, 1)`.

    Args:
        axes: the axis to sum over: one for both, or one of each. Not 0, the batch.
        normalize: whether to scale both to length 1 along it first, which gives the cosine.

    A `TypeError` where `axes` is neither an integer nor a pair, a `ValueError` where it does not fit.

    >>> import numpy as np
    >>> Dot(axes=(2, 1))([np.ones((2, 3, 4)), np.ones((2, 4, 5))]).shape
    (2, 3, 5)
    """

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if not isinstance(axes, (int, list, tuple)):
            raise TypeError(f"Dot got axes={axes!r}; expected an integer or a pair of integers.")
        if not isinstance(axes, int) and (len(axes) != 2 or not all(isinstance(axis, int) for axis in axes)):
            raise ValueError(f"Dot got axes={axes!r}; expected an integer or a pair of integers.")
        self.axes = axes
        self.normalize = normalize

    def build(self, input_shape: Any) -> None:
        shapes = self._check_list(input_shape)
        if len(shapes) != 2:
            raise ValueError(f"{self.name!r} takes two tensors; got {len(shapes)}.")
        first, second = (shape[axis] for shape, axis in zip(shapes, self._positive_axes(shapes)))
        if first is not None and second is not None and first != second:
            raise ValueError(
                f"{self.name!r} cannot sum over axes={self.axes} of shapes {shapes[0]} and {shapes[1]}: the sizes "
                f"{first} and {second} differ."
            )

    def _positive_axes(self, shapes: list) -> list[int]:
        axes = [self.axes, self.axes] if isinstance(self.axes, int) else self.axes
        positive = []
        for axis, shape in zip(axes, shapes):
            if not -len(shape) <= axis < len(shape) or axis % len(shape) == 0:
                raise ValueError(f"{self.name!r} cannot sum over axis {axis} of shape {tuple(shape)}, batch first.")
            positive.append(axis % len(shape))
        return positive

    def call(self, inputs: Any) -> Any:
        x, y = inputs
        x_axis, y_axis = self._positive_axes([x.shape, y.shape])
        if self.normalize:
            x, y = ops.normalize(x, axis=x_axis), ops.normalize(y, axis=y_axis)
        letters = iter(ascii_letters)
        batch, summed = next(letters), next(letters)
        x_letters = [batch, *(next(letters) for _ in x.shape[1:])]
        y_letters = [batch, *(next(letters) for _ in y.shape[1:])]
        x_letters[x_axis] = y_letters[y_axis] = summed
        kept = [letter for letter in (*x_letters, *y_letters[1:]) if letter != summed]
        product = ops.einsum(f"{''.join(x_letters)},{''.join(y_letters)}->{''.join(kept)}", x, y)
        return product if len(kept) > 1 else ops.expand_dims(product, 1)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        return None

    def get_config(self) -> dict:
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}


def dot(inputs: Any, axes: int | Sequence[int] = -1, **kwargs: Any) -> Any:
    """`Dot` as a function: the dot product of two tensors, sample by sample.

    >>> import numpy as np
    >>> dot([np.ones((2, 3)), np.ones((2, 3))]).tolist()
    [[3.0], [3.0]]
    """
    return Dot(axes=axes, **kwargs)(inputs)
