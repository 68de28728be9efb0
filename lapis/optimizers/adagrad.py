"""Steps by the root of all squares so far."""

from collections.abc import Sequence
from typing import Any, Unpack

import jax.numpy as jnp

import lapis.initializers as initializers
from lapis.core.serialization import builtin
from lapis.optimizers.optimizer import LearningRate, OldOptions, Optimizer
from lapis.state import Variable


@builtin("keras.optimizers")
class Adagrad(Optimizer):
    """`s ← s + g²`, then `w ← w - lr·g / sqrt(s + epsilon)`; `s` begins at `initial_accumulator_value`.

    Duchi et al., *Adaptive Subgradient Methods*, 2011. The other arguments are those of `Optimizer`.

    >>> import lapis
    >>> weight = lapis.Variable([1.0])
    >>> Adagrad(0.1).apply([lapis.ops.ones((1,))], [weight])
    >>> round(float(weight.value[0]), 4)
    0.9047
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        initial_accumulator_value: float = 0.1,
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
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        start = initializers.Constant(self.initial_accumulator_value)
        self._accumulators = self.add_optimizer_variables(var_list, "accumulator", start)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        g, lr = self._cast(variable, gradient, learning_rate)
        s = self._accumulators[self._get_variable_index(variable)]
        self.assign_add(s, jnp.square(g))
        self.assign_sub(variable, lr * g / jnp.sqrt(s.value + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            **super().get_config(),
            "initial_accumulator_value": self.initial_accumulator_value,
            "epsilon": self.epsilon,
        }
