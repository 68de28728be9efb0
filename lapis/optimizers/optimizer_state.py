"""The variables that an optimizer keeps: how they are made, named, changed, saved and loaded."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

import lapis.initializers as initializers
from lapis.state import Variable, name_scope


class OptimizerState:
    """What `Optimizer` is built on: a name and an ordered list of variables."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.built = False
        self._variables: list[Variable] = []

    @property
    def variables(self) -> list[Variable]:
        """The step count, the learning rate where it is a number, then what `build` made, in order."""
        return self._variables[:]

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """A new variable of the optimizer; `layout` is accepted for Keras's sake."""
        with name_scope(self.name, caller=self):
            variable = Variable(
                initializers.get(initializer),
                shape=shape,
                dtype=dtype,
                trainable=False,
                aggregation=aggregation,
                name=name,
            )
        self._track(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """A new variable of another's shape and type, named after it: `dense/kernel` gives `dense_kernel_momentum`."""
        path = getattr(reference_variable, "path", reference_variable.name).replace("/", "_").replace(":", "_")
        return self.add_variable(
            reference_variable.shape, initializer, dtype=reference_variable.dtype, name=f"{path}_{name or 'var'}"
        )

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """One new variable per trainable one: a list for one name, a tuple of lists for a list of names.

        `initializer` is one for all or a list beside the names. A variable that its gradient overwrites has `None`.
        """
        names = [name] if isinstance(name, str) else list(name)
        starts = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        if len(names) != len(starts):
            raise ValueError(f"There must be an initializer per name; got name={name!r}, initializer={initializer!r}.")
        made: tuple[list, ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            for group, slot, start in zip(made, names, starts):
                overwritten = getattr(variable, "overwrite_with_gradient", False)
                group.append(None if overwritten else self.add_variable_from_reference(variable, slot, start))
        return made[0] if isinstance(name, str) else made

    def assign(self, variable: Variable, value: Any) -> None:
        """Set a variable, for use in `update_step`."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Add to a variable, for use in `update_step`."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtract from a variable, for use in `update_step`."""
        variable.assign_sub(value)

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set the optimizer's variables from arrays in their order."""
        if not self.built:
            raise ValueError(f"{self.name!r} is not built; call build(trainable_variables) before set_weights.")
        for variable, weight in zip(self.variables, weights):
            variable.assign(weight)

    def save_own_variables(self, store: Any) -> None:
        """Put the variables into `store` under `"0"`, `"1"`, …"""
        for index, variable in enumerate(self.variables):
            store[str(index)] = variable

    def load_own_variables(self, store: Any) -> None:
        """Set the variables from what `save_own_variables` stored; a different number warns and changes nothing."""
        own = self.variables
        if len(store.keys()) != len(own):
            hint = "" if self.built else " It has not been built yet: call build(trainable_variables) first."
            warnings.warn(
                f"The optimizer {self.name!r} keeps its state: it has {len(own)} variables, the file "
                f"{len(store.keys())}.{hint}",
                stacklevel=2,
            )
            return
        for index, variable in enumerate(own):
            variable.assign(np.asarray(store[str(index)]))

    def _track(self, variable: Variable) -> None:
        if not any(variable is known for known in self._variables):
            self._variables.append(variable)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Variable) and "_variables" in self.__dict__:
            self._track(value)
        super().__setattr__(name, value)
