"""A learning rate that falls like the inverse of time."""

from typing import Any

import jax.numpy as jnp

from lapis.core.serialization import builtin
from lapis.optimizers.schedules.schedule import LearningRateSchedule, as_float, check_decay_steps


@builtin("keras.optimizers.schedules")
class InverseTimeDecay(LearningRateSchedule):
    """`initial_learning_rate / (1 + decay_rate · step / decay_steps)`, in whole periods with `staircase`.

    >>> schedule = InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)
    >>> round(float(schedule(10)), 4)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        check_decay_steps("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Any:
        periods = as_float(step) / as_float(self.decay_steps)
        if self.staircase:
            periods = jnp.floor(periods)
        return as_float(self.initial_learning_rate) / (1 + as_float(self.decay_rate) * periods)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }
