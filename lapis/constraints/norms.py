"""Constraints on the sign of weights and on their norm along an axis."""

from collections.abc import Sequence
from typing import Any

import lapis.ops as ops
from lapis.constraints.constraint import Constraint
from lapis.core.config import epsilon
from lapis.core.serialization import builtin


def _norm(w: Any, axis: int | Sequence[int]) -> Any:
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


@builtin("keras.constraints")
class NonNeg(Constraint):
    """No weight below 0.

    >>> import numpy as np
    >>> np.asarray(NonNeg()(np.array([-1.0, 2.0])))
    array([0., 2.], dtype=float32)
    """

    def __call__(self, w: Any) -> Any:
        return ops.maximum(w, 0)


@builtin("keras.constraints")
class MaxNorm(Constraint):
    """The norm along `axis` is at most `max_value`.

    `axis` is 0 for a `Dense` kernel `(inputs, units)`, so that each unit's weights are taken together, and
    `[0, 1, 2]` for a `Conv2D` kernel.

    >>> import numpy as np
    >>> np.asarray(MaxNorm(1.0)(np.array([[3.0], [4.0]]))).round(3).tolist()
    [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        w = ops.convert_to_tensor(w)
        norm = _norm(w, self.axis)
        return w * (ops.clip(norm, 0, self.max_value) / (epsilon() + norm))

    def get_config(self) -> dict:
        return {"max_value": self.max_value, "axis": self.axis}


@builtin("keras.constraints")
class UnitNorm(Constraint):
    """The norm along `axis` is 1; see `MaxNorm` for `axis`.

    >>> import numpy as np
    >>> np.asarray(UnitNorm()(np.array([[3.0], [4.0]]))).round(3).tolist()
    [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        w = ops.convert_to_tensor(w)
        return w / (epsilon() + _norm(w, self.axis))

    def get_config(self) -> dict:
        return {"axis": self.axis}


@builtin("keras.constraints")
class MinMaxNorm(Constraint):
    """The norm along `axis` moves towards the range from `min_value` to `max_value`, by the part `rate` of the way.

    `rate=1` holds the norm in the range strictly; see `MaxNorm` for `axis`.

    >>> import numpy as np
    >>> np.asarray(MinMaxNorm(max_value=1.0, rate=0.5)(np.array([[3.0], [4.0]]))).round(3).tolist()
    [[1.7999999523162842], [2.4000000953674316]]
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: int | Sequence[int] = 0,
    ) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        w = ops.convert_to_tensor(w)
        norm = _norm(w, self.axis)
        desired = self.rate * ops.clip(norm, self.min_value, self.max_value) + (1 - self.rate) * norm
        return w * (desired / (epsilon() + norm))

    def get_config(self) -> dict:
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}
