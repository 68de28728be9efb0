"""The base class of learning-rate schedules."""

from typing import Any, Self

import jax.numpy as jnp

import lapis.core.config as config
from lapis.core.serialization import builtin


@builtin("keras.optimizers.schedules")
class LearningRateSchedule:
    """A learning rate that depends on the step. A subclass writes `__call__(step)` and `get_config()`.

    >>> class Halving(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 * 0.5**step
    >>> Halving()(1)
    0.05
    """

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__(step); write one.")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        raise NotImplementedError(f"{type(self).__name__} has no get_config(); write one to save it.")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The schedule that `get_config()` describes."""
        return cls(**config)


def as_float(value: Any) -> Any:
    """A number, an array or a variable as an array of `floatx()`."""
    return jnp.asarray(getattr(value, "value", value), config.floatx())


def check_decay_steps(argument: str, decay_steps: Any) -> None:
    """A `ValueError` unless the number of steps is above 0."""
    if decay_steps <= 0:
        raise ValueError(f"{argument} must be above 0; got {argument}={decay_steps}.")
