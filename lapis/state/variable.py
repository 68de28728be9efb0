"""The variable: an array that layers, metrics and optimizers change in place."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lapis.core import config
from lapis.core.changes import changed
from lapis.core.dtypes import is_float_dtype, standardize_dtype
from lapis.core.naming import auto_name
from lapis.graph import ArrayHolder, KerasTensor, inferring
from lapis.state.scopes import claim_memory, local

_NO_X64 = (
    "The {what} was asked for in {dtype}, but JAX computes in 32 bits unless told otherwise, and would "
    "round "
    'it silently. Set the environment variable JAX_ENABLE_X64=1 or call `jax.config.update("jax_enable_x64", True)` '
    "before making the model."
)
_LEAK = (
    "The variable {path!r} was assigned inside a function that JAX is tracing (jit, grad, vmap, scan), where the new "
    "value "
    "would be lost. Call the layer with `layer.stateless_call(...)`, which returns the new values, or wrap the call in "
    "a `lapis.StatelessScope`."
)
_INT = frozenset({int})
_COMMON_DTYPES = frozenset({"float32", "float16", "bfloat16"})
_MOST_ZEROS_KEPT = 1024
_LEAST_WAITING = 1024  # elements; what is smaller is made at once
_AGGREGATIONS = ("none", "mean", "sum", "only_first_replica")


_Operator = Callable[[Any], Any]


class _WhenRead:
    """Stands for the value of a variable that waits, until it is made: then the variable's own attribute hides this."""

    def __get__(self, variable: "Variable | None", owner: type) -> Any:
        if variable is None:
            return self
        if inferring():  # shapes alone are asked for, of which these are
            return jnp.zeros(variable._shape, variable._dtype)
        return variable._made()


class Variable(ArrayHolder):
    """An array with a name that can be assigned to, and that operations take in place of an array.

    A large one whose initializer gives the same array at any time waits with it until it is read, so that a weight
    that is loaded from a file never has two arrays.

    Args:
        initializer: the first value: an array, a number, or a callable `initializer(shape, dtype=dtype)`.
        shape: the shape; needed with a callable.
        dtype: the element type; that of the array, or `floatx()`.
        trainable: whether `fit` changes it.
        autocast: whether a layer's mixed-precision policy may read it in the compute type.
        aggregation: how replicas are to be combined: "none", "mean", "sum" or "only_first_replica".
        name: its name; made up when not given.

    Raises:
        ValueError: for a callable without a shape, or a value that has another shape.

    >>> v = Variable(np.zeros((2, 3), "float32"), name="w")
    >>> v.assign(v + 1)
    >>> v.shape, v.dtype, float(v.value.sum())
    ((2, 3), 'float32', 6.0)
    """

    # Set alike below the class; type checkers read them here.
    __add__: _Operator
    __sub__: _Operator
    __mul__: _Operator
    __truediv__: _Operator
    __floordiv__: _Operator
    __mod__: _Operator
    __pow__: _Operator
    __matmul__: _Operator
    __and__: _Operator
    __or__: _Operator
    __xor__: _Operator
    __radd__: _Operator
    __rsub__: _Operator
    __rmul__: _Operator
    __rtruediv__: _Operator
    __rfloordiv__: _Operator
    __rmod__: _Operator
    __rpow__: _Operator
    __rmatmul__: _Operator
    __rand__: _Operator
    __ror__: _Operator
    __rxor__: _Operator
    __lt__: _Operator
    __le__: _Operator
    __gt__: _Operator
    __ge__: _Operator
    _value: Any = _WhenRead()

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str | None = "auto",
        name: str | None = None,
        **_: Any,
    ) -> None:
        name = name or auto_name(type(self).__name__)
        if not isinstance(name, str) or "/" in name:
            raise ValueError(f"A variable's name must be a string without '/'; got {name!r}.")
        if aggregation not in (None, *_AGGREGATIONS):
            raise ValueError(f"aggregation is {aggregation!r}; expected one of {', '.join(_AGGREGATIONS)}.")
        self._name = name
        prefix = local.path
        self._path = f"{prefix}/{name}" if prefix else name
        self._trainable = bool(trainable)
        self._autocast = bool(autocast)
        self._aggregation = aggregation or "none"
        self._synchronization = synchronization
        self._regularizer: Any = None
        self._constraint: Any = None
        self._overwrite_with_gradient = False
        self._zeros: jax.Array | None = None
        self._initializer: Callable | None = None
        if callable(initializer) and not isinstance(initializer, (ArrayHolder, np.ndarray, jax.Array)):
            if shape is None:
                raise ValueError(f"The variable {self._path!r} has a callable initializer, so it needs a `shape`.")
            usual = shape.__class__ is tuple and _INT.issuperset(map(type, shape)) and min(shape, default=0) >= 0
            self._shape = shape if usual else _static_shape(shape, self._path)
            self._dtype = dtype if dtype in _COMMON_DTYPES else self._checked_dtype(dtype)
            claim_memory(self._path, self._shape, self._dtype)
            self._initializer = initializer
            value = None if self._waits() else _concrete(initializer, self._shape, self._dtype)
        else:
            if isinstance(initializer, Variable):
                initializer = initializer._made()
            self._dtype = self._checked_dtype(dtype if dtype is not None else _own_dtype(initializer))
            value = _concrete(initializer, None, self._dtype)
            self._shape = value.shape if shape is None else _static_shape(shape, self._path)
        if value is not None:
            if tuple(value.shape) != self._shape:
                raise ValueError(
                    f"The variable {self._path!r} has shape {self._shape}, but its initial value has shape "
                    f"{value.shape}."
                )
            self._value = value
        self._is_float = is_float_dtype(self._dtype)

    def _waits(self) -> bool:
        can_wait = getattr(self._initializer, "can_wait", None)
        large = math.prod(self._shape) >= _LEAST_WAITING
        return large and can_wait is not None and can_wait(self._shape, self._dtype)

    def _made(self) -> jax.Array:
        """The value, made first if it waits."""
        if "_value" not in self.__dict__:
            self._value = _concrete(self._initializer, self._shape, self._dtype)
        return self._value

    def held_value(self) -> jax.Array | None:
        """The value for `restore_value`, `None` while it waits to be made."""
        return self.__dict__.get("_value")

    def restore_value(self, value: jax.Array | None) -> None:
        """Go back to what `held_value` gave."""
        if value is None:
            self.__dict__.pop("_value", None)
        else:
            self._value = value

    def _checked_dtype(self, dtype: Any) -> str:
        dtype = standardize_dtype(dtype)
        if dtype in ("float64", "int64", "uint64", "complex128") and not config.x64_enabled():
            if dtype != "float64":
                return {"int64": "int32", "uint64": "uint32", "complex128": "complex64"}[dtype]
            require_x64(dtype, f"variable {self._path!r}")
        return dtype

    @property
    def value(self) -> Any:
        """The current value, cast by an enclosing autocast scope."""
        scope = local.stateless
        value = None if scope is None else scope.values.get(id(self))
        if value is None:
            value = self._value
        autocast = local.autocast
        if autocast is not None and self._autocast and self._is_float and autocast != self._dtype:
            return value.astype(autocast)
        return value

    def convert(self, value: Any) -> Any:
        """`value` as an array of the variable's own type."""
        if isinstance(value, ArrayHolder):
            value = value.value
        return _taken_over(value, self._dtype)

    def assign(self, value: Any) -> None:
        """Set the value; it must have the variable's shape and is cast to its type."""
        if isinstance(value, KerasTensor):
            raise TypeError(
                f"The variable {self._path!r} cannot be assigned a symbolic tensor, which holds no numbers."
            )
        value = self.convert(value)
        if value.shape != self._shape:
            raise ValueError(
                f"The variable {self._path!r} has shape {self._shape}; it cannot be assigned a value of shape "
                f"{value.shape}."
            )
        scope = local.stateless
        if scope is not None:
            scope.add_update((self, value))
        elif not inferring():
            if isinstance(value, jax.core.Tracer):
                raise RuntimeError(_LEAK.format(path=self._path))
            self._value = value

    def assign_zeros(self) -> None:
        """Set the value to zeros, which are made once and used again while no program has taken them over."""
        zeros = self._zeros
        if zeros is None or zeros.is_deleted():
            zeros = self.convert(np.zeros(self._shape, self._dtype))  # of NumPy's, which nothing is compiled for
            if zeros.size <= _MOST_ZEROS_KEPT and not isinstance(zeros, jax.core.Tracer):
                self._zeros = zeros
        self.assign(zeros)

    def assign_add(self, value: Any) -> None:
        """Add to the value."""
        self.assign(jnp.add(self.value, _array(value)))

    def assign_sub(self, value: Any) -> None:
        """Subtract from the value."""
        self.assign(jnp.subtract(self.value, _array(value)))

    def numpy(self) -> np.ndarray:
        """The value as a NumPy array."""
        return np.asarray(self.value)

    @property
    def name(self) -> str:
        """The name, without its scope."""
        return self._name

    @property
    def path(self) -> str:
        """The name with those of the layers around it: `"encoder/dense/kernel"`."""
        return self._path

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return self._shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._shape)

    @property
    def dtype(self) -> str:
        """The element type as read here: the variable's own, or that of an enclosing autocast scope."""
        autocast = local.autocast
        return autocast if autocast is not None and self._autocast and self._is_float else self._dtype

    @property
    def trainable(self) -> bool:
        """Whether `fit` changes it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        changed()

    @property
    def autocast(self) -> bool:
        """Whether a mixed-precision policy may cast it when read."""
        return self._autocast

    @property
    def aggregation(self) -> str:
        """How replicas are combined."""
        return self._aggregation

    @property
    def synchronization(self) -> str | None:
        """How replicas are kept in step; accepted for Keras's sake."""
        return self._synchronization

    @property
    def overwrite_with_gradient(self) -> bool:
        """Whether the optimizer puts the gradient in place of the value instead of stepping along it."""
        return self._overwrite_with_gradient

    @overwrite_with_gradient.setter
    def overwrite_with_gradient(self, value: bool) -> None:
        self._overwrite_with_gradient = bool(value)
        changed()

    @property
    def regularizer(self) -> Callable | None:
        """Gives the penalty that the value adds to the loss."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value: Callable | None) -> None:
        self._regularizer = value
        changed()

    @property
    def constraint(self) -> Callable | None:
        """Applied to the value after each training step."""
        return self._constraint

    @constraint.setter
    def constraint(self, value: Callable | None) -> None:
        self._constraint = value
        changed()

    def __repr__(self) -> str:
        value = local.stateless is None and not isinstance(self._value, jax.core.Tracer)
        shown = f", value={np.asarray(self._value)}" if value else ""
        return f"<Variable path={self._path}, shape={self._shape}, dtype={self._dtype}{shown}>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.value, dtype)

    def __jax_array__(self) -> Any:
        return self.value

    def __bool__(self) -> bool:
        raise TypeError(f"The variable {self._path!r} has no truth of its own; use its `.value`.")

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Any:
        return iter(self.value)

    def __getitem__(self, index: Any) -> Any:
        return self.value[index]

    def __neg__(self) -> Any:
        return -self.value

    def __abs__(self) -> Any:
        return abs(self.value)

    def __invert__(self) -> Any:
        return ~self.value

    def __round__(self, ndigits: int = 0) -> Any:
        return jnp.round(self.value, ndigits)


def require_x64(dtype: str, what: str) -> None:
    """Raise a `ValueError` unless JAX computes in 64 bits."""
    if not config.x64_enabled():
        raise ValueError(_NO_X64.format(what=what, dtype=dtype))


def _static_shape(shape: Any, path: str) -> tuple[int, ...]:
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    for size in shape:
        if (size.__class__ is not int and not isinstance(size, np.integer)) or size < 0:
            raise ValueError(
                f"The variable {path!r} was given the shape {shape}; every size must be a known, non-negative integer. "
                "Where the input's size is unknown (`None`), give it in `Input(shape=...)`."
            )
    return tuple(map(int, shape))


def _array(value: Any) -> Any:
    return value.value if isinstance(value, ArrayHolder) else jnp.asarray(value)


def _own_dtype(value: Any) -> Any:
    dtype = getattr(value, "dtype", None)
    if dtype is not None:
        return "float32" if str(dtype) == "float64" and not config.x64_enabled() else dtype
    array = np.asarray(value)
    return None if array.dtype == np.float64 else array.dtype


def _concrete(source: Any, shape: tuple | None, dtype: str) -> jax.Array:
    """A real array, even while JAX traces, so that layers may build themselves then; a shape means an initializer."""
    with jax.ensure_compile_time_eval():
        if shape is None:
            return _taken_over(source, dtype)
        value = source(shape, dtype=dtype)
        return value if isinstance(value, jax.Array) and value.dtype == dtype else jnp.asarray(value, dtype)


def _taken_over(value: Any, dtype: str) -> jax.Array:
    """The value as an array that stays as it is: an array of NumPy's, which JAX may read in place, may be changed."""
    if isinstance(value, jax.Array) and value.dtype == dtype:
        return value
    changeable = isinstance(value, np.ndarray) and value.flags.writeable
    return jnp.array(value, dtype) if changeable else jnp.asarray(value, dtype)


def _binary(name: str) -> Callable:
    def operator(self: Variable, other: Any) -> Any:
        if isinstance(other, KerasTensor):
            return NotImplemented
        return getattr(self.value, name)(other.value if isinstance(other, ArrayHolder) else other)

    operator.__name__ = name
    return operator


for _name in (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"),
    *("radd", "rsub", "rmul", "rtruediv", "rfloordiv", "rmod", "rpow", "rmatmul", "rand", "ror", "rxor"),
    *("lt", "le", "gt", "ge"),
):
    setattr(Variable, f"__{_name}__", _binary(f"__{_name}__"))
