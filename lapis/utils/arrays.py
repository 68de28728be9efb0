"""Labels as one-hot rows, rows of unit length."""

from typing import Any

import numpy as np

import lapis.ops as ops
from lapis.graph import is_symbolic


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Class numbers as one-hot rows.

    Args:
        x: integers from 0 to `num_classes - 1`, of shape `(...)` or `(..., 1)`.
        num_classes: number of classes; by default the largest number plus one.

    Returns:
        `(..., num_classes)`: a NumPy array, or a tensor for a tensor.

    Raises:
        ValueError: a number outside the classes.

    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    if ops.is_tensor(x) or is_symbolic(x):
        if num_classes is None and is_symbolic(x):
            raise ValueError("`to_categorical` on a symbolic tensor needs `num_classes`; its values are not known.")
        if len(x.shape) > 1 and x.shape[-1] == 1:
            x = ops.squeeze(x, axis=-1)
        return ops.one_hot(ops.cast(x, "int32"), int(np.max(x)) + 1 if num_classes is None else num_classes)
    labels = np.asarray(x, dtype="int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is None:
        num_classes = int(labels.max()) + 1
    if labels.size and not 0 <= labels.min() <= labels.max() < num_classes:
        raise ValueError(
            f"Labels must lie between 0 and num_classes - 1 = {num_classes - 1}; got some "
            f"from {labels.min()} to {labels.max()}."
        )
    rows = np.zeros((labels.size, num_classes))
    rows[np.arange(labels.size), labels.ravel()] = 1
    return rows.reshape((*labels.shape, num_classes))


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """Vectors divided by their length; zero vectors stay zero.

    Args:
        x: an array.
        axis: the axis along which the vectors lie.
        order: the norm that measures the length, 2 for the Euclidean one.

    >>> normalize(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]])
    """
    if not isinstance(x, np.ndarray):
        return ops.normalize(x, axis=axis, order=order)
    length = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(length == 0, 1, length)
