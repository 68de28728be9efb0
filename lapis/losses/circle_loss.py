"""A loss on embeddings: similar for equal labels, dissimilar otherwise."""

from typing import Any

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.graph import set_mask
from lapis.losses.wrapper import NamedLoss
from lapis.state import get_real_rows, row_mask


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """The circle loss of each of the embeddings `y_pred` `(batch, size)` of unit length, labels `y_true` `(batch,)`.

    With `d = 1 - y_pred·refᵀ` it is `softplus(log Σ exp(-gamma·(margin + d)·(margin - d))` over pairs of the same label
    `+ log Σ exp(gamma·(1 + margin - d)·(1 - margin - d)))` over the others. The references default to the batch itself,
    where `remove_diagonal` leaves out an embedding's pair with itself. Zero losses are masked.
    Sun et al., https://arxiv.org/abs/2002.10857.

    >>> losses = circle([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    >>> losses.shape
    (3,)
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(y_true, "int32")
    own = ref_embeddings is None
    references = y_pred if own else ops.convert_to_tensor(ref_embeddings)
    ref_labels = y_true if ref_labels is None else ops.cast(ref_labels, "int32")

    same = ops.equal(ops.reshape(y_true, (-1, 1)), ops.reshape(ref_labels, (1, -1)))
    different = ops.logical_not(same)
    if remove_diagonal:
        diagonal = ops.eye(ops.shape(same)[0], ops.shape(same)[1], dtype="bool")
        same = ops.logical_and(same, ops.logical_not(diagonal))
    if own and get_real_rows() is not None:  # nobody's partner is a row of padding
        real = ops.expand_dims(row_mask(y_pred.shape[:1]), 0)
        same, different = ops.logical_and(same, real), ops.logical_and(different, real)

    distance = ops.maximum(1 - ops.matmul(y_pred, ops.transpose(references)), 0.0)
    pull = -gamma * (margin + distance) * (margin - distance)
    push = gamma * ops.maximum(1 + margin - distance, 0.0) * (1 - margin - distance)
    pull = ops.logsumexp(ops.where(same, pull, float("-inf")), axis=1)
    push = ops.logsumexp(ops.where(different, push, float("-inf")), axis=1)
    losses = ops.softplus(pull + push)
    set_mask(losses, losses > 0)
    return losses


@builtin("keras.losses")
class Circle(NamedLoss):
    """Pulls embeddings of equal labels together and pushes others apart, see `circle`.

    >>> round(float(Circle(gamma=1.0)([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])), 4)
    0.789
    """

    _config_keys = ("gamma", "margin", "remove_diagonal")

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: Any = None,
    ) -> None:
        options = {"gamma": gamma, "margin": margin, "remove_diagonal": remove_diagonal}
        super().__init__(circle, reduction, name, dtype, **options)
