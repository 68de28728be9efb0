"""The base class of optimizers: their variables, and all that happens to gradients around the update rule."""

import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self, TypedDict

import jax.numpy as jnp

import lapis.core.config as config
import lapis.initializers as initializers
from lapis.core.naming import auto_name
from lapis.core.serialization import (
    builtin,
    deserialize_keras_object,
    serialize_keras_object,
    unknown_arguments,
)
from lapis.core.watching import watching
from lapis.optimizers.branch import branch
from lapis.optimizers.gradients import clip_by_global_norm, clip_by_norm
from lapis.optimizers.optimizer_state import OptimizerState
from lapis.optimizers.schedules.schedule import LearningRateSchedule
from lapis.state import StatelessScope, Variable


class OldOptions(TypedDict, total=False):
    """Arguments of older versions, which have no effect."""

    decay: Any


LearningRate = float | LearningRateSchedule | Callable[[], Any]


@builtin("keras.optimizers")
class Optimizer(OptimizerState):
    """Changes variables along gradients. A subclass writes `update_step`, and `build` where it needs variables.

    Args:
        learning_rate: a float, a `LearningRateSchedule`, or a function without arguments that gives the rate.
        weight_decay: every step also shrinks each variable by `weight_decay · learning_rate` of itself.
        clipnorm: longest Euclidean norm of each gradient.
        clipvalue: largest absolute value of a gradient's elements.
        global_clipnorm: longest norm of all gradients together. Only one of the three may be given.
        use_ema: keep a moving average of each variable, `average = m · average + (1 - m) · variable`.
        ema_momentum: the `m` of that average, 0…1.
        ema_overwrite_frequency: put the average in the variables' place every so many steps; `None` leaves that to
            `finalize_variable_values`.
        loss_scale_factor: the loss is multiplied by it, gradients are divided by it, against underflow in float16.
        gradient_accumulation_steps: update only every so many steps, with the mean of their gradients; 2 or more.
        name: defaults to the class's name in snake case.

    Raises:
        ValueError: for values outside of these ranges and for unknown arguments.

    >>> import lapis
    >>> class SignDescent(Optimizer):
    ...     def update_step(self, gradient, variable, learning_rate):
    ...         self.assign_sub(variable, learning_rate * lapis.ops.sign(gradient))
    >>> weight = lapis.Variable([1.0, 2.0])
    >>> SignDescent(0.5).apply([jnp.array([3.0, -3.0])], [weight])
    >>> weight.value.tolist()
    [0.5, 2.5]
    """

    _excluded_variables: frozenset[Variable] = frozenset()
    _excluded_names: "re.Pattern[str] | None" = None
    _shared: dict[tuple[str, int], Any] | None = None

    def __init__(
        self,
        learning_rate: LearningRate,
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
        **kwargs: Any,
    ) -> None:
        if kwargs.pop("decay", None) is not None:
            warnings.warn("The argument decay has no effect; use a learning-rate schedule.", stacklevel=3)
        if kwargs:
            raise ValueError(unknown_arguments(type(self), kwargs))
        clips = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        if sum(value is not None for value in clips.values()) > 1:
            raise ValueError(f"Only one of clipnorm, clipvalue and global_clipnorm may be given; got {clips}.")
        if gradient_accumulation_steps and gradient_accumulation_steps < 2:
            raise ValueError(
                f"gradient_accumulation_steps must be None or 2 or more; got {gradient_accumulation_steps!r}."
            )
        if use_ema and not 0 <= ema_momentum <= 1:
            raise ValueError(f"ema_momentum must lie between 0 and 1; got {ema_momentum!r}.")
        if use_ema and ema_overwrite_frequency and not _is_positive_int(ema_overwrite_frequency):
            raise ValueError(
                f"ema_overwrite_frequency must be None or an integer of 1 or more; got {ema_overwrite_frequency!r}."
            )
        super().__init__(name or auto_name(type(self).__name__))
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps

        self._trainable_variables: list[Variable] = []
        self._indices: dict[Variable, int] = {}
        self._model_variables_moving_average: list[Variable | None] = []
        self._accumulated_gradients: list[Variable] = []
        self._iterations = self.add_variable((), dtype="int", aggregation="only_first_replica", name="iteration")
        if callable(learning_rate):
            self._learning_rate: Any = learning_rate
        elif isinstance(learning_rate, float):
            self._learning_rate = self.add_variable(
                (),
                initializers.Constant(learning_rate),
                dtype=config.floatx(),
                aggregation="only_first_replica",
                name="learning_rate",
            )
        else:
            raise ValueError(
                "learning_rate must be a float, a LearningRateSchedule or a function without arguments; got "
                f"{learning_rate!r}."
            )

    @property
    def iterations(self) -> Any:
        """How many updates have been made."""
        if self.gradient_accumulation_steps:
            return self._iterations.value // self.gradient_accumulation_steps
        return self._iterations

    @property
    def learning_rate(self) -> Any:
        """The rate now: the variable that holds it, or what the schedule or function gives at this step."""
        if isinstance(self._learning_rate, LearningRateSchedule):
            return self._learning_rate(self._iterations)
        if isinstance(self._learning_rate, Variable):
            return self._learning_rate
        return self._learning_rate()

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        held = self._learning_rate
        if callable(learning_rate) and not isinstance(learning_rate, Variable):
            self._learning_rate = learning_rate
            if isinstance(held, Variable):
                self._variables = [variable for variable in self._variables if variable is not held]
        elif isinstance(held, Variable):
            held.assign(learning_rate)
        else:
            raise TypeError(
                f"The learning rate of {self.name!r} follows a {type(held).__name__}, so no number can be assigned to "
                "it. Assign a schedule, or make the optimizer with a float."
            )

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the variables that go with these trainable ones; done by the first step where it was not before."""
        if self.use_ema:
            self._model_variables_moving_average = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulated_gradients = [
                self.add_variable_from_reference(variable, "gradient_accumulator") for variable in variables
            ]
        self._trainable_variables = list(variables)
        self._indices = {variable: index for index, variable in enumerate(variables)}
        self.built = True

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """The update rule for one variable, by `assign`, `assign_add` and `assign_sub`."""
        raise NotImplementedError(f"{type(self).__name__} has no update_step; write one.")

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Any:
        """One step along pairs of a gradient and its variable; gives the step count."""
        gradients, variables = zip(*grads_and_vars)
        self.apply(gradients, variables)
        return self._iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """One step along the gradients of `trainable_variables`, by default those that the optimizer was built with.

        A `None` gradient leaves its variable as it is, with a warning; gradients that are all `None`, and variables
        that the optimizer does not know, are a `ValueError`.
        """
        gradients, variables = list(grads), self._resolve(grads, trainable_variables)
        if not gradients:
            return
        if watching.watch is not None:
            watching.watch.gradients(gradients, variables)
        gradients, variables = self._without_missing(gradients, variables)
        gradients, variables = self._without_overwritten(gradients, variables)
        if gradients:
            if self.loss_scale_factor is not None:
                gradients = [gradient / self.loss_scale_factor for gradient in gradients]
            if self.gradient_accumulation_steps:
                self._accumulate(gradients, variables)
            else:
                self._step(gradients, variables)
            if self.use_ema:
                self._average()
            for variable in variables:
                if variable.constraint is not None:
                    variable.assign(variable.constraint(variable.value))
        self._iterations.assign_add(1)

    def stateless_apply(
        self, optimizer_variables: Sequence[Any], grads: Sequence[Any], trainable_variables: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """`apply` as a pure function of values, in the order of `variables` and of the variables built with.

        Gives the new trainable values and the new optimizer values; nothing is assigned.
        """
        own = self.variables
        if not self.built:
            raise ValueError(
                f"{self.name!r} has no variables yet; call build(trainable_variables) before stateless_apply."
            )
        for argument, given, known in (
            ("optimizer_variables", optimizer_variables, own),
            ("trainable_variables", trainable_variables, self._trainable_variables),
        ):
            if len(given) != len(known):
                raise ValueError(
                    f"{self.name!r} was built with {len(known)} {argument}; got {len(given)}. Give it the values of "
                    "those; after a layer's `trainable` changes, make a new optimizer, as compile() does."
                )
        mapping = [*zip(self._trainable_variables, trainable_variables), *zip(own, optimizer_variables)]
        with StatelessScope(state_mapping=mapping) as scope:
            self.apply(grads)
        trainable = [scope.get_current_value(variable) for variable in self._trainable_variables]
        return trainable, [scope.get_current_value(variable) for variable in own]

    def scale_loss(self, loss: Any) -> Any:
        """The loss times `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Let these variables, and those whose name contains one of these regular expressions, not decay."""
        self._excluded_variables = frozenset(var_list or ())
        names = sorted(set(var_names or ()))
        self._excluded_names = re.compile("|".join(names)) if names else None

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Put the moving averages in the variables' place, at the end of training with `use_ema`."""
        if not self.use_ema:
            return
        if len(var_list) != len(self._model_variables_moving_average):
            raise ValueError(
                f"{self.name!r} keeps averages of {len(self._model_variables_moving_average)} variables; got "
                f"{len(var_list)}."
            )
        for variable, average in zip(var_list, self._model_variables_moving_average):
            if average is not None:
                variable.assign(average.value)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data, the learning rate as it is now."""
        rate = self._learning_rate
        return {
            "name": self.name,
            "learning_rate": float(rate.numpy()) if isinstance(rate, Variable) else serialize_keras_object(rate),
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        """The optimizer that `get_config()` describes, its state at the start."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = deserialize_keras_object(config["learning_rate"], custom_objects)
        return cls(**config)

    def _resolve(self, grads: Sequence[Any], variables: Sequence[Variable] | None) -> list[Variable]:
        if variables is not None:
            variables = list(variables)
            if not self.built:
                self.build(variables)
            unknown = [variable for variable in variables if variable not in self._indices]
            if unknown:
                raise ValueError(
                    f"{self.name!r} was built with other variables and does not know {unknown[0].path!r}. Make a new "
                    "optimizer for a new set of variables."
                )
            return variables
        if not self.built:
            raise ValueError(f"{self.name!r} is not built; call build(trainable_variables) or pass the variables.")
        if len(grads) != len(self._trainable_variables):
            raise ValueError(
                f"{self.name!r} has {len(self._trainable_variables)} variables; got {len(grads)} gradients."
            )
        return self._trainable_variables

    def _without_missing(self, gradients: list[Any], variables: list[Variable]) -> tuple[list[Any], list[Variable]]:
        missing = [variable.path for gradient, variable in zip(gradients, variables) if gradient is None]
        if not missing:
            return gradients, variables
        if len(missing) == len(variables):
            raise ValueError("None of the variables has a gradient: the loss does not depend on them.")
        warnings.warn(f"The loss does not depend on {', '.join(missing)}, so they stay as they are.", stacklevel=4)
        kept = [(gradient, variable) for gradient, variable in zip(gradients, variables) if gradient is not None]
        return [gradient for gradient, _ in kept], [variable for _, variable in kept]

    def _without_overwritten(self, gradients: list[Any], variables: list[Variable]) -> tuple[list[Any], list[Variable]]:
        """The rest, once the variables whose gradient is their new value have it."""
        if not any(variable.overwrite_with_gradient for variable in variables):
            return gradients, variables
        kept: list[tuple[Any, Variable]] = []
        for gradient, variable in zip(gradients, variables):
            if not variable.overwrite_with_gradient:
                kept.append((gradient, variable))
            elif self.gradient_accumulation_steps:
                held = self._accumulated_gradients[self._get_variable_index(variable)]
                largest, due = jnp.maximum(gradient, held.value), self._update_is_due()
                variable.assign(jnp.where(due, largest, variable.value))
                held.assign(jnp.where(due, 0, largest))
            else:
                variable.assign(gradient)
        return [gradient for gradient, _ in kept], [variable for _, variable in kept]

    def _update_is_due(self) -> Any:
        return (self._iterations.value + 1) % self.gradient_accumulation_steps == 0

    def _accumulate(self, gradients: list[Any], variables: list[Variable]) -> None:
        steps = self.gradient_accumulation_steps
        held = [self._accumulated_gradients[self._get_variable_index(variable)] for variable in variables]
        sums = [gradient + accumulated.value for gradient, accumulated in zip(gradients, held)]

        def update() -> None:
            self._step([total / steps for total in sums], variables)
            for accumulated in held:
                accumulated.assign(jnp.zeros_like(accumulated.value))

        def wait() -> None:
            for accumulated, total in zip(held, sums):
                accumulated.assign(total)

        branch(self._update_is_due(), update, wait, [*variables, *self.variables])

    def _step(self, gradients: list[Any], variables: list[Variable]) -> None:
        gradients = self._clipped(gradients)
        learning_rate = self.learning_rate
        learning_rate = jnp.asarray(learning_rate.value if isinstance(learning_rate, Variable) else learning_rate)
        self._apply_weight_decay(variables, learning_rate)
        self._shared = {}
        try:
            self._update(gradients, variables, learning_rate)
        finally:
            del self._shared  # so that an optimizer that has stepped holds what one that has not holds

    def _update(self, gradients: list[Any], variables: list[Variable], learning_rate: Any) -> None:
        for gradient, variable in zip(gradients, variables):
            self.update_step(gradient, variable, learning_rate)

    def _clipped(self, gradients: list[Any]) -> list[Any]:
        if self.clipnorm and self.clipnorm > 0:
            return [clip_by_norm(gradient, self.clipnorm) for gradient in gradients]
        if self.global_clipnorm and self.global_clipnorm > 0:
            return clip_by_global_norm(gradients, self.global_clipnorm)
        if self.clipvalue and self.clipvalue > 0:
            return [jnp.clip(gradient, -self.clipvalue, self.clipvalue) for gradient in gradients]
        return gradients

    def _decay_of(self, variable: Variable) -> float | None:
        return self.weight_decay if self._may_decay(variable) else None

    def _may_decay(self, variable: Variable) -> bool:
        by_name = self._excluded_names is not None and self._excluded_names.search(variable.name)
        return not by_name and variable not in self._excluded_variables

    def _apply_weight_decay(self, variables: list[Variable], learning_rate: Any) -> None:
        for variable in variables:
            decay = self._decay_of(variable)
            if decay is not None:
                value, rate = variable.value, learning_rate.astype(variable.dtype)
                variable.assign(value - value * decay * rate)

    def _average(self) -> None:
        # The average begins at the values after the first step.
        step = jnp.asarray(self.iterations)
        momentum = jnp.where(step == 0, 0.0, self.ema_momentum)
        overwrite = (step + 1) % (self.ema_overwrite_frequency or 1) == 0
        for variable, average in zip(self._trainable_variables, self._model_variables_moving_average):
            if average is None:
                continue
            m = momentum.astype(variable.dtype)
            average.assign(m * average.value + (1 - m) * variable.value)
            if self.ema_overwrite_frequency:
                variable.assign(jnp.where(overwrite, average.value, variable.value))

    def _get_variable_index(self, variable: Variable) -> int:
        return self._indices[variable]

    def _once_per_step(self, variable: Variable, learning_rate: Any, formula: Callable[[Any, Any], Any]) -> Any:
        """`formula(learning_rate, t)` at step t in the variable's type, the same for all variables of the type."""
        shared = {} if self._shared is None else self._shared
        key = variable.dtype, id(learning_rate)  # a subclass may give some variables another rate; each is held
        if key not in shared:
            shared[key] = learning_rate, formula(*self._cast(variable, learning_rate, self.iterations + 1))
        return shared[key][1]

    def _cast(self, variable: Variable, *values: Any) -> list[Any]:
        """The values as arrays of the variable's type."""
        return [jnp.asarray(value, variable.dtype) for value in values]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _is_positive_int(value: Any) -> bool:
    return isinstance(value, int) and value >= 1
