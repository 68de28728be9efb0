"""Category numbers as vectors."""

from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.graph import KerasTensor
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.data_layer import DataLayer
from lapis.layers.preprocessing.host_layer import encoded_shape
from lapis.layers.preprocessing.index_lookup import checked_mode, refuse_sparse


@builtin("keras.layers")
class CategoryEncoding(DataLayer):
    """Whole numbers below `num_tokens` to vectors of that length.

    Args:
        num_tokens: how many categories.
        output_mode: `"one_hot"` for a vector for each number; for the numbers along the last axis together a vector of
            ones (`"multi_hot"`) or of counts (`"count"`). Numbers out of range count for nothing.
        sparse: must be false: outputs are dense.

    Called with `count_weights`, of the inputs' shape, `"count"` adds up these in place of ones.

    >>> CategoryEncoding(4, "count")([[0, 1, 1]]).tolist()
    [[1.0, 2.0, 0.0, 0.0]]
    """

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.output_mode = checked_mode(output_mode, "CategoryEncoding", ("one_hot", "multi_hot", "count"))
        if num_tokens is None or num_tokens < 1:
            raise ValueError(
                f"CategoryEncoding got num_tokens={num_tokens}; expected a number above 0. Where it is not known, use "
                "IntegerLookup."
            )
        refuse_sparse(sparse, "CategoryEncoding")
        self.num_tokens = num_tokens
        self.sparse = sparse

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(f"count_weights are for output_mode='count'; {self.path!r} has {self.output_mode!r}.")
        inputs = ops.convert_to_tensor(inputs)
        dtype = self._type_for(count_weights)
        return as_vectors(inputs, self.output_mode, self.num_tokens, dtype, count_weights)

    def _type_for(self, count_weights: Any) -> str:
        return self.dtype if count_weights is None else self.compute_dtype

    def compute_output_shape(self, input_shape: tuple, count_weights_shape: Any = None) -> tuple:
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)

    def compute_output_spec(self, inputs: Any, count_weights: Any = None) -> Any:
        return KerasTensor(self.compute_output_shape(inputs.shape), self._type_for(count_weights))

    def get_config(self) -> dict:
        return {**super().get_config(), "num_tokens": self.num_tokens, "output_mode": self.output_mode}


def as_vectors(numbers: Any, mode: str, depth: int, dtype: str, weights: Any = None) -> Any:
    """What `encoded` gives for arrays on the host, as an operation; weights take the place of ones in counts."""
    if mode == "one_hot" and numbers.ndim > 1 and numbers.shape[-1] == 1:
        numbers = ops.squeeze(numbers, axis=-1)
    each = ops.one_hot(ops.cast(numbers, "int32"), depth, dtype=dtype)
    if mode == "one_hot" or not numbers.ndim:
        return each
    if mode == "multi_hot":
        return ops.max(each, axis=-2)
    if weights is not None:
        each = each * ops.expand_dims(ops.cast(weights, dtype), -1)
    return ops.sum(each, axis=-2)
