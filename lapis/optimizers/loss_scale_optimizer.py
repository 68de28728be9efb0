"""Loss scaling that finds its own factor."""

from collections.abc import Sequence
from typing import Any, Self, Unpack

import jax.numpy as jnp

import lapis.initializers as initializers
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.optimizers.branch import branch
from lapis.optimizers.optimizer import OldOptions, Optimizer
from lapis.state import Variable

_OF_THE_INNER = {
    "weight_decay": None,
    "clipnorm": None,
    "clipvalue": None,
    "global_clipnorm": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}


@builtin("keras.mixed_precision")
@builtin("keras.optimizers")
class LossScaleOptimizer(Optimizer):
    """Another optimizer whose loss is scaled against underflow in float16, by a factor that adapts.

    The loss is multiplied by the factor and gradients are divided by it. A step whose gradients are not all finite is
    left out and halves the factor; after `dynamic_growth_steps` good ones in a row it doubles. It begins at
    `initial_scale`. Clipping, weight decay and the like belong to `inner_optimizer`, here they are a `ValueError`.
    Micikevicius et al., https://arxiv.org/abs/1710.03740.

    >>> import lapis
    >>> optimizer = LossScaleOptimizer(lapis.optimizers.SGD(1.0), initial_scale=8.0)
    >>> weight = lapis.Variable([1.0])
    >>> optimizer.apply([jnp.array([4.0])], [weight])
    >>> weight.value.tolist()
    [0.5]
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Unpack[OldOptions],
    ) -> None:
        if not kwargs.pop("dynamic", True):
            raise ValueError("For a fixed factor set loss_scale_factor on the optimizer itself.")
        for argument, default in _OF_THE_INNER.items():
            if kwargs.pop(argument, default) != default:
                raise ValueError(f"Give {argument} to the inner optimizer instead of LossScaleOptimizer.")
        super().__init__(0.0, name=name, **kwargs)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        self.step_counter = self.add_variable((), dtype="int", name="step_counter")
        start = initializers.Constant(self.initial_scale)
        self.dynamic_scale = self.add_variable((), start, dtype="float32", name="dynamic_scale")
        self.inner_optimizer.build(var_list)
        super().build(var_list)

    @property
    def variables(self) -> list[Variable]:
        """Its own variables, then the inner optimizer's."""
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def iterations(self) -> Any:
        """How many updates the inner optimizer has made."""
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Any:
        """The inner optimizer's rate."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.inner_optimizer.learning_rate = learning_rate

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """One step of the inner optimizer if all gradients are finite, else none; the factor adapts."""
        gradients, variables = list(grads), self._resolve(grads, trainable_variables)
        if all(gradient is None for gradient in gradients):
            raise ValueError("None of the variables has a gradient: the loss does not depend on them.")

        def step() -> None:
            scale, counter = self.dynamic_scale.value, self.step_counter.value
            self.inner_optimizer.apply([self._unscaled(g, v, scale) for g, v in zip(gradients, variables)], variables)
            grow = counter == self.dynamic_growth_steps - 1
            self.dynamic_scale.assign(jnp.where(grow, scale * 2.0, scale))
            self.step_counter.assign(jnp.where(grow, 0, counter + 1))

        def skip() -> None:
            self.dynamic_scale.assign(self.dynamic_scale.value * 0.5)
            self.step_counter.assign(0)

        branch(self.check_finite(gradients), step, skip, [*variables, *self.variables])

    def check_finite(self, grads: Sequence[Any]) -> Any:
        """Whether all elements of all gradients are finite; those that are `None` do not count."""
        return jnp.all(jnp.array([jnp.all(jnp.isfinite(gradient)) for gradient in grads if gradient is not None]))

    def _unscaled(self, gradient: Any, variable: Variable, scale: Any) -> Any:
        return gradient if gradient is None or variable.overwrite_with_gradient else gradient / scale

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the factor."""
        return loss * (self.dynamic_scale.value if self.built else self.initial_scale)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Put the inner optimizer's moving averages in the variables' place."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            "name": self.name,
            "inner_optimizer": serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        """The optimizer that `get_config()` describes."""
        config = dict(config)
        inner = deserialize_keras_object(config.pop("inner_optimizer"), custom_objects)
        return cls(inner, **config)
