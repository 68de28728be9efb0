"""Adam that needs no learning-rate schedule."""

from collections.abc import Sequence
from typing import Any, Unpack

import jax.numpy as jnp

from lapis.core.serialization import builtin
from lapis.optimizers.optimizer import LearningRate, OldOptions, Optimizer
from lapis.state import Variable


@builtin("keras.optimizers")
class ScheduleFreeAdamW(Optimizer):
    """Adam on a sequence `z`, with gradients taken between it and its mean `x`.

    With `v ← v + (1 - beta_2)·(g² - v)` and `v̂ = v / (1 - beta_2^t)`: `z ← z - lr·g / (sqrt(v̂) + epsilon)`,
    `x ← (1 - 1/t)·x + z / t`, and the variable is `y = (1 - beta_1)·z + beta_1·x`. The rate rises in a line over the
    first `warmup_steps`. Defazio et al., https://arxiv.org/abs/2405.15682.
    The other arguments are those of `Optimizer`.

    >>> import lapis
    >>> weight = lapis.Variable([1.0])
    >>> ScheduleFreeAdamW(0.1).apply([lapis.ops.ones((1,))], [weight])
    >>> round(float(weight.value[0]), 4)
    0.9
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
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
        self.warmup_steps = warmup_steps

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        self._momentums, self._velocities = self.add_optimizer_variables(var_list, ["momentum", "velocity"])
        for z, variable in zip(self._momentums, var_list):
            if z is not None:
                z.assign(variable.value)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        g, lr, t = self._cast(variable, gradient, learning_rate, self.iterations + 1)
        if self.warmup_steps > 0:
            lr = lr * jnp.minimum(t / self.warmup_steps, 1.0)
        # Rounded alike in the average and in the power, so that the bias correction is that of the average.
        beta_1, beta_2 = self._cast(variable, self.beta_1, self.beta_2)
        index = self._get_variable_index(variable)
        z, v = self._momentums[index], self._velocities[index]
        x = (variable.value - (1 - beta_1) * z.value) / beta_1
        self.assign_add(v, (jnp.square(g) - v.value) * (1 - beta_2))
        self.assign_sub(z, lr * g / (jnp.sqrt(v.value / (1 - beta_2**t)) + self.epsilon))
        x = (1 - 1 / t) * x + z.value / t
        self.assign(variable, (1 - beta_1) * z.value + beta_1 * x)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "warmup_steps": self.warmup_steps,
        }
