"""The penalty on rows or columns that are not orthogonal."""

from typing import Any

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.regularizers.norms import penalty_factor
from lapis.regularizers.regularizer import Regularizer


@builtin("keras.regularizers")
class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean size of the cosines between different rows (or columns) of a matrix.

    `mode` is `"rows"` or `"columns"`. Called with anything but a matrix it raises `ValueError`.

    >>> import numpy as np
    >>> float(OrthogonalRegularizer(factor=1.0)(np.eye(3, dtype="float32")))
    0.0
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = penalty_factor(factor, "factor")
        if mode not in ("rows", "columns"):
            raise ValueError(f"mode is {mode!r}; expected 'rows' or 'columns'.")
        self.mode = mode

    def __call__(self, inputs: Any) -> Any:
        if len(inputs.shape) != 2:
            raise ValueError(f"OrthogonalRegularizer takes matrices only; got shape={tuple(inputs.shape)}.")
        rows = inputs if self.mode == "rows" else ops.transpose(inputs)
        rows = ops.normalize(rows, axis=1)
        count = rows.shape[0]
        cosines = ops.matmul(rows, ops.transpose(rows)) * (1.0 - ops.eye(count, dtype=inputs.dtype))
        pairs = count * (count - 1.0) / 2.0
        return self.factor * 0.5 * ops.sum(ops.absolute(cosines)) / pairs

    def get_config(self) -> dict:
        return {"factor": self.factor, "mode": self.mode}
