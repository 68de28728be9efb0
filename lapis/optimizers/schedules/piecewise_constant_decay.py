"""A learning rate that changes at given steps."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from lapis.core.serialization import builtin
from lapis.optimizers.schedules.schedule import LearningRateSchedule, as_float


@builtin("keras.optimizers.schedules")
class PiecewiseConstantDecay(LearningRateSchedule):
    """`values[0]` up to and including step `boundaries[0]`, then `values[1]` up to `boundaries[1]`, and so on.

    There is one value more than boundaries, else a `ValueError`.

    >>> schedule = PiecewiseConstantDecay([100], [0.1, 0.01])
    >>> round(float(schedule(100)), 4), round(float(schedule(101)), 4)
    (0.1, 0.01)
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                f"There must be one value more than boundaries; got {len(values)} values and {len(boundaries)} "
                "boundaries."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: Any) -> Any:
        step = jnp.asarray(getattr(step, "value", step))
        passed = jnp.sum(step > jnp.asarray(list(self.boundaries)))
        return as_float(list(self.values))[passed]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}
