"""What all merging layers share."""

from typing import Any

import lapis.ops as ops
from lapis.graph import get_mask
from lapis.layers.layer import Layer


class Merge(Layer):
    """Combines a list of tensors into one, entry by entry; a subclass writes `_merge_function`.

    Inputs of lower rank get axes of size 1 after the batch axis. The output counts where any input does; it has no
    mask where an input has none.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        shapes = self._check_list(input_shape)
        if len({shape[0] for shape in shapes if shape and shape[0] is not None}) > 1:
            raise ValueError(f"{self.name!r} got inputs of different batch sizes: {_shown(shapes)}.")
        merged: tuple = ()
        for shape in shapes:
            merged = self._broadcast(merged, shape[1:], shapes)

    def _check_list(self, input_shape: Any) -> list[tuple]:
        if (
            not isinstance(input_shape, (list, tuple))
            or not input_shape
            or not isinstance(input_shape[0], (list, tuple))
        ):
            raise ValueError(f"{self.name!r} merges a list of tensors; got an input of shape {input_shape}.")
        return [tuple(shape) for shape in input_shape]

    def _broadcast(self, a: tuple, b: tuple, shapes: list[tuple]) -> tuple:
        length = max(len(a), len(b))
        merged = []
        for m, n in zip((1,) * (length - len(a)) + a, (1,) * (length - len(b)) + b):
            if m is not None and n is not None and m != n and 1 not in (m, n):
                raise ValueError(f"{self.name!r} got inputs of shapes that do not go together: {_shown(shapes)}.")
            merged.append(n if m == 1 else m)
        return tuple(merged)

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(f"{self.name!r} merges a list of tensors; got {type(inputs).__name__}.")
        rank = max(len(x.shape) for x in inputs)
        return self._merge_function([_with_rank(x, rank) for x in inputs])

    def _merge_function(self, inputs: list) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define _merge_function(inputs).")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        masks = self._masks(inputs, mask)
        if masks is None or any(m is None for m in masks):
            return None
        merged = masks[0]
        for m in masks[1:]:
            merged = ops.logical_or(merged, m)
        return merged

    def _masks(self, inputs: Any, mask: Any) -> Any:
        """The masks as a list like the inputs', `None` for none at all."""
        if mask is None:
            return None
        for name, value in (("inputs", inputs), ("mask", mask)):
            if not isinstance(value, (list, tuple)):
                raise ValueError(f"{self.name!r} needs a list as `{name}`; got {value!r}.")
        if len(mask) != len(inputs):
            raise ValueError(f"{self.name!r} got {len(inputs)} inputs and {len(mask)} masks; expected one for each.")
        return mask


def spread_mask(x: Any) -> Any:
    """The mask that `x` carries, with axes of size 1 up to its rank; `None` if there is none."""
    mask = get_mask(x)
    if mask is None:
        return None
    return ops.reshape(mask, (*mask.shape, *[1] * (len(x.shape) - len(mask.shape))))


def _with_rank(x: Any, rank: int) -> Any:
    for _ in range(rank - len(x.shape)):
        x = ops.expand_dims(x, 1)
    return x


def _shown(shapes: list[tuple]) -> str:
    return ", ".join(map(str, shapes))
