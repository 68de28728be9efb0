"""Whether a batch may be padded to a common size: whether rows are kept apart, and padding can be left out."""

from typing import Any


def counts_real_rows(model: Any) -> bool:
    """Whether all of the model's losses and metrics leave out padding within `lapis.state.real_rows`."""
    return False


def rows_independent(model: Any, training: bool) -> bool:
    """Whether each row of the outputs depends on the same row of the inputs only."""
    return False
