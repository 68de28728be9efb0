"""Means of hinge losses."""

from typing import Any

from lapis.core.serialization import builtin
from lapis.losses import hinges
from lapis.metrics.reduction import NamedMetric


@builtin("keras.metrics")
class Hinge(NamedMetric):
    """The mean shortfall from a margin of 1, for labels -1 and 1 (or 0 and 1).

    >>> metric = Hinge()
    >>> round(float(metric([[-1.0, 1.0]], [[-2.0, 0.5]])), 4)
    0.25
    """

    _direction = "down"

    def __init__(self, name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(hinges.hinge, name, dtype)


@builtin("keras.metrics")
class SquaredHinge(NamedMetric):
    """The mean squared shortfall from a margin of 1, for labels -1 and 1 (or 0 and 1).

    >>> metric = SquaredHinge()
    >>> round(float(metric([[-1.0, 1.0]], [[-2.0, 0.0]])), 4)
    0.5
    """

    _direction = "down"

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(hinges.squared_hinge, name, dtype)


@builtin("keras.metrics")
class CategoricalHinge(NamedMetric):
    """The mean shortfall of the right class's score from the best wrong one's plus 1, for one-hot labels.

    >>> metric = CategoricalHinge()
    >>> round(float(metric([[0.0, 1.0, 0.0]], [[0.25, 0.5, 0.0]])), 4)
    0.75
    """

    _direction = "down"

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(hinges.categorical_hinge, name, dtype)
