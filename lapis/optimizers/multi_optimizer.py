"""Several optimizers, each for its own variables."""

import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any, Self

from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.optimizers.loss_scale_optimizer import LossScaleOptimizer
from lapis.optimizers.optimizer import Optimizer
from lapis.state import Variable


@builtin("keras.optimizers")
class OptimizerMap(MutableMapping):
    """Optimizers by variable path: a key is a path or a regular expression that matches whole paths.

    Paths without a key get `default_optimizer`; a path that several expressions match is a `ValueError`.

    >>> from lapis.optimizers.adam import Adam
    >>> from lapis.optimizers.sgd import SGD
    >>> optimizers = OptimizerMap(Adam(), {".*/bias": SGD()})
    >>> type(optimizers["dense/bias"]).__name__, type(optimizers["dense/kernel"]).__name__
    ('SGD', 'Adam')
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None) -> None:
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(f"default_optimizer must be an optimizer; got {default_optimizer!r}.")
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"optimizer_map must be a dict of optimizers by path; got {optimizer_map!r}.")
        self._default_optimizer = default_optimizer
        self._optimizer_map = optimizer_map or {}

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer of variables without a key."""
        return self._default_optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        matching = [pattern for pattern in self._optimizer_map if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(f"Several keys match the variable {key!r}: {', '.join(matching)}.")
        return self._optimizer_map[matching[0]] if matching else self._default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise ValueError(f"A key must be a variable's path or a regular expression; got {key!r}.")
        if key in self._optimizer_map:
            raise ValueError(f"{key!r} has an optimizer already, {self._optimizer_map[key]}; delete it first.")
        _check_inner(optimizer)
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def __call__(self, variable: Variable) -> Optimizer:
        """The optimizer of a variable."""
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            "default_optimizer": serialize_keras_object(self._default_optimizer),
            "optimizer_map": serialize_keras_object(self._optimizer_map),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        """The map that `get_config()` describes."""
        default = deserialize_keras_object(config["default_optimizer"], custom_objects)
        return cls(default, deserialize_keras_object(config["optimizer_map"], custom_objects))


@builtin("keras.optimizers")
class MultiOptimizer(Optimizer):
    """An optimizer per variable, chosen by `optimizer_map`: an `OptimizerMap`, or a function of the variable.

    Each keeps its own learning rate, so that this one has none (an `AttributeError`); `loss_scale_factor` is given to
    all of them.

    >>> import lapis
    >>> weight, bias = lapis.Variable([1.0], name="weight"), lapis.Variable([1.0], name="bias")
    >>> choice = OptimizerMap(lapis.optimizers.SGD(0.5), {"bias": lapis.optimizers.SGD(0.25)})
    >>> MultiOptimizer(choice).apply([lapis.ops.ones((1,)), lapis.ops.ones((1,))], [weight, bias])
    >>> weight.value.tolist(), bias.value.tolist()
    ([0.5], [0.75])
    """

    def __init__(self, optimizer_map: Any, loss_scale_factor: float | None = None, name: str | None = None) -> None:
        self._inner_optimizers: list[Optimizer] = []
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self._optimizer_map = optimizer_map
        known = [optimizer_map[key] for key in optimizer_map] if isinstance(optimizer_map, MutableMapping) else []
        if isinstance(optimizer_map, OptimizerMap):
            known.append(optimizer_map.default_optimizer)
        for optimizer in known:
            self._adopt(optimizer)

    def _adopt(self, optimizer: Optimizer) -> int:
        """The optimizer's place among the inner ones, where it is put first if it is new."""
        for place, known in enumerate(self._inner_optimizers):
            if known is optimizer:
                return place
        _check_inner(optimizer)
        optimizer.loss_scale_factor = self.loss_scale_factor
        self._inner_optimizers.append(optimizer)
        return len(self._inner_optimizers) - 1

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        self._places = {variable: self._adopt(self._optimizer_map(variable)) for variable in var_list}
        for place, optimizer in enumerate(self._inner_optimizers):
            mine = [variable for variable in var_list if self._places[variable] == place]
            if mine:
                optimizer.build(mine)
        super().build(var_list)

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers, in the order of the map."""
        return self._inner_optimizers

    @property
    def variables(self) -> list[Variable]:
        """Its own variables, then those of each optimizer."""
        return [*self._variables, *(v for optimizer in self._inner_optimizers for v in optimizer.variables)]

    @property
    def learning_rate(self) -> Any:
        """There is none."""
        raise AttributeError(f"{self.name!r} has no learning rate of its own; see those of its `optimizers`.")

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        raise AttributeError(f"{self.name!r} has no learning rate of its own; set those of its `optimizers`.")

    @property
    def loss_scale_factor(self) -> float | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The factor that the loss is scaled by, the same for all optimizers."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._loss_scale_factor = value
        for optimizer in self._inner_optimizers:
            optimizer.loss_scale_factor = value

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """One step of each optimizer on its variables."""
        gradients, variables = list(grads), self._resolve(grads, trainable_variables)
        if not gradients:
            return
        for place, optimizer in enumerate(self._inner_optimizers):
            pairs = [pair for pair in zip(gradients, variables) if self._places[pair[1]] == place]
            if pairs:
                optimizer.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        self._iterations.assign_add(1)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Put each optimizer's moving averages in its variables' place."""
        for place, optimizer in enumerate(self._inner_optimizers):
            mine = [variable for variable in var_list if self._places[variable] == place]
            if mine:
                optimizer.finalize_variable_values(mine)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            "optimizer_map": serialize_keras_object(self._optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        """The optimizer that `get_config()` describes."""
        chosen = deserialize_keras_object(config["optimizer_map"], custom_objects)
        return cls(**{**config, "optimizer_map": chosen})


def _check_inner(optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer) or isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
        raise ValueError(
            f"Each variable's optimizer must be one that steps itself, not a MultiOptimizer or LossScaleOptimizer; got "
            f"{optimizer!r}."
        )
