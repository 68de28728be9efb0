"""The symbolic tensor: a shape, an element type, and where it came from."""

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from lapis.core.dtypes import ALLOWED_DTYPES, standardize_dtype
from lapis.core.naming import unique_name

_USE_OPS = (
    "A symbolic tensor (shape {shape}, dtype {dtype}) was given to {what}, which needs numbers, but a symbolic tensor "
    "stands for numbers that come later. Use the function of the same name in `lapis.ops` (for example "
    "`lapis.ops.sin(x)` in place of `jnp.sin(x)` or `np.sin(x)`), or call the function inside a Layer's `call`."
)
_USE_COND = (
    "The truth of a symbolic tensor (shape {shape}, dtype {dtype}) is not known while the graph is made, so a Python "
    "`if`, `while`, `and` or `not` cannot use it. Use `lapis.ops.where` or `lapis.ops.cond`, or decide inside a "
    "Layer's `call`."
)
_NOT_ITERABLE = (
    "A symbolic tensor (shape {shape}, dtype {dtype}) cannot be iterated over or measured with len(). Index it "
    "(`x[:, 0]`), use its `.shape`, or split it with `lapis.ops.unstack` or `lapis.ops.split`."
)


PLAIN = frozenset({int, float, bool, str, type(None)})  # the classes of values that hold no tensor
_KNOWN_DTYPES = frozenset(ALLOWED_DTYPES)


class KerasHistory(NamedTuple):
    """Where a tensor came from: the operation, which of its calls, and which of that call's outputs."""

    operation: Any
    node_index: int
    tensor_index: int


class ArrayHolder:
    """What holds an array in `.value` and stands for it in operations; `Variable` is one."""

    __slots__ = ()
    value: Any


class KerasTensor:
    """A placeholder for an array in a graph of layers and operations.

    Its `shape` is a tuple of sizes by axis, `None` where unknown; its `dtype` the element type's name; its `dims` the
    names of the axes, `None` where none are known.

    Args:
        shape: sizes by axis; `None` for a size that is known only when the model runs.
        dtype: element type.
        sparse: accepted for Keras's sake; must be false.
        ragged: accepted for Keras's sake; must be false.
        record_history: whether operations on it are to be recorded.
        name: a name; made up when not given.

    >>> x = KerasTensor((None, 3))
    >>> x.shape, x.dtype
    ((None, 3), 'float32')
    """

    shape: tuple[int | None, ...] = ()
    dtype: str = "float32"
    dims: tuple[str | None, ...] | None = None
    _keras_history: KerasHistory
    _keras_mask: Any
    _optional: ClassVar[bool] = False
    # Makes `array + symbolic` come to our reflected operator instead of NumPy's or JAX's own.
    __array_priority__ = 1000

    def __init__(
        self,
        shape: Any,
        dtype: Any = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        **_: Any,
    ) -> None:
        if sparse or ragged:
            raise ValueError("Sparse and ragged tensors are not supported on JAX; use a dense tensor.")
        self.shape = tuple(shape)
        self.dtype = dtype if dtype in _KNOWN_DTYPES else standardize_dtype(dtype)
        self.record_history = record_history
        self._name = name

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def sparse(self) -> bool:
        """Always false."""
        return False

    @property
    def ragged(self) -> bool:
        """Always false."""
        return False

    @property
    def ragged_rank(self) -> None:
        """Always `None`."""
        return None

    @property
    def row_splits_dtype(self) -> None:
        """Always `None`."""
        return None

    @property
    def name(self) -> str:
        """The tensor's name, made up at the first look when none was given."""
        if self._name is None:
            self._name = unique_name("keras_tensor")
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        self._name = value

    def __repr__(self) -> str:
        dims = "" if self.dims is None else f" dims={self.dims},"
        return f"<KerasTensor shape={self.shape},{dims} dtype={self.dtype}, name={self.name}>"

    def _refuse(self, text: str, what: str = "") -> TypeError:
        return TypeError(text.format(shape=self.shape, dtype=self.dtype, what=what))

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise self._refuse(_USE_OPS, "a NumPy function")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        # `np_array + symbolic` reaches NumPy first: hand the arithmetic ones to our reflected operators.
        reflected = _REFLECTED.get(ufunc.__name__)
        if method == "__call__" and reflected and not kwargs and len(inputs) == 2 and inputs[1] is self:
            return getattr(self, reflected)(inputs[0])
        raise self._refuse(_USE_OPS, f"np.{ufunc.__name__}")

    def _refuse_jax(self) -> Any:
        # Not named __jax_array__: then `jax_array + symbolic` would end here instead of in our reflected operator.
        raise self._refuse(_USE_OPS, "a JAX function")

    def __bool__(self) -> bool:
        raise self._refuse(_USE_COND)

    def __float__(self) -> float:
        raise self._refuse(_USE_OPS, "float()")

    def __int__(self) -> int:
        raise self._refuse(_USE_OPS, "int()")

    def __index__(self) -> int:
        raise self._refuse(_USE_OPS, "a place for a Python integer")

    def __iter__(self) -> Any:
        raise self._refuse(_NOT_ITERABLE)

    def __len__(self) -> int:
        raise self._refuse(_NOT_ITERABLE)

    if TYPE_CHECKING:  # what `lapis.ops.operators` puts here

        def __add__(self, other: Any, /) -> "KerasTensor": ...
        def __neg__(self) -> "KerasTensor": ...
        def __getitem__(self, key: Any, /) -> "KerasTensor": ...
        def __ne__(self, other: Any, /) -> "KerasTensor": ...  # pyright: ignore[reportIncompatibleMethodOverride]
        def __round__(self, ndigits: int | None = None) -> "KerasTensor": ...
        def reshape(self, *newshape: Any) -> "KerasTensor": ...
        def squeeze(self, axis: Any = None) -> "KerasTensor": ...
        def astype(self, dtype: Any) -> "KerasTensor": ...

        @property
        def T(self) -> "KerasTensor": ...

        __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __add__
        __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = __add__
        __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __lt__ = __le__ = __gt__ = __ge__ = __add__
        __abs__ = __invert__ = __neg__


_REFLECTED = {
    "add": "__radd__",
    "subtract": "__rsub__",
    "multiply": "__rmul__",
    "divide": "__rtruediv__",
    "true_divide": "__rtruediv__",
    "floor_divide": "__rfloordiv__",
    "remainder": "__rmod__",
    "power": "__rpow__",
    "matmul": "__rmatmul__",
    "logical_and": "__rand__",
    "bitwise_and": "__rand__",
    "bitwise_or": "__ror__",
    "bitwise_xor": "__rxor__",
    "less": "__gt__",
    "less_equal": "__ge__",
    "greater": "__lt__",
    "greater_equal": "__le__",
    "not_equal": "__ne__",
}


def is_symbolic(x: Any) -> bool:
    """Whether the value is a symbolic tensor."""
    return isinstance(x, KerasTensor)


def any_symbolic(*structures: Any) -> bool:
    """Whether a symbolic tensor occurs anywhere in the (nested) values."""
    for value in structures:
        kind = value.__class__
        if kind is KerasTensor:
            return True
        if kind in PLAIN:
            continue
        if isinstance(value, (list, tuple)):
            if any_symbolic(*value):
                return True
        elif isinstance(value, dict):
            if any_symbolic(*value.values()):
                return True
        elif isinstance(value, KerasTensor):
            return True
    return False
