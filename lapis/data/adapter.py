"""What every adapter offers to the training loop."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np


class DataAdapter:
    """A source of batches of NumPy arrays, each one `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

    `num_batches` is the length of one pass, `None` where it is not known. `one_pass` tells that the source cannot be
    read a second time.
    """

    num_batches: int | None = None
    batch_size: int | None = None
    one_pass = False

    def batches(self) -> Iterator[Any]:
        """One pass over the data."""
        raise NotImplementedError

    def generators(self) -> Sequence[np.random.Generator]:
        """What the order of the batches is drawn from."""
        return ()

    def on_epoch_begin(self) -> None:
        """Called before an epoch's first batch is asked for."""

    def on_epoch_end(self) -> None:
        """Called after an epoch's last batch."""
