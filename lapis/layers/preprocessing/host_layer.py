"""What layers share that run on the host, in NumPy: those of strings, and those that look things up."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

import lapis.ops as ops
from lapis.core.config import x64_enabled
from lapis.graph import KerasTensor, any_symbolic
from lapis.layers.layer import Layer

OUTPUT_MODES = ("int", "one_hot", "multi_hot", "count")
_TRACED = (
    "The layer {path!r} ({cls}) runs on the host, outside of compiled functions, and so needs the data themselves. "
    "Use it on a model's inputs, call it on the data before they are fed, or compile the model with run_eagerly=True."
)
_NO_STRING = "The layer {path!r} ({cls}) takes strings; got {value!r:.60} of type {kind}.{hint}"
_MISSING = " Replace missing values by a string first, for example ''."


class HostLayer(Layer):
    """A layer that computes in NumPy: `run_on_host` gives arrays of NumPy, a call the same as tensors.

    In a model's graph it belongs to what is done with the data before they reach the compiled part.
    """

    supports_jit = False
    _on_host = True
    _by_sample = True
    _convert_input_args = False
    _allow_non_tensor_positional_args = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], (list, tuple, str, bytes)):
            args = (self._as_arrays(args[0]), *args[1:])
        return super().__call__(*args, **kwargs)

    def _as_arrays(self, inputs: Any) -> Any:
        """Lists and strings as one array."""
        return inputs if any_symbolic(inputs) else self._array(inputs)

    def run_on_host(self, inputs: Any) -> np.ndarray:
        """The outputs for arrays, lists or strings."""
        raise NotImplementedError

    def call(self, inputs: Any) -> Any:
        outputs = self.run_on_host(inputs)
        return outputs if outputs.dtype.kind in "OSU" else ops.convert_to_tensor(outputs)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        return KerasTensor(self.compute_output_shape(inputs.shape), self._output_dtype)

    @property
    def _output_dtype(self) -> str:
        raise NotImplementedError

    def _array(self, values: Any) -> np.ndarray:
        try:
            return np.asarray(values)
        except TypeError as error:  # a tracer has no values
            raise TypeError(_TRACED.format(path=self.path, cls=type(self).__name__)) from error

    def _strings(self, values: Any) -> tuple[list[bytes], tuple[int, ...]]:
        """Strings of any kind as a flat list of UTF-8, and their shape."""
        array = self._array(values)
        flat = array.ravel().tolist()
        if array.dtype.kind == "U":
            return [text.encode() for text in flat], array.shape
        if array.dtype.kind != "S":
            flat = [text.encode() if isinstance(text, str) else text for text in flat]
            wrong = next((text for text in flat if not isinstance(text, bytes)), b"")
            if not isinstance(wrong, bytes):
                hint = _MISSING if wrong is None or wrong != wrong else ""
                kind = type(wrong).__name__
                raise TypeError(
                    _NO_STRING.format(path=self.path, cls=type(self).__name__, value=wrong, kind=kind, hint=hint)
                )
        return flat, array.shape


def int_type(dtype: str = "int64") -> str:
    """The type in which JAX keeps such integers."""
    return dtype if x64_enabled() else dtype.replace("64", "32")


def batches_of(data: Any, steps: int | None = None) -> Iterator[Any] | None:
    """The inputs in each batch of a data set, a generator or the like; `None` for an array or a list."""
    if isinstance(data, (str, bytes, list, tuple)) or hasattr(data, "__array__") or not hasattr(data, "__iter__"):
        return None
    source = data.as_numpy_iterator() if hasattr(data, "as_numpy_iterator") else data
    return (batch[0] if isinstance(batch, tuple) else batch for batch in islice(iter(source), steps))


def learn_from(layer: Any, data: Any, steps: int | None) -> None:
    """Let a layer count the terms in batches, or in the rows of an array or a list, and make its vocabulary of them."""
    layer.reset_state()
    batches = batches_of(data, steps)
    if batches is None:
        array = layer._array(data)
        batches = [array[:, None] if array.ndim == 1 else array]
    for batch in batches:
        layer.update_state(batch)
    layer.finalize_state()


def encoded_shape(shape: tuple, mode: str, depth: int | None) -> tuple:
    """The shape of what `encoded` gives for numbers of a shape."""
    if mode == "int":
        return tuple(shape)
    if mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
    return (*shape[:-1], depth)


def encoded(numbers: np.ndarray, mode: str, depth: int, dtype: str) -> np.ndarray:
    """Numbers below `depth` as vectors: one for each (`"one_hot"`), or for each row ones or counts; others left out.

    >>> encoded(np.array([[0, 2, 2, -1]]), "count", 3, "float32")
    array([[1., 0., 2.]], dtype=float32)
    """
    shape = encoded_shape(numbers.shape, mode, depth)
    rows = np.atleast_2d(numbers)
    rows = rows.reshape(-1, 1 if mode == "one_hot" else rows.shape[-1])
    vectors = np.zeros((len(rows), depth), dtype)
    known = (rows >= 0) & (rows < depth)
    places = np.nonzero(known)[0], rows[known]
    if mode == "count":
        np.add.at(vectors, places, 1)
    else:
        vectors[places] = 1
    return vectors.reshape(shape)
