"""Follow the regularized leader."""

from collections.abc import Sequence
from typing import Any, Unpack

import jax.numpy as jnp

import lapis.initializers as initializers
from lapis.core.serialization import builtin
from lapis.optimizers.optimizer import LearningRate, OldOptions, Optimizer
from lapis.state import Variable


@builtin("keras.optimizers")
class Ftrl(Optimizer):
    """Follow the regularized leader, for shallow models with many sparse features.

    With `p = -learning_rate_power`: `n' = n + g²`, `σ = (n'^p - n^p) / lr`, `z ← z + g + 2·shrinkage·w - σ·w`, then
    `w ← (clip(z, -l1, l1) - z) / (n'^p / lr + 2·(l2 + beta / (2·lr)))`, and `n ← n'`, which begins at
    `initial_accumulator_value`. McMahan et al., *Ad Click Prediction*, 2013.
    The other arguments are those of `Optimizer`.

    >>> import lapis
    >>> weight = lapis.Variable([1.0])
    >>> Ftrl(0.1).apply([lapis.ops.ones((1,))], [weight])
    >>> round(float(weight.value[0]), 4)
    0.6031
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        if learning_rate_power > 0.0:
            raise ValueError(f"learning_rate_power must be 0 or less; got {learning_rate_power}.")
        for argument, value in (
            ("initial_accumulator_value", initial_accumulator_value),
            ("l1_regularization_strength", l1_regularization_strength),
            ("l2_regularization_strength", l2_regularization_strength),
            ("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength),
        ):
            if value < 0.0:
                raise ValueError(f"{argument} must be 0 or more; got {argument}={value}.")
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
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        starts = [initializers.Constant(self.initial_accumulator_value), "zeros"]
        self._accumulators, self._linears = self.add_optimizer_variables(var_list, ["accumulator", "linear"], starts)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        g, lr = self._cast(variable, gradient, learning_rate)
        index, w = self._get_variable_index(variable), variable.value
        n, z = self._accumulators[index], self._linears[index]
        power, l1 = -self.learning_rate_power, self.l1_regularization_strength
        l2 = self.l2_regularization_strength + self.beta / (2.0 * lr)
        shrunk = g + 2 * self.l2_shrinkage_regularization_strength * w
        new_n = n.value + jnp.square(g)
        self.assign_add(z, shrunk - (new_n**power - n.value**power) / lr * w)
        self.assign(variable, (jnp.clip(z.value, -l1, l1) - z.value) / (new_n**power / lr + 2 * l2))
        self.assign(n, new_n)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            **super().get_config(),
            "learning_rate_power": self.learning_rate_power,
            "initial_accumulator_value": self.initial_accumulator_value,
            "l1_regularization_strength": self.l1_regularization_strength,
            "l2_regularization_strength": self.l2_regularization_strength,
            "l2_shrinkage_regularization_strength": self.l2_shrinkage_regularization_strength,
            "beta": self.beta,
        }
