"""A learning rate that rises to a target, then falls along a cosine."""

import math
from typing import Any

import jax.numpy as jnp

from lapis.core.serialization import builtin
from lapis.optimizers.schedules.schedule import LearningRateSchedule, as_float, check_decay_steps


@builtin("keras.optimizers.schedules")
class CosineDecay(LearningRateSchedule):
    """Half a cosine from the initial rate to `alpha` times it within `decay_steps`.

    With a `warmup_target` the rate first rises in a line from `initial_learning_rate` to the target within
    `warmup_steps`, and the cosine starts there. Loshchilov and Hutter, https://arxiv.org/abs/1608.03983.

    >>> schedule = CosineDecay(0.0, decay_steps=100, warmup_target=0.1, warmup_steps=10)
    >>> round(float(schedule(5)), 4), round(float(schedule(60)), 4)
    (0.05, 0.05)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        check_decay_steps("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: Any) -> Any:
        step, initial = as_float(step), as_float(self.initial_learning_rate)
        if self.warmup_target is None:
            return self._cosine(step, initial)
        target = as_float(self.warmup_target)
        decayed = self._cosine(step - self.warmup_steps, target)
        if not self.warmup_steps:
            return decayed
        warmed = (target - initial) * (step / self.warmup_steps) + initial
        return jnp.where(step < self.warmup_steps, warmed, decayed)

    def _cosine(self, step: Any, start: Any) -> Any:
        fraction = jnp.minimum(step, as_float(self.decay_steps)) / as_float(self.decay_steps)
        return start * ((1 - self.alpha) * (0.5 * (1.0 + jnp.cos(math.pi * fraction))) + self.alpha)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "name": self.name,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }
