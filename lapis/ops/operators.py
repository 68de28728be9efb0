"""Python's operators, indexing and a few methods of arrays on symbolic tensors."""

from collections.abc import Callable
from typing import Any

from lapis.graph import KerasTensor
from lapis.ops.core import cast
from lapis.ops.numpy.arithmetic import (
    absolute,
    add,
    floor_divide,
    mod,
    multiply,
    negative,
    power,
    subtract,
    true_divide,
)
from lapis.ops.numpy.comparison import (
    greater,
    greater_equal,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    not_equal,
)
from lapis.ops.numpy.exponents import round as round_to
from lapis.ops.numpy.indexing import get_item
from lapis.ops.numpy.products import matmul
from lapis.ops.numpy.shaping import reshape, squeeze, transpose

_BINARY = {
    "add": add,
    "sub": subtract,
    "mul": multiply,
    "truediv": true_divide,
    "floordiv": floor_divide,
    "mod": mod,
    "pow": power,
    "matmul": matmul,
    "and": logical_and,
    "or": logical_or,
    "xor": logical_xor,
}
# Equality stays identity, as in Keras: tensors are looked up in lists and dicts.
_COMPARISON = {"lt": less, "le": less_equal, "gt": greater, "ge": greater_equal, "ne": not_equal}
_UNARY = {"neg": negative, "abs": absolute, "invert": logical_not}


def _forward(function: Callable) -> Callable:
    return lambda self, other: function(self, other)


def _reflected(function: Callable) -> Callable:
    return lambda self, other: function(other, self)


def _unary(function: Callable) -> Callable:
    return lambda self: function(self)


def _reshape(self: KerasTensor, *newshape: Any) -> Any:
    return reshape(self, newshape[0] if len(newshape) == 1 else newshape)


def _round(self: KerasTensor, ndigits: int | None = None) -> Any:
    return round_to(self, ndigits or 0)


def _attach() -> None:
    methods: dict[str, Any] = {f"__{name}__": _unary(f) for name, f in _UNARY.items()}
    for name, f in _BINARY.items():
        methods[f"__{name}__"] = _forward(f)
        methods[f"__r{name}__"] = _reflected(f)
    methods.update((f"__{name}__", _forward(f)) for name, f in _COMPARISON.items())
    methods.update(
        __getitem__=lambda self, key: get_item(self, key),
        __round__=_round,
        __hash__=object.__hash__,
        reshape=_reshape,
        squeeze=lambda self, axis=None: squeeze(self, axis),
        astype=lambda self, dtype: cast(self, dtype),
        T=property(lambda self: transpose(self)),
    )
    for name, method in methods.items():
        setattr(KerasTensor, name, method)


_attach()
