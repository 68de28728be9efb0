"""A choice between two functions that assign to variables."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lapis.state import StatelessScope, Variable


def branch(
    condition: Any, if_true: Callable[[], None], if_false: Callable[[], None], variables: Sequence[Variable]
) -> None:
    """Run one of the two, which may assign to `variables`.

    Where the condition is known that is all; inside a compiled program both become pure functions under `lax.cond`,
    so that only the chosen one runs.

    >>> v = Variable(1.0)
    >>> branch(True, lambda: v.assign(2.0), lambda: v.assign(3.0), [v])
    >>> float(v.value)
    2.0
    """
    if not isinstance(condition, jax.core.Tracer):
        (if_true if condition else if_false)()
        return

    def pure(function: Callable[[], None]) -> Callable[[list], list]:
        def run(values: list) -> list:
            with StatelessScope(state_mapping=list(zip(variables, values))) as scope:
                function()
            return [scope.get_current_value(variable) for variable in variables]

        return run

    before = [variable.value for variable in variables]
    after = jax.lax.cond(jnp.asarray(condition), pure(if_true), pure(if_false), before)
    for variable, value in zip(variables, after):
        variable.assign(value)
