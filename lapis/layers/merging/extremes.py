"""The largest and the smallest of several tensors."""

from collections.abc import Callable
from typing import Any

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.merging.merge import Merge, spread_mask


def _extreme(choose: Callable, inputs: list) -> Any:
    """`choose` among those entries that their masks let count."""
    best, best_mask = inputs[0], spread_mask(inputs[0])
    for x in inputs[1:]:
        mask = spread_mask(x)
        # Where one side does not count, the other side stands in for it.
        candidate = x if mask is None else ops.where(mask, x, best)
        best = choose(best if best_mask is None else ops.where(best_mask, best, candidate), candidate)
        best_mask = None if mask is None or best_mask is None else ops.logical_or(best_mask, mask)
    return best


@builtin("keras.layers")
class Maximum(Merge):
    """The largest of a list of tensors, entry by entry, among those whose mask lets them count.

    >>> import numpy as np
    >>> Maximum()([np.zeros((1, 2)), np.ones((1, 2))]).tolist()
    [[1.0, 1.0]]
    """

    def _merge_function(self, inputs: list) -> Any:
        return _extreme(ops.maximum, inputs)


@builtin("keras.layers")
class Minimum(Merge):
    """The smallest of a list of tensors, entry by entry, among those whose mask lets them count.

    >>> import numpy as np
    >>> Minimum()([np.zeros((1, 2)), np.ones((1, 2))]).tolist()
    [[0.0, 0.0]]
    """

    def _merge_function(self, inputs: list) -> Any:
        return _extreme(ops.minimum, inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """`Maximum` as a function: the largest of a list of tensors.

    >>> import numpy as np
    >>> maximum([np.zeros((1, 2)), np.ones((1, 2))]).tolist()
    [[1.0, 1.0]]
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """`Minimum` as a function: the smallest of a list of tensors.

    >>> import numpy as np
    >>> minimum([np.zeros((1, 2)), np.ones((1, 2))]).tolist()
    [[0.0, 0.0]]
    """
    return Minimum(**kwargs)(inputs)
