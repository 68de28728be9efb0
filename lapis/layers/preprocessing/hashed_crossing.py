"""Combinations of values to buckets by their hashes."""

from functools import reduce
from typing import Any

import numpy as np

from lapis.core.serialization import builtin
from lapis.graph import KerasTensor
from lapis.layers.preprocessing.fingerprints import fingerprints, joined
from lapis.layers.preprocessing.host_layer import HostLayer, encoded, encoded_shape, int_type
from lapis.layers.preprocessing.index_lookup import checked_mode, refuse_sparse

_KEY = 0xDECAFCAFFE  # TensorFlow's, from which the fingerprints of a combination are joined one by one


@builtin("keras.layers")
class HashedCrossing(HostLayer):
    """The combination of two or more features of a sample to one of `num_bins` buckets, by a hash.

    Inputs: a list of arrays `()`, `(batch,)` or `(batch, 1)` of strings or whole numbers. It runs on the host.

    Args:
        num_bins: how many buckets.
        output_mode: `"int"` for buckets, `"one_hot"` for a vector each.
        sparse: must be false on JAX.
        name: a name.
        dtype: the type of the outputs: `"int64"` for buckets, the global float type for vectors unless given.

    Raises:
        ValueError: for fewer than two inputs, or inputs of unequal or other shapes.

    >>> HashedCrossing(5)((["A", "B", "A"], [101, 101, 102])).tolist()
    [1, 4, 3]
    """

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse_sparse(sparse, "HashedCrossing")
        checked_mode(output_mode, "HashedCrossing", ("int", "one_hot"))
        super().__init__(name=name, dtype="int64" if dtype is None and output_mode == "int" else dtype)
        self.num_bins = num_bins
        self.output_mode = output_mode
        self.sparse = sparse

    @property
    def _output_dtype(self) -> str:
        return int_type(self.compute_dtype)

    def _as_arrays(self, inputs: Any) -> Any:
        return [x if isinstance(x, KerasTensor) else self._array(x) for x in inputs]

    def run_on_host(self, inputs: Any) -> np.ndarray:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ValueError(f"HashedCrossing takes a list of two inputs or more; got {inputs!r:.80}.")
        arrays = [self._array(x) for x in inputs]
        shape = self._common_shape([x.shape for x in arrays])
        count = arrays[0].size
        features = [np.full(count, _KEY, np.uint64), *[self._fingerprints(x) for x in arrays]]
        numbers = (reduce(joined, features) % np.uint64(self.num_bins)).astype(np.int64).reshape(shape)
        if self.output_mode == "int":
            return numbers.astype(self._output_dtype)
        return encoded(numbers, "one_hot", self.num_bins, self.compute_dtype)

    def _fingerprints(self, array: np.ndarray) -> np.ndarray:
        if array.dtype.kind in "iub":
            return array.ravel().astype(np.int64).view(np.uint64)
        if array.dtype.kind == "f":
            raise ValueError("HashedCrossing takes strings and whole numbers; got floats. Use Discretization on them.")
        return fingerprints(self._strings(array)[0])

    def _common_shape(self, shapes: list[tuple]) -> tuple:
        first = shapes[0]
        if any(shape != first for shape in shapes):
            raise ValueError(f"HashedCrossing takes inputs of one shape; got {shapes}.")
        if len(first) > 2 or (len(first) == 2 and first[1] != 1):
            raise ValueError(f"HashedCrossing takes inputs of shape (), (batch,) or (batch, 1); got {first}.")
        return first

    def compute_output_shape(self, input_shape: Any) -> tuple:
        shape = self._common_shape([tuple(one) for one in input_shape])
        return encoded_shape(shape, self.output_mode, self.num_bins)

    def compute_output_spec(self, inputs: Any) -> Any:
        return KerasTensor(self.compute_output_shape([x.shape for x in inputs]), self._output_dtype)

    def get_config(self) -> dict:
        return {
            "num_bins": self.num_bins,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": self.dtype,
        }
