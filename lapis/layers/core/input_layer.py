"""Where a graph begins."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from lapis.core import config
from lapis.core.dtypes import standardize_dtype
from lapis.core.naming import unique_name
from lapis.core.serialization import builtin
from lapis.graph import KerasTensor, Node
from lapis.layers.layer import Layer

Shape: TypeAlias = Sequence[int | None] | dict[str, int | None] | int | None


@builtin("keras.layers")
class InputLayer(Layer):
    """The layer that stands for an input of a model; `Input` makes one and gives its tensor.

    Args:
        shape: the shape without the batch axis, `None` for unknown sizes; or a dict of sizes by the names of the
            dimensions.
        batch_size: the size of the batch axis; unknown when not given.
        dtype: element type; `floatx()` when not given.
        sparse: must not be true: JAX has no such inputs.
        ragged: must not be true: JAX has no such inputs.
        batch_shape: the whole shape, in place of `shape` and `batch_size`.
        input_tensor: a symbolic tensor to take as the input.
        optional: whether `None` may be fed.
        name: a name.
    """

    batch_shape: tuple[int | None, ...] = ()

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=unique_name("input_layer") if name is None else name)
        dims = None
        if isinstance(shape, dict):
            dims, shape = (None, *shape), tuple(shape.values())
        if "input_shape" in kwargs:
            shape = kwargs.pop("input_shape")
        if "batch_input_shape" in kwargs:  # Keras 2's word
            batch_shape = kwargs.pop("batch_input_shape")
        if kwargs:
            raise ValueError(f"Input got unknown arguments {sorted(kwargs)}.")
        if sparse or ragged:
            raise ValueError("Sparse and ragged inputs are not supported on JAX; feed dense arrays.")
        if input_tensor is not None and not isinstance(input_tensor, KerasTensor):
            raise ValueError(f"Input takes a symbolic tensor as `tensor`; got {type(input_tensor).__name__}.")
        if batch_shape is not None and (shape is not None or batch_size is not None):
            raise ValueError("Input takes either `batch_shape`, or `shape` with `batch_size`, not both.")
        if batch_shape is None and shape is None:
            if input_tensor is None:
                raise ValueError("Input needs a `shape`, for example `Input(shape=(32,))`.")
            batch_shape = input_tensor.shape
        if batch_shape is None:
            batch_shape = (batch_size, *_checked_shape(shape, "shape"))
        self.batch_shape = _checked_shape(batch_shape, "batch_shape")
        if dtype is None:
            dtype = input_tensor.dtype if input_tensor is not None else config.floatx()
        self._dtype = standardize_dtype(dtype)
        self.optional = optional
        self.supports_masking = True
        if input_tensor is None:
            input_tensor = KerasTensor(self.batch_shape, self._dtype, name=self.name)
        elif input_tensor.shape != self.batch_shape or input_tensor.dtype != self._dtype:
            raise ValueError(
                f"Input was given the tensor {input_tensor}, which has not the shape {self.batch_shape} and type "
                f"{self._dtype}."
            )
        if optional:
            input_tensor._optional = True  # pyright: ignore[reportAttributeAccessIssue]
        self._input_tensor = input_tensor
        self.name_dims(dims)
        self.built = True
        Node(self, (), {}, input_tensor)

    def name_dims(self, dims: Sequence[str | None] | None) -> None:
        """Give the dimensions names, the batch first; `None` gives none."""
        if dims is None:
            return
        wrong = [name for name in dims[1:] if name is not None and (not isinstance(name, str) or not name)]
        if wrong or len(dims) != len(self.batch_shape):
            raise ValueError(
                f"The input {self.name!r} of shape {self.batch_shape} got the names {list(dims)} for its dimensions; "
                "expected a text for each axis but the batch, as in Input({'time': None, 'channel': 64})."
            )
        self._input_tensor.dims = tuple(dims)

    @property
    def dtype(self) -> str:
        return self._dtype

    def call(self) -> Any:
        raise ValueError(
            f"The input {self.name!r} is a place for data, not a function: feed the model that it belongs to."
        )

    def get_config(self) -> dict:
        return {
            "batch_shape": self.batch_shape,
            "dtype": self._dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": self.optional,
        }


def _checked_shape(shape: Any, what: str) -> tuple[int | None, ...]:
    try:
        sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    except TypeError:
        raise ValueError(f"Input's `{what}` must be a tuple of sizes; got {shape!r}.") from None
    for size in sizes:
        if size is not None and (not hasattr(size, "__index__") or isinstance(size, bool) or int(size) < 0):
            raise ValueError(f"Input's `{what}` must hold non-negative integers and None; got {shape!r}.")
    return tuple(None if size is None else int(size) for size in sizes)


def Input(
    shape: Shape = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Shape = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """A symbolic tensor to build a model from.

    Args:
        shape: the shape without the batch axis, such as `(784,)`; `None` for sizes that vary. A dict gives the
            dimensions names, in order, such as `{"time": None, "channel": 64}`: where layers bring together dimensions
            of different names, it is a `ValueError`, and inputs must agree in the sizes of a name that vary.
        batch_size: the size of the batch axis, where it is to be fixed.
        dtype: element type, `"float32"` unless `floatx()` says otherwise.
        sparse: must not be true: JAX has no such inputs.
        ragged: must not be true: JAX has no such inputs.
        batch_shape: the whole shape, in place of `shape` and `batch_size`.
        name: the name by which data are matched with it.
        tensor: a symbolic tensor to take as the input.
        optional: whether `None` may be fed.

    >>> Input((784,), name="img").shape
    (None, 784)
    >>> Input({"time": None, "channel": 64}).dims
    (None, 'time', 'channel')
    """
    layer = InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name)
    return layer.output
