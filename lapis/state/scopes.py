"""Scopes: what makes mutable layers pure inside a compiled program, casts weights, and names them."""

import math
import threading
from collections.abc import Iterable
from typing import Any

import numpy as np

from lapis.core.dtypes import is_float_dtype, standardize_dtype


class _Local(threading.local):
    stateless: "StatelessScope | None" = None
    autocast: str | None = None
    symbolic: bool = False
    budget: "AllocationBudget | None" = None
    callers: tuple[Any, ...] = ()
    path: str = ""
    rows: Any = None  # the active `real_rows`
    around: Any = None  # `around(layer, call)` gives what is called in place of each layer's `call`


local = _Local()


class StatelessScope:
    """Within the scope, variables read the values given for them, and assignments stay in the scope.

    Args:
        state_mapping: pairs of a variable and the value it is to have.
        collect_losses: whether losses added by layers are kept in `losses`.

    >>> import lapis
    >>> v = lapis.Variable(1.0)
    >>> with lapis.StatelessScope([(v, 5.0)]) as scope:
    ...     v.assign(v + 1)
    >>> float(scope.get_current_value(v)), float(v.value)
    (6.0, 1.0)
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Any, Any]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ) -> None:
        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables
        self.losses: list[Any] = []
        self.values: dict[int, Any] = {}
        self._kept_alive: list[Any] = []
        for variable, value in state_mapping or ():
            if value is not None and tuple(value.shape if hasattr(value, "shape") else ()) != tuple(variable.shape):
                raise ValueError(
                    f"The variable {variable.path!r} has shape {variable.shape}, but was given a value of shape "
                    f"{tuple(getattr(value, 'shape', ()))} in a StatelessScope."
                )
            self.values[id(variable)] = variable.convert(value)
            self._kept_alive.append(variable)

    def __enter__(self) -> "StatelessScope":
        self._outer = local.stateless
        local.stateless = self
        return self

    def __exit__(self, *_: Any) -> None:
        local.stateless = self._outer

    def add_loss(self, loss: Any) -> None:
        """Keep a loss that a layer added."""
        self.losses.append(loss)

    def add_update(self, update: tuple[Any, Any]) -> None:
        """Give a variable a value within the scope."""
        variable, value = update
        if id(variable) not in self.values:
            self._kept_alive.append(variable)
        self.values[id(variable)] = value

    def get_current_value(self, variable: Any) -> Any:
        """The variable's value within the scope; `None` if neither given nor assigned."""
        return self.values.get(id(variable))


def in_stateless_scope() -> bool:
    """Whether a `StatelessScope` is active."""
    return local.stateless is not None


def get_stateless_scope() -> StatelessScope | None:
    """The active `StatelessScope`, or `None`."""
    return local.stateless


class SymbolicScope:
    """Marks that only shapes are being worked out."""

    def __enter__(self) -> "SymbolicScope":
        self._outer = local.symbolic
        local.symbolic = True
        return self

    def __exit__(self, *_: Any) -> None:
        local.symbolic = self._outer


class AutocastScope:
    """Within the scope, floating-point variables that allow it are read in the given type; `None` casts nothing."""

    def __init__(self, dtype: Any) -> None:
        dtype = None if dtype is None else standardize_dtype(dtype)
        self.dtype = dtype if dtype is not None and is_float_dtype(dtype) else None

    def __enter__(self) -> "AutocastScope":
        self._outer = local.autocast
        local.autocast = self.dtype
        return self

    def __exit__(self, *_: Any) -> None:
        local.autocast = self._outer


class AllocationBudget:
    """Within the scope, new variables may take `limit` bytes together; one beyond that is refused before it is made.

    >>> import lapis
    >>> with AllocationBudget(1000):
    ...     lapis.layers.Dense(1000, name="dense").build((None, 1000))
    Traceback (most recent call last):
    ...
    ValueError: The variable 'dense/kernel' of shape (1000, 1000) would take ...
    """

    def __init__(self, limit: int) -> None:
        self.limit = self._left = limit

    def take(self, path: str, shape: tuple[int, ...], dtype: str) -> None:
        """Set bytes aside for a variable."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size > self._left:
            raise ValueError(
                f"The variable {path!r} of shape {shape} would take {size:,} bytes, more than what is left of the "
                f"{self.limit:,} that all variables may take here."
            )
        self._left -= size

    def __enter__(self) -> "AllocationBudget":
        self._outer = local.budget
        local.budget = self
        return self

    def __exit__(self, *_: Any) -> None:
        local.budget = self._outer


def claim_memory(path: str, shape: tuple[int, ...], dtype: str) -> None:
    """Refuse, within an `AllocationBudget`, an array that is no variable and takes more than what is left."""
    if local.budget is not None:
        local.budget.take(path, shape, dtype)


class name_scope:
    """Within the scope, the paths of new variables begin with the name.

    A scope opened again by the same caller directly inside its own adds nothing.
    """

    def __init__(self, name: str, caller: Any = None, deduplicate: bool = True) -> None:
        if not isinstance(name, str) or "/" in name:
            raise ValueError(f"A name scope needs a string without '/'; got {name!r}.")
        self.name = name
        self.caller = caller
        self.deduplicate = deduplicate

    def __enter__(self) -> "name_scope":
        self._outer = local.callers, local.path
        callers = local.callers
        if not (self.deduplicate and self.caller is not None and callers and callers[-1] is self.caller):
            local.callers = (*callers, self.caller)
            local.path = f"{local.path}/{self.name}" if local.path else self.name
        return self

    def __exit__(self, *_: Any) -> None:
        local.callers, local.path = self._outer
