"""Shows the progress of `fit`, `evaluate` and `predict`."""

from typing import Any

from lapis.callbacks.callback import Callback
from lapis.callbacks.logs import print_line, to_python
from lapis.callbacks.progbar import Progbar


class ProgbarLogger(Callback):
    """Draws the progress bar; added by itself unless `verbose=0`.

    Validation inside `fit` shows only as the `val_` metrics at the end of the epoch's line.

    >>> ProgbarLogger().verbose
    1
    """

    async_safe = True

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.progbar: Progbar | None = None
        self.target: int | None = None
        self.verbose = 1
        self.epochs = 1
        self._in_fit = False

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        verbose = params.get("verbose", 1)
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = params.get("epochs", 1)
        self.target = params.get("steps")

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._in_fit = True

    def on_train_end(self, logs: dict | None = None) -> None:
        self._in_fit = False

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self.verbose and self.epochs > 1:
            print_line(f"Epoch {epoch + 1}/{self.epochs}")
        self._start()

    def on_test_begin(self, logs: dict | None = None) -> None:
        if not self._in_fit:
            self._start()

    def on_predict_begin(self, logs: dict | None = None) -> None:
        self._start()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._update(batch, logs)

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if not self._in_fit:
            self._update(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._update(batch, None)  # the logs are the predictions

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._finish(logs)

    def on_test_end(self, logs: dict | None = None) -> None:
        if not self._in_fit:
            self._finish(logs)

    def on_predict_end(self, logs: dict | None = None) -> None:
        self._finish(None)

    def _start(self) -> None:
        self.seen = 0
        self.progbar = Progbar(self.target, verbose=self.verbose, stateless_metrics=())

    def _update(self, batch: int, logs: dict | None) -> None:
        first, self.seen = not self.seen, batch + 1
        # Reading the logs waits for the device, so they are read only when they are shown.
        if self.progbar is not None and self.progbar.is_due():
            self.progbar.update(self.seen, _scalars(logs), finalize=False)
        elif self.progbar is not None and first:
            self.progbar.update(self.seen, finalize=False)  # for its clock

    def _finish(self, logs: dict | None) -> None:
        if self.target is None:
            self.target = self.seen or None
        if self.progbar is not None:
            self.progbar.target = self.target
            self.progbar.update(self.seen or self.target or 0, _scalars(logs), finalize=True)


def _scalars(logs: dict | None) -> list[tuple[str, float]]:
    return [(name, value) for name, value in to_python(logs).items() if isinstance(value, float)]
