"""Adam that looks ahead along its momentum."""

from collections.abc import Sequence
from typing import Any, Unpack

import jax.numpy as jnp

from lapis.core.serialization import builtin
from lapis.optimizers.optimizer import LearningRate, OldOptions, Optimizer
from lapis.state import Variable


@builtin("keras.optimizers")
class Nadam(Optimizer):
    """Adam with Nesterov's momentum: `w ← w - lr·m̂ / (sqrt(v̂) + epsilon)`, where

    `u_t = beta_1·(1 - 0.96^t / 2)`, `m̂ = u_{t+1}·m / (1 - Π u_1…u_{t+1}) + (1 - u_t)·g / (1 - Π u_1…u_t)` and
    `v̂ = v / (1 - beta_2^t)`. Dozat, *Incorporating Nesterov Momentum into Adam*, 2016.
    The other arguments are those of `Optimizer`.

    >>> import lapis
    >>> weight = lapis.Variable([1.0])
    >>> Nadam(0.1).apply([lapis.ops.ones((1,))], [weight])
    >>> round(float(weight.value[0]), 4)
    0.8937
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
        dtype = var_list[0].dtype if var_list else None
        self._u_product = self.add_variable((), "ones", dtype=dtype, name="u_product")

    def _u(self, t: Any) -> Any:
        return self.beta_1 * (1.0 - 0.5 * 0.96**t)

    def _update(self, gradients: list[Any], variables: list[Variable], learning_rate: Any) -> None:
        (t,) = self._cast(self._u_product, self.iterations + 1)
        self.assign(self._u_product, self._u_product.value * self._u(t))
        super()._update(gradients, variables, learning_rate)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        g, lr, t = self._cast(variable, gradient, learning_rate, self.iterations + 1)
        (product,) = self._cast(variable, self._u_product.value)
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        u_now, u_next = self._u(t), self._u(t + 1)
        # Rounded as in its power below, so that the bias correction is that of the averages.
        beta_1, beta_2 = self._cast(variable, self.beta_1, self.beta_2)
        self.assign_add(m, (g - m.value) * (1 - beta_1))
        self.assign_add(v, (jnp.square(g) - v.value) * (1 - beta_2))
        m_hat = u_next * m.value / (1 - product * u_next) + (1 - u_now) * g / (1 - product)
        v_hat = v.value / (1 - beta_2**t)
        self.assign_sub(variable, lr * m_hat / (jnp.sqrt(v_hat) + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
