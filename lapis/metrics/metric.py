"""The base class of metrics: variables, the rule that updates them, and the result read from them."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import lapis.core.config as config
import lapis.core.dtype_policies as dtype_policies
import lapis.initializers as initializers
from lapis.core.naming import auto_name
from lapis.core.serialization import builtin
from lapis.state import StatelessScope, Variable, name_scope


@builtin("keras.metrics")
class Metric:
    """A number that accumulates over batches.

    A subclass makes its variables in `__init__` with `add_variable`, changes them in `update_state` with `assign`,
    and computes its value in `result`. Metrics held as attributes, alone or in lists, tuples and dicts, count as parts:
    their variables follow its own. `name` defaults to the class's name in snake case, `dtype` to `floatx()`.

    >>> from lapis import ops
    >>> class Largest(Metric):
    ...     def __init__(self, name="largest", dtype=None):
    ...         super().__init__(name=name, dtype=dtype)
    ...         self.value = self.add_variable(shape=(), initializer="zeros", name="value")
    ...     def update_state(self, values):
    ...         self.value.assign(ops.maximum(self.value, ops.max(values)))
    ...     def result(self):
    ...         return self.value.value
    >>> metric = Largest()
    >>> metric.update_state([1.0, 5.0])
    >>> float(metric.result())
    5.0
    """

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or auto_name(type(self).__name__)
        self._dtype_policy = dtype_policies.get(dtype or config.floatx())
        self._dtype = self._dtype_policy.compute_dtype
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> str:
        """The type that the metric accumulates in."""
        return self._dtype

    @property
    def variables(self) -> list[Variable]:
        """The variables of this metric, then those of the metrics it holds."""
        parts = [variable for metric in _metrics_in(self.__dict__) for variable in metric.variables]
        return list({id(variable): variable for variable in [*self._variables, *parts]}.values())

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any,
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """A new variable of this metric, first set by `initializer` (a name or an object)."""
        self._check_super_called()
        with name_scope(self.name.replace("/", ">"), caller=self):
            variable = Variable(
                initializers.get(initializer),
                shape=tuple(shape),
                dtype=dtype,
                trainable=False,
                aggregation=aggregation,
                synchronization="on_read",
                name=name,
            )
        self._track(variable)
        return variable

    def add_weight(
        self, shape: Sequence[int] = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """`add_variable` under the name that layers use; the initializer defaults to zeros."""
        return self.add_variable(shape=shape, initializer=initializer or "zeros", dtype=dtype, name=name)

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Take in a batch."""
        raise NotImplementedError(f"{type(self).__name__} has no update_state; write one.")

    def result(self) -> Any:
        """The metric's value over all batches since the last reset."""
        raise NotImplementedError(f"{type(self).__name__} has no result(); write one.")

    def reset_state(self) -> None:
        """Set every variable to zero."""
        for variable in self.variables:
            variable.assign_zeros()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Take in a batch and give the value so far."""
        self._check_super_called()
        self.update_state(*args, **kwargs)
        return self.result()

    def stateless_update_state(self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """The values of the variables after `update_state`, from those before; the metric itself stays as it is."""
        variables = self._matching(metric_variables)
        with StatelessScope(state_mapping=list(zip(variables, metric_variables))) as scope:
            self.update_state(*args, **kwargs)
        return _current(scope, variables)

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """The value that `result` would give if the variables had these values."""
        variables = self._matching(metric_variables)
        with StatelessScope(state_mapping=list(zip(variables, metric_variables))):
            return self.result()

    def stateless_reset_state(self) -> list[Any]:
        """The values of the variables after `reset_state`; the metric itself stays as it is."""
        with StatelessScope() as scope:
            self.reset_state()
        return _current(scope, self.variables)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The metric that `get_config()` describes."""
        return cls(**config)

    def _matching(self, values: Sequence[Any]) -> list[Variable]:
        variables = self.variables
        if len(values) != len(variables):
            raise ValueError(
                f"The metric {self.name!r} has {len(variables)} variables; got {len(values)} metric_variables."
            )
        return variables

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Variable) and "_variables" in self.__dict__:
            self._track(value)
        super().__setattr__(name, value)

    def _track(self, variable: Variable) -> None:
        if not any(variable is known for known in self._variables):
            self._variables.append(variable)

    def _check_super_called(self) -> None:
        if "_variables" not in self.__dict__:
            raise RuntimeError(f"{type(self).__name__}.__init__ must begin with super().__init__().")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _metrics_in(value: Any) -> Iterator[Metric]:
    # Looked up anew each time, so that metrics put into a list later count too.
    if isinstance(value, Metric):
        yield value
    elif isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _metrics_in(item)


def _current(scope: StatelessScope, variables: list[Variable]) -> list[Any]:
    values = [scope.get_current_value(variable) for variable in variables]
    return [variable.value if value is None else value for value, variable in zip(values, variables)]
