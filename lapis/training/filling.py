"""When a batch may be filled up to the size of others: where the numbers stay what they are without padding."""

from typing import Any

from lapis.data import ArrayAdapter, DataAdapter
from lapis.training.rows import counts_real_rows, rows_independent


def may_fill_up(model: Any, training: bool) -> bool:
    """Whether a batch of training or evaluation may hold padding, which then counts for nothing."""
    return counts_real_rows(model) and rows_independent(model, training)


def may_fill_up_predictions(model: Any) -> bool:
    """Whether a batch of prediction may hold padding, which is cut off its outputs."""
    own_step = type(model).predict_step.__module__.partition(".")[0] != "lapis" or "predict_step" in vars(model)
    return not own_step and rows_independent(model, training=False)


def bucket_for(adapter: DataAdapter) -> int | None:
    """The rows to fill up to where all data fit in one batch, `None` where they do not.

    >>> import numpy as np
    >>> bucket_for(ArrayAdapter(np.zeros(5))), bucket_for(ArrayAdapter(np.zeros(50)))
    (8, None)
    """
    if not isinstance(adapter, ArrayAdapter) or adapter.num_samples >= adapter.batch_size:
        return None
    return bucket_of(adapter.num_samples, adapter.batch_size)


def bucket_of(rows: int, most: int) -> int:
    """The next power of two, at most `most`: few sizes serve for all, so few programs do."""
    return min(1 << (rows - 1).bit_length(), most)
