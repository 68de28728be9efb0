"""What each part of a traced program computes, and which arrays go from one part to another."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from jax.extend.core import ClosedJaxpr, Jaxpr, Literal
from jax.interpreters.partial_eval import dce_jaxpr

from lapis.training.planning.counting import count, trips

_CALLS = frozenset({"jit", "pjit", "closed_call", "core_call", "remat2", "checkpoint", "custom_jvp_call"})
_CALLS |= {"custom_vjp_call", "custom_vjp_call_jaxpr", "custom_lin"}
# They show the same numbers in another order or shape, which costs a program no array of its own.
_VIEWS = frozenset({"reshape", "transpose", "squeeze", "expand_dims", "copy", "stop_gradient", "optimization_barrier"})


class Part(NamedTuple):
    """The equations of one row of a plan, forward or backward."""

    row: str | None
    backward: bool


@dataclasses.dataclass(eq=False)
class Array:
    """An array with the part that makes it; `None` for what the program is given."""

    size: int
    made_by: Part | None


@dataclasses.dataclass
class Work:
    """What a part does: operations, the arrays that it takes from other parts, and those that others take from it."""

    flops: float = 0.0
    read: set[Array] = dataclasses.field(default_factory=set)
    written: set[Array] = dataclasses.field(default_factory=set)


class Flow:
    """The work of each part of a program.

    Equations belong to the row whose tag is the innermost of their name scopes, `None` where there is none.

    Attributes:
        work: by part.
        kept: by row, the arrays that its forward equations make and any backward equation reads.
        unknown_loops: how many loops run nobody knows how often.
    """

    def __init__(self, program: Jaxpr, is_tag: Callable[[str], bool]) -> None:
        self.work: dict[Part, Work] = {}
        self.kept: dict[str | None, set[Array]] = {}
        self.unknown_loops = 0
        self._is_tag = is_tag
        jaxpr, _ = dce_jaxpr(program, [True] * len(program.outvars), instantiate=True)
        arrays = {x: Array(_bytes(x), None) for x in [*jaxpr.invars, *jaxpr.constvars]}
        self._walk(jaxpr, arrays, ())
        for x in jaxpr.outvars:
            if not isinstance(x, Literal):
                self._leaves(arrays[x])

    def _walk(self, jaxpr: Jaxpr, arrays: dict[Any, Array], outer: tuple) -> None:
        for equation in jaxpr.eqns:
            stack = (*outer, *equation.source_info.name_stack.stack)
            name = equation.primitive.name
            if name in _CALLS:
                inner = _inner(equation)
                known = {x: self._array(a, arrays) for x, a in zip(inner.invars, equation.invars, strict=True)}
                known |= {x: Array(_bytes(x), None) for x in inner.constvars}
                self._walk(inner, known, stack)
                for x, out in zip(equation.outvars, inner.outvars, strict=True):
                    arrays[x] = self._array(out, known)
            elif name in _VIEWS and len(equation.invars) == len(equation.outvars):
                for x, a in zip(equation.outvars, equation.invars):
                    arrays[x] = self._array(a, arrays)
            else:
                self._take(equation, arrays, self._part(stack))

    def _take(self, equation: Any, arrays: dict[Any, Array], part: Part) -> None:
        work = self.work.setdefault(part, Work())
        work.flops += count(equation)
        self.unknown_loops += equation.primitive.name == "while" and trips(equation) is None
        given = [arrays[x] for x in equation.invars if not isinstance(x, Literal)]
        for array in given:
            if array.made_by != part:
                work.read.add(array)
                self._leaves(array)
                maker = array.made_by
                if part.backward and maker is not None and not maker.backward:
                    self.kept.setdefault(maker.row, set()).add(array)
        constant = not any(array.size for array in given)  # zeros and the like are made again where they are wanted
        for x in equation.outvars:
            arrays[x] = Array(0 if constant else _bytes(x), part)

    def _leaves(self, array: Array) -> None:
        if array.made_by is not None:
            self.work[array.made_by].written.add(array)

    def _array(self, x: Any, arrays: dict[Any, Array]) -> Array:
        return Array(0, None) if isinstance(x, Literal) else arrays[x]

    def _part(self, stack: tuple) -> Part:
        tags = [scope.name for scope in stack if self._is_tag(scope.name)]
        backward = any(scope.name == "transpose" and type(scope).__name__ == "Transform" for scope in stack)
        return Part(tags[-1] if tags else None, backward)


def sizes(arrays: set[Array]) -> int:
    """The bytes of all arrays."""
    return sum(array.size for array in arrays)


def _inner(equation: Any) -> Jaxpr:
    for name in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        found = equation.params.get(name)
        if found is not None:
            return found.jaxpr if isinstance(found, ClosedJaxpr) else found
    raise NotImplementedError(f"A plan cannot look into {equation.primitive.name!r}.")


def _bytes(x: Any) -> int:
    itemsize = getattr(getattr(x.aval, "dtype", None), "itemsize", 0)
    return math.prod(x.aval.shape) * itemsize if itemsize else 0
