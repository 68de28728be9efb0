"""Adaptive moments."""

from collections.abc import Sequence
from typing import Any, Unpack

import jax.numpy as jnp

from lapis.core.serialization import builtin
from lapis.optimizers.optimizer import LearningRate, OldOptions, Optimizer
from lapis.state import Variable


@builtin("keras.optimizers")
class Adam(Optimizer):
    """Steps by the mean of gradients over the root of the mean of their squares, both corrected for their start at 0.

    `m ← m + (1 - beta_1)·(g - m)`, `v ← v + (1 - beta_2)·(g² - v)`, then
    `w ← w - lr·sqrt(1 - beta_2^t) / (1 - beta_1^t) · m / (sqrt(v) + epsilon)` at step `t` (Kingma and Ba,
    https://arxiv.org/abs/1412.6980). With `amsgrad` the largest `v` so far counts (Reddi et al., 2018).
    The other arguments are those of `Optimizer`.

    >>> import lapis
    >>> weight = lapis.Variable([1.0])
    >>> Adam(0.1).apply([jnp.array([2.0])], [weight])
    >>> round(float(weight.value[0]), 4)
    0.9
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        self._momentums, self._velocities = self.add_optimizer_variables(var_list, ["momentum", "velocity"])
        if self.amsgrad:
            self._velocity_hats = self.add_optimizer_variables(var_list, "velocity_hat")

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        def corrected(lr: Any, t: Any) -> Any:
            return lr * jnp.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)

        (g,) = self._cast(variable, gradient)
        rate = self._once_per_step(variable, learning_rate, corrected)
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        self.assign_add(m, (g - m.value) * (1 - self.beta_1))
        self.assign_add(v, (jnp.square(g) - v.value) * (1 - self.beta_2))
        if self.amsgrad:
            largest = self._velocity_hats[index]
            self.assign(largest, jnp.maximum(largest.value, v.value))
            v = largest
        self.assign_sub(variable, rate * m.value / (jnp.sqrt(v.value) + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "amsgrad": self.amsgrad,
        }
