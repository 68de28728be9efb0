"""Steps of the size of past steps."""

from collections.abc import Sequence
from typing import Any, Unpack

import jax.numpy as jnp

from lapis.core.serialization import builtin
from lapis.optimizers.optimizer import LearningRate, OldOptions, Optimizer
from lapis.state import Variable


@builtin("keras.optimizers")
class Adadelta(Optimizer):
    """Steps by the root of mean past steps `d` over the root of mean squared gradients.

    `s ← rho·s + (1 - rho)·g²`, `d = -sqrt(a + epsilon) / sqrt(s + epsilon)·g`, `a ← rho·a + (1 - rho)·d²`,
    `w ← w + lr·d`. Zeiler, https://arxiv.org/abs/1212.5701, where the learning rate is 1.
    The other arguments are those of `Optimizer`.

    >>> import lapis
    >>> weight = lapis.Variable([1.0])
    >>> Adadelta(0.1).apply([lapis.ops.ones((1,))], [weight])
    >>> round(float(weight.value[0]), 4)
    0.9999
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.95,
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
        self.rho = rho
        self.epsilon = epsilon

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        names = ["accumulated_grad", "accumulated_delta_var"]
        self._accumulated_grads, self._accumulated_delta_vars = self.add_optimizer_variables(var_list, names)

    def update_step(self, grad: Any, variable: Variable, learning_rate: Any) -> None:
        g, lr = self._cast(variable, grad, learning_rate)
        index, rho = self._get_variable_index(variable), self.rho
        s, a = self._accumulated_grads[index], self._accumulated_delta_vars[index]
        self.assign(s, rho * s.value + (1 - rho) * jnp.square(g))
        step = -jnp.sqrt(a.value + self.epsilon) * g / jnp.sqrt(s.value + self.epsilon)
        self.assign(a, rho * a.value + (1 - rho) * jnp.square(step))
        self.assign_add(variable, lr * step)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            **super().get_config(),
            "rho": self.rho,
            "epsilon": self.epsilon,
        }
