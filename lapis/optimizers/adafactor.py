"""Adam with squares kept by row and column."""

from collections.abc import Sequence
from typing import Any, Unpack

import jax.numpy as jnp

from lapis.core.serialization import builtin
from lapis.optimizers.optimizer import LearningRate, OldOptions, Optimizer
from lapis.state import Variable


def _rms(x: Any) -> Any:
    return jnp.sqrt(jnp.mean(jnp.square(x)))


@builtin("keras.optimizers")
class Adafactor(Optimizer):
    """Steps by the root of mean squares that are kept only per row and per column, to save memory.

    `r` and `c` are running means of `g² + epsilon_1` over the last and the second to last axis, with
    `beta_2 = 1 - t^beta_2_decay`, and `v = r·c / mean(r)`; variables of rank below 2 keep `v` itself. Then
    `u = g / sqrt(v)`, divided by `rms(u) / clip_threshold` where that is above 1, and
    `w ← w - max(epsilon_2, rms(w))·min(lr, 1 / sqrt(t))·u`. Shazeer and Stern, https://arxiv.org/abs/1804.04235.
    The other arguments are those of `Optimizer`.

    >>> import lapis
    >>> weight = lapis.Variable([1.0])
    >>> Adafactor(0.1).apply([lapis.ops.ones((1,))], [weight])
    >>> round(float(weight.value[0]), 4)
    0.9
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
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
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        self._r: list[Any] = []
        self._c: list[Any] = []
        self._v: list[Any] = []
        for variable in var_list:
            shape, overwritten = variable.shape, variable.overwrite_with_gradient
            path = variable.path.replace("/", "_")
            if len(shape) < 2:
                # Unused, but Keras's files hold them.
                row = self.add_variable((), dtype="int", name=f"{path}_row")
                column = self.add_variable((), dtype="int", name=f"{path}_column")
            elif overwritten:
                row = column = None
            else:
                row = self.add_variable(shape[:-1], dtype=variable.dtype, name=f"{path}_row")
                column = self.add_variable((*shape[:-2], shape[-1]), dtype=variable.dtype, name=f"{path}_column")
            self._r.append(row)
            self._c.append(column)
            self._v.append(None if overwritten else self.add_variable_from_reference(variable, "velocity"))

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        g, lr, t = self._cast(variable, gradient, learning_rate, self.iterations + 1)
        index = self._get_variable_index(variable)
        r, c, v = self._r[index], self._c[index], self._v[index]
        rate = jnp.minimum(lr, 1 / jnp.sqrt(t)) * jnp.maximum(self.epsilon_2, _rms(variable.value))
        squares = jnp.square(g) + self.epsilon_1
        beta_2 = 1 - t**self.beta_2_decay
        if len(variable.shape) >= 2:
            self.assign(r, beta_2 * r.value + (1 - beta_2) * jnp.mean(squares, axis=-1))
            self.assign(c, beta_2 * c.value + (1 - beta_2) * jnp.mean(squares, axis=-2))
            share = r.value / jnp.mean(r.value, axis=-1, keepdims=True)
            self.assign(v, jnp.expand_dims(share, -1) * jnp.expand_dims(c.value, -2))
        else:
            self.assign(v, beta_2 * v.value + (1 - beta_2) * squares)
        u = g / jnp.sqrt(v.value)
        self.assign_sub(variable, rate * u / jnp.maximum(1.0, _rms(u) / self.clip_threshold))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            **super().get_config(),
            "beta_2_decay": self.beta_2_decay,
            "epsilon_1": self.epsilon_1,
            "epsilon_2": self.epsilon_2,
            "clip_threshold": self.clip_threshold,
            "relative_step": self.relative_step,
        }
