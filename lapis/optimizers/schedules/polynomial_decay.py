"""A learning rate that falls along a polynomial."""

from typing import Any

import jax.numpy as jnp

from lapis.core.serialization import builtin
from lapis.optimizers.schedules.schedule import LearningRateSchedule, as_float, check_decay_steps


@builtin("keras.optimizers.schedules")
class PolynomialDecay(LearningRateSchedule):
    """`(initial - end) · (1 - step / decay_steps)^power + end`, and `end` after `decay_steps`.

    With `cycle` the number of steps is doubled, tripled, … instead once it is reached.

    >>> schedule = PolynomialDecay(0.1, decay_steps=10, end_learning_rate=0.0)
    >>> round(float(schedule(5)), 4)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        check_decay_steps("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Any) -> Any:
        step, decay_steps, end = as_float(step), as_float(self.decay_steps), as_float(self.end_learning_rate)
        if self.cycle:
            decay_steps = decay_steps * jnp.where(step == 0, 1.0, jnp.ceil(step / decay_steps))
        else:
            step = jnp.minimum(step, decay_steps)
        return (as_float(self.initial_learning_rate) - end) * (1 - step / decay_steps) ** as_float(self.power) + end

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
            "name": self.name,
        }
