"""Adam with steps in proportion to the weights."""

from collections.abc import Sequence
from typing import Any, Unpack

import jax.numpy as jnp

from lapis.core.serialization import builtin
from lapis.optimizers.optimizer import LearningRate, OldOptions, Optimizer
from lapis.state import Variable


@builtin("keras.optimizers")
class Lamb(Optimizer):
    """Adam's step `u`, scaled for each variable by `|w| / |u|`: for very large batches.

    `w ← w - lr·(|w| / |u|)·u` with `u = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon)`; the factor is 1
    where a norm is 0. You et al., https://arxiv.org/abs/1904.00962. The other arguments are those of `Optimizer`.

    >>> import lapis
    >>> weight = lapis.Variable([1.0])
    >>> Lamb(0.1).apply([lapis.ops.ones((1,))], [weight])
    >>> round(float(weight.value[0]), 4)
    0.9
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
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

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        self._momentums, self._velocities = self.add_optimizer_variables(var_list, ["momentum", "velocity"])

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        g, lr, t = self._cast(variable, gradient, learning_rate, self.iterations + 1)
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        self.assign_add(m, (g - m.value) * (1 - self.beta_1))
        self.assign_add(v, (jnp.square(g) - v.value) * (1 - self.beta_2))
        u = m.value / (1 - self.beta_1**t) / (jnp.sqrt(v.value / (1 - self.beta_2**t)) + self.epsilon)
        w_norm = jnp.sqrt(jnp.sum(jnp.square(variable.value)))
        u_norm = jnp.sqrt(jnp.sum(jnp.square(u)))
        ratio = jnp.where((w_norm > 0) & (u_norm > 0), w_norm / u_norm, 1.0)
        self.assign_sub(variable, ratio * lr * u)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
