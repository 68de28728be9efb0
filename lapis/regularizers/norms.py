"""Penalties on the size of the values: L1, L2 and both."""

import math
from typing import Any

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.regularizers.regularizer import Regularizer


def penalty_factor(value: Any, name: str) -> float:
    """`value` as a float; a `ValueError` unless it is a finite number of at least 0."""
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} is {value!r}; expected a finite number >= 0.")
    return float(value)


@builtin("keras.regularizers")
class L1(Regularizer):
    """`l1 * sum(|x|)`. By name (`"l1"`) the factor is 0.01.

    >>> import numpy as np
    >>> float(L1(0.5)(np.ones(4, "float32")))
    2.0
    """

    def __init__(self, l1: float | None = 0.01) -> None:
        self.l1 = penalty_factor(0.01 if l1 is None else l1, "l1")

    def __call__(self, x: Any) -> Any:
        return self.l1 * ops.sum(ops.absolute(x))

    def get_config(self) -> dict:
        return {"l1": self.l1}


@builtin("keras.regularizers")
class L2(Regularizer):
    """`l2 * sum(x²)`. By name (`"l2"`) the factor is 0.01.

    >>> import numpy as np
    >>> float(L2(0.5)(np.full(4, 2.0, "float32")))
    8.0
    """

    def __init__(self, l2: float | None = 0.01) -> None:
        self.l2 = penalty_factor(0.01 if l2 is None else l2, "l2")

    def __call__(self, x: Any) -> Any:
        return self.l2 * ops.sum(ops.square(x))

    def get_config(self) -> dict:
        return {"l2": self.l2}


@builtin("keras.regularizers")
class L1L2(Regularizer):
    """`l1 * sum(|x|) + l2 * sum(x²)`; both factors are 0 unless given.

    >>> import numpy as np
    >>> float(L1L2(l1=1.0, l2=0.5)(np.full(4, 2.0, "float32")))
    16.0
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        self.l1 = penalty_factor(0.0 if l1 is None else l1, "l1")
        self.l2 = penalty_factor(0.0 if l2 is None else l2, "l2")

    def __call__(self, x: Any) -> Any:
        penalty = ops.zeros((), dtype=x.dtype)
        if self.l1:
            penalty = penalty + self.l1 * ops.sum(ops.absolute(x))
        if self.l2:
            penalty = penalty + self.l2 * ops.sum(ops.square(x))
        return penalty

    def get_config(self) -> dict:
        return {"l1": self.l1, "l2": self.l2}
