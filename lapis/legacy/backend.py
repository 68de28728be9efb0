"""Array functions of Keras 2's `keras.backend`, which scripts import as `K`; the rest of them are in `ops`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

import lapis.ops as ops
from lapis.core.config import epsilon, floatx
from lapis.state import Variable


def argmax(x: Any, axis: int = -1) -> Any:
    """Where the greatest value stands."""
    return ops.argmax(x, axis)


def argmin(x: Any, axis: int = -1) -> Any:
    """Where the smallest value stands."""
    return ops.argmin(x, axis)


def cumsum(x: Any, axis: int = 0) -> Any:
    """The sums up to each place."""
    return ops.cumsum(x, axis)


def cumprod(x: Any, axis: int = 0) -> Any:
    """The products up to each place."""
    return ops.cumprod(x, axis)


def pow(x: Any, a: Any) -> Any:
    """`x` to the power of `a`."""
    return ops.power(x, a)


def clip(x: Any, min_value: Any, max_value: Any) -> Any:
    """`x` within bounds; `None` is no bound."""
    low = -np.inf if min_value is None else min_value
    return ops.clip(x, low, np.inf if max_value is None else max_value)


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """`x` above the threshold, cut at `max_value`, and `alpha * (x - threshold)` below."""
    y = ops.where(x >= threshold, x, alpha * (x - threshold))
    return y if max_value is None else ops.minimum(y, max_value)


def hard_sigmoid(x: Any) -> Any:
    """`clip(0.2 * x + 0.5, 0, 1)`."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def l2_normalize(x: Any, axis: int | None = None) -> Any:
    """`x / max(|x|, 1e-6)`, the length being that along `axis`."""
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis, keepdims=True), 1e-12))


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """The crossentropy of each value."""
    return ops.binary_crossentropy(target, output, from_logits)


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """The crossentropy of one-hot targets."""
    return ops.categorical_crossentropy(target, output, from_logits, axis)


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """The crossentropy of class numbers."""
    return ops.sparse_categorical_crossentropy(target, output, from_logits, axis)


def expand_dims(x: Any, axis: int = -1) -> Any:
    """`x` with a new axis of size 1."""
    return ops.expand_dims(x, axis)


def concatenate(tensors: Sequence[Any], axis: int = -1) -> Any:
    """The arrays one after the other along `axis`."""
    return ops.concatenate(tensors, axis)


def permute_dimensions(x: Any, pattern: Sequence[int]) -> Any:
    """The axes in another order."""
    return ops.transpose(x, pattern)


def repeat(x: Any, n: int) -> Any:
    """`(batch, features)` as `(batch, n, features)`."""
    return ops.repeat(ops.expand_dims(x, 1), n, axis=1)


def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Each element `rep` times along `axis`."""
    return ops.repeat(x, rep, axis=axis)


def flatten(x: Any) -> Any:
    """All elements in one axis."""
    return ops.reshape(x, (-1,))


def batch_flatten(x: Any) -> Any:
    """`(batch, ...)` as `(batch, features)`."""
    return ops.reshape(x, (-1, int(np.prod(x.shape[1:]))))


def reverse(x: Any, axes: Any) -> Any:
    """`x` from the end along the axes."""
    return ops.flip(x, axes)


def gather(reference: Any, indices: Any) -> Any:
    """The entries along the first axis at the indices."""
    return ops.take(reference, indices, axis=0)


def dot(x: Any, y: Any) -> Any:
    """The product over the last axis of `x` and the last but one of `y`, or the only one."""
    return ops.dot(x, y)


def batch_dot(x: Any, y: Any, axes: int | Sequence[int] | None = None) -> Any:
    """The product of each sample's arrays over one axis of each, those of a matrix product by default.

    >>> batch_dot(np.ones((2, 3, 4)), np.ones((2, 4, 5))).shape, batch_dot(np.ones((2, 4)), np.ones((2, 4))).shape
    ((2, 3, 5), (2, 1))
    """
    ranks = len(x.shape), len(y.shape)
    if axes is None:
        axes = (ranks[0] - 1, max(ranks[1] - 2, 1))
    first, second = (axes, axes) if isinstance(axes, int) else axes
    first, second = first % ranks[0], second % ranks[1]
    x_letters, y_letters = "abcdef"[: ranks[0]], "a" + "uvwxy"[: ranks[1] - 1]
    y_letters = y_letters.replace(y_letters[second], x_letters[first])
    kept = x_letters.replace(x_letters[first], "") + y_letters[1:].replace(x_letters[first], "")
    result = ops.einsum(f"{x_letters},{y_letters}->{kept}", x, y)
    return ops.expand_dims(result, 1) if len(kept) == 1 else result


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Any:
    """An array, spread over `shape` if given."""
    result = ops.convert_to_tensor(value, dtype or floatx())
    return result if shape is None else ops.broadcast_to(result, shape)


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Variable:
    """A variable that holds the value."""
    made = Variable(ops.convert_to_tensor(value, dtype or floatx()), dtype=dtype or floatx(), name=name)
    made.constraint = constraint
    return made


def int_shape(x: Any) -> tuple:
    """The sizes by axis, `None` where unknown."""
    return tuple(x.shape)


def eval(x: Any) -> np.ndarray:
    """The values as a NumPy array."""
    return ops.convert_to_numpy(x)


def get_value(x: Any) -> np.ndarray:
    """The values of a variable as a NumPy array."""
    return ops.convert_to_numpy(x)


def set_value(x: Variable, value: Any) -> None:
    """Give a variable a value."""
    x.assign(value)


def cast_to_floatx(x: Any) -> np.ndarray:
    """`x` as a NumPy array of `floatx()`."""
    return np.asarray(x, floatx())


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """The first where the condition holds, else the second; functions are called."""
    first: Any = then_expression() if callable(then_expression) else then_expression
    second = else_expression() if callable(else_expression) else else_expression
    condition = ops.cast(condition, "bool")
    for _ in range(len(first.shape) - len(condition.shape)):
        condition = ops.expand_dims(condition, -1)
    return ops.where(condition, first, second)


def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Any:
    """The CTC loss `(batch, 1)` of labels `(batch, labels)`; the last class of `y_pred` is the blank.

    Args:
        y_true: class numbers, `(batch, labels)`.
        y_pred: probabilities, `(batch, time, classes)`.
        input_length, label_length: how many steps and labels count, `(batch, 1)`.
    """
    lengths = (ops.cast(ops.squeeze(x, -1), "int32") for x in (label_length, input_length))
    logits = ops.log(y_pred + epsilon())
    loss = ops.ctc_loss(ops.cast(y_true, "int32"), logits, *lengths, mask_index=y_pred.shape[-1] - 1)
    return ops.expand_dims(loss, 1)


def ctc_decode(
    y_pred: Any, input_length: Any, greedy: bool = True, beam_width: int = 100, top_paths: int = 1
) -> tuple[list[Any], Any]:
    """The likeliest labels, one array `(batch, time)` for each path, filled with -1, and their scores.

    Args:
        y_pred: probabilities, `(batch, time, classes)`; the last class is the blank.
        input_length: how many steps count, `(batch,)`.
        greedy: whether to take the likeliest class at each step, or else to search with `beam_width`.
        beam_width: how many beginnings are followed.
        top_paths: how many paths a search gives.
    """
    logits, lengths, blank = ops.log(y_pred + epsilon()), ops.cast(input_length, "int32"), y_pred.shape[-1] - 1
    if greedy:
        decoded, scores = ops.ctc_decode(logits, lengths, "greedy", mask_index=blank)
    else:
        decoded, scores = ops.ctc_decode(logits, lengths, "beam_search", beam_width, top_paths, mask_index=blank)
    return [decoded[path] for path in range(decoded.shape[0])], scores
