"""A learning rate that falls along a cosine again and again."""

import math
from typing import Any

import jax.numpy as jnp

from lapis.core.serialization import builtin
from lapis.optimizers.schedules.schedule import LearningRateSchedule, as_float, check_decay_steps


@builtin("keras.optimizers.schedules")
class CosineDecayRestarts(LearningRateSchedule):
    """Half cosines one after the other, from the initial rate down to `alpha` times it.

    The first takes `first_decay_steps`, each next one `t_mul` times as long and starts `m_mul` times as high.
    Loshchilov and Hutter, *SGDR*, https://arxiv.org/abs/1608.03983.

    >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=10)
    >>> round(float(schedule(5)), 4), round(float(schedule(10)), 4)
    (0.05, 0.1)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        check_decay_steps("first_decay_steps", first_decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Any) -> Any:
        t_mul = as_float(self.t_mul)
        periods = as_float(step) / as_float(self.first_decay_steps)
        if self.t_mul == 1.0:
            restarts = jnp.floor(periods)
            fraction = periods - restarts
        else:
            # n periods of lengths 1, t, t², … end at (1 - tⁿ) / (1 - t).
            restarts = jnp.floor(jnp.log(1.0 - periods * (1.0 - t_mul)) / jnp.log(t_mul))
            fraction = (periods - (1.0 - t_mul**restarts) / (1.0 - t_mul)) / t_mul**restarts
        cosine = 0.5 * as_float(self.m_mul) ** restarts * (1.0 + jnp.cos(math.pi * fraction))
        return as_float(self.initial_learning_rate) * ((1 - self.alpha) * cosine + self.alpha)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self.t_mul,
            "m_mul": self.m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }
