"""Gradient descent by the root of recent squares."""

from collections.abc import Sequence
from typing import Any, Unpack

import jax.numpy as jnp

from lapis.core.serialization import builtin
from lapis.optimizers.optimizer import LearningRate, OldOptions, Optimizer
from lapis.state import Variable


@builtin("keras.optimizers")
class RMSprop(Optimizer):
    """`v ← rho·v + (1 - rho)·g²`, then `w ← w - lr·g / sqrt(v + epsilon)`.

    With `centered` the squared mean of gradients, averaged alike, is subtracted from `v`; with `momentum` the step goes
    through `m ← momentum·m + step`. Hinton, *Neural Networks for Machine Learning*, lecture 6, 2012.
    The other arguments are those of `Optimizer`.

    >>> import lapis
    >>> weight = lapis.Variable([1.0])
    >>> RMSprop(0.1).apply([jnp.array([2.0])], [weight])
    >>> round(float(weight.value[0]), 4)
    0.6838
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Unpack[OldOptions],
    ) -> None:
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
            **kwargs,
        )
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        self._velocities = self.add_optimizer_variables(var_list, "velocity")
        self._momentums = self.add_optimizer_variables(var_list, "momentum") if self.momentum > 0 else []
        self._means = self.add_optimizer_variables(var_list, "average_gradient") if self.centered else []

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        g, lr = self._cast(variable, gradient, learning_rate)
        index, rho = self._get_variable_index(variable), self.rho
        velocity = self._velocities[index]
        self.assign(velocity, rho * velocity.value + (1 - rho) * jnp.square(g))
        spread = velocity.value + self.epsilon
        if self.centered:
            mean = self._means[index]
            self.assign(mean, rho * mean.value + (1 - rho) * g)
            spread = velocity.value - jnp.square(mean.value) + self.epsilon
        step = lr * g / jnp.sqrt(spread)
        if self.momentum > 0:
            m = self._momentums[index]
            self.assign(m, self.momentum * m.value + step)
            step = m.value
        self.assign_sub(variable, step)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            **super().get_config(),
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }
