"""Ends training whose loss is no longer a number."""

import math

from lapis.callbacks.callback import Callback
from lapis.callbacks.logs import print_line, to_python


class TerminateOnNaN(Callback):
    """Ends training at the first batch whose loss is NaN or infinite.

    With `raise_error=True` a `RuntimeError` is raised, so that the other callbacks' `on_train_end` is not called;
    otherwise training ends in order.

    >>> TerminateOnNaN(raise_error=True).raise_error
    True
    """

    async_safe = True

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: dict | None = None) -> None:
        loss = to_python(logs).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"The loss is {loss} at batch {batch}. A smaller learning rate or clipped gradients may help."
            )
        print_line(f"Batch {batch}: the loss is {loss}, training ends")
        self.model.stop_training = True
