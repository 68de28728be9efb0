"""Sums, differences, products and means of tensors."""

import functools
from typing import Any

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.merging.merge import Merge, spread_mask


@builtin("keras.layers")
class Add(Merge):
    """The sum of a list of tensors.

    >>> import numpy as np
    >>> Add()([np.ones((1, 2)), np.ones((1, 2))]).tolist()
    [[2.0, 2.0]]
    """

    def _merge_function(self, inputs: list) -> Any:
        return functools.reduce(ops.add, inputs)


@builtin("keras.layers")
class Subtract(Merge):
    """The first of two tensors minus the second; a `ValueError` for any other number.

    >>> import numpy as np
    >>> Subtract()([np.ones((1, 2)), np.ones((1, 2))]).tolist()
    [[0.0, 0.0]]
    """

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if len(input_shape) != 2:
            raise ValueError(f"{self.name!r} subtracts two tensors; got {len(input_shape)}.")

    def _merge_function(self, inputs: list) -> Any:
        return ops.subtract(*inputs)


@builtin("keras.layers")
class Average(Merge):
    """The mean of a list of tensors.

    >>> import numpy as np
    >>> Average()([np.zeros((1, 2)), np.ones((1, 2))]).tolist()
    [[0.5, 0.5]]
    """

    def _merge_function(self, inputs: list) -> Any:
        return functools.reduce(ops.add, inputs) / len(inputs)


@builtin("keras.layers")
class Multiply(Merge):
    """The product of a list of tensors. What an input's mask leaves out is left out of the product.

    >>> import numpy as np
    >>> Multiply()([np.full((1, 2), 3.0), np.full((1, 2), 2.0)]).tolist()
    [[6.0, 6.0]]
    """

    def _merge_function(self, inputs: list) -> Any:
        masks = [spread_mask(x) for x in inputs]
        product = functools.reduce(
            ops.multiply, [x if mask is None else ops.where(mask, x, 1) for x, mask in zip(inputs, masks)]
        )
        if any(mask is None for mask in masks):
            return product
        return ops.where(functools.reduce(ops.logical_or, masks), product, 0)


def add(inputs: Any, **kwargs: Any) -> Any:
    """`Add` as a function: the sum of a list of tensors.

    >>> import numpy as np
    >>> add([np.ones((1, 2)), np.ones((1, 2))]).tolist()
    [[2.0, 2.0]]
    """
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """`Subtract` as a function: the first of two tensors minus the second.

    >>> import numpy as np
    >>> subtract([np.ones((1, 2)), np.ones((1, 2))]).tolist()
    [[0.0, 0.0]]
    """
    return Subtract(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """`Average` as a function: the mean of a list of tensors.

    >>> import numpy as np
    >>> average([np.zeros((1, 2)), np.ones((1, 2))]).tolist()
    [[0.5, 0.5]]
    """
    return Average(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """`Multiply` as a function: the product of a list of tensors.

    >>> import numpy as np
    >>> multiply([np.full((1, 2), 3.0), np.full((1, 2), 2.0)]).tolist()
    [[6.0, 6.0]]
    """
    return Multiply(**kwargs)(inputs)
