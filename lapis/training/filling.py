"""When a batch may be filled up to the size of others: where the numbers stay what they are without padding."""

from typing import Any

from lapis.data import ArrayAdapter, DataAdapter
from lapis.training.rows import counts_real_rows, rows_independent

_OWN_STEPS = ("compute_loss", "compute_metrics", "compute_loss_and_updates", "_call_compute_loss", "stateless_call")


def _is_plain(model: Any, *methods: str) -> bool:
    """Whether none of the methods is the user's own."""
    return all(getattr(type(model), name).__module__.startswith("lapis.") for name in methods)


def may_pad_training(model: Any) -> bool:
    """Whether a batch of training may hold padding that counts for nothing."""
    return (
        _is_plain(model, "train_step", *_OWN_STEPS) and counts_real_rows(model) and rows_independent(model, training=True)
    )


def may_pad_tests(model: Any) -> bool:
    """Whether a batch of evaluation may."""
    return (
        _is_plain(model, "test_step", *_OWN_STEPS) and counts_real_rows(model) and rows_independent(model, training=False)
    )


def may_pad_predictions(model: Any) -> bool:
    """Whether a batch of prediction may."""
    return _is_plain(model, "predict_step", "stateless_call") and rows_independent(model, training=False)


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
