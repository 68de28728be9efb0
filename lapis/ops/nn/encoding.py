"""Class numbers as vectors of zeros and ones."""

from typing import Any

import jax
import jax.numpy as jnp

from lapis.core.watching import watching
from lapis.graph import op
from lapis.ops.arrays import Tensor, array_dtype

_NO_SPARSE = "{name} gives dense arrays only; leave sparse=False."


@op
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Tensor:
    """For each class number a vector along a new `axis`: 1 at that place, 0 elsewhere; all 0 if out of range.

    >>> one_hot([0, 2], 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if sparse:
        raise ValueError(_NO_SPARSE.format(name="one_hot"))
    if watching.watch is not None:
        watching.watch.ids("one_hot", x, 0, num_classes)
    return jax.nn.one_hot(jnp.asarray(x), num_classes, axis=axis, dtype=array_dtype(dtype))


@op
def multi_hot(
    inputs: Any,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
    num_tokens: int | None = None,
) -> Tensor:
    """For each row of class numbers one vector: 1 at every number that occurs in the row, 0 elsewhere.

    `num_tokens` is an older name of `num_classes`.

    >>> multi_hot([[0, 2]], 3).tolist()
    [[1.0, 0.0, 1.0]]
    """
    num_classes = num_tokens if num_classes is None else num_classes
    if num_classes is None:
        raise ValueError("multi_hot needs num_classes, the length of the vectors.")
    if sparse:
        raise ValueError(_NO_SPARSE.format(name="multi_hot"))
    numbers = jnp.asarray(inputs).astype("int32")
    each = jax.nn.one_hot(numbers, num_classes, axis=axis, dtype=array_dtype(dtype))
    return jnp.max(each, axis=1 if numbers.ndim > 1 else 0)
