"""Gradient descent, with momentum."""

from collections.abc import Sequence
from typing import Any, Unpack

from lapis.core.serialization import builtin
from lapis.optimizers.optimizer import LearningRate, OldOptions, Optimizer
from lapis.state import Variable


@builtin("keras.optimizers")
class SGD(Optimizer):
    """Gradient descent: `w ← w - lr·g`.

    With `momentum` in 0…1: `m ← momentum·m - lr·g`, then `w ← w + m`, or with `nesterov` `w ← w + momentum·m - lr·g`
    (Sutskever et al., *On the Importance of Initialization and Momentum in Deep Learning*, 2013).
    The other arguments are those of `Optimizer`.

    >>> import lapis
    >>> weight = lapis.Variable([1.0])
    >>> SGD(0.5).apply([lapis.ops.ones((1,))], [weight])
    >>> weight.value.tolist()
    [0.5]
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        if not isinstance(momentum, float) or not 0 <= momentum <= 1:
            raise ValueError(f"momentum must be a float in 0…1; got momentum={momentum!r}.")
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
        self.momentum = momentum
        self.nesterov = nesterov

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self.momentums = self.add_optimizer_variables(variables, "momentum") if self.momentum != 0 else []

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        g, lr = self._cast(variable, gradient, learning_rate)
        if self.momentum == 0:
            self.assign_sub(variable, lr * g)
            return
        m = self.momentums[self._get_variable_index(variable)]
        self.assign(m, self.momentum * m.value - lr * g)
        self.assign_add(variable, self.momentum * m.value - lr * g if self.nesterov else m.value)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "nesterov": self.nesterov,
        }
