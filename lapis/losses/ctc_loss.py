"""The loss of sequences whose alignment with the targets is unknown."""

from typing import Any

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.losses.wrapper import NamedLoss


def ctc(y_true: Any, y_pred: Any) -> Any:
    """Connectionist temporal classification of labels `(batch, length)` by logits `(batch, time, classes)`.

    One loss per sequence, `(batch,)`. Class 0 is the blank, and a label 0 pads. Other ranks are a `ValueError`.
    Graves et al., *Connectionist Temporal Classification*, 2006.

    >>> import numpy as np
    >>> ctc(np.array([[1, 2, 0]]), np.zeros((1, 4, 3), "float32")).shape
    (1,)
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if len(y_true.shape) != 2:
        raise ValueError(f"ctc takes labels of shape (batch, length); got y_true of shape {tuple(y_true.shape)}.")
    if len(y_pred.shape) != 3:
        raise ValueError(
            f"ctc takes logits of shape (batch, time, classes); got y_pred of shape {tuple(y_pred.shape)}."
        )
    batch, time = ops.shape(y_pred)[:2]
    input_length = time * ops.ones((batch,), dtype="int32")
    label_length = ops.sum(ops.cast(ops.not_equal(y_true, 0), "int32"), axis=-1)
    return ops.ctc_loss(y_true, y_pred, label_length, input_length, mask_index=0)


@builtin("keras.losses")
class CTC(NamedLoss):
    """The loss of label sequences without alignment, see `ctc`.

    >>> round(float(CTC()([[1, 2, 0]], [[[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])), 4)
    0.8483
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "ctc", dtype: Any = None
    ) -> None:
        super().__init__(ctc, reduction, name, dtype)
