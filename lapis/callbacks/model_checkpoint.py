"""Saves the model as it trains."""

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from lapis.callbacks.batch_counter import BatchCounter
from lapis.callbacks.logs import print_line, to_python
from lapis.callbacks.monitor import MonitorCallback


class ModelCheckpoint(MonitorCallback):
    """Saves the model or its weights after epochs or every so many batches.

    A `.keras` file also holds where training was: `fit(..., initial_epoch=file)` goes on exactly from there, as if
    nothing had happened, with the model made anew or read with `load_model`, the same data, and the same callbacks.

    Args:
        filepath: where to, ending in `.keras` or `.h5`, or in `.weights.h5` with `save_weights_only`. It may hold
            `{epoch}`, `{batch}` and names from the logs: `"run/{epoch:02d}-{val_loss:.2f}.keras"`.
        monitor: the metric that says which model is best.
        verbose: 1 to tell of every saving.
        save_best_only: save only when the metric improves.
        save_weights_only: save the weights instead of the whole model.
        mode: `"min"`, `"max"` or `"auto"`.
        save_freq: `"epoch"`, or a number of batches.
        initial_value_threshold: a value that the first saved model must beat.

    Raises:
        ValueError: for another file ending or `save_freq`.

    >>> ModelCheckpoint("best.keras", save_best_only=True).filepath
    'best.keras'
    """

    async_safe = True

    def __init__(
        self,
        filepath: str | os.PathLike,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(f"save_freq is {save_freq!r}; expected 'epoch' or a number of batches.")
        endings = (".weights.h5",) if save_weights_only else (".keras", ".h5")
        if not self.filepath.endswith(endings):
            kind = "weights" if save_weights_only else "a model"
            raise ValueError(f"A file of {kind} must end in {' or '.join(endings)}; got filepath={self.filepath!r}.")
        self._current_epoch = 0
        self._counter = BatchCounter(save_freq)
        self.async_safe = save_freq == "epoch"  # its batch methods then do nothing
        self.keeps_position = self.filepath.endswith(".keras")

    def get_training_state(self) -> dict[str, Any]:
        return {**super().get_training_state(), "counter": self._counter.state()}

    def set_training_state(self, state: dict[str, Any]) -> None:
        super().set_training_state(state)
        self._counter.set_state(state["counter"])

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._current_epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self._counter.is_due(batch):
            self._save(self._current_epoch, batch, to_python(logs))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, None, logs or {})

    def _save(self, epoch: int, batch: int | None, logs: dict) -> None:
        path = self._path(epoch, batch, logs)
        if not self._should_save(epoch, logs, path):
            return
        if os.path.isdir(path):
            raise OSError(f"ModelCheckpoint cannot save to {path!r}: it is a folder. Give the name of a file.")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        model = self.model
        if self.save_weights_only:
            model.save_weights(path, overwrite=True)
            return
        run = getattr(model, "_training_run", None)
        with nullcontext() if run is None or not self.keeps_position else run.saving(self, epoch, batch, logs):
            model.save(path, overwrite=True)

    def _should_save(self, epoch: int, logs: dict, path: str) -> bool:
        if not self.save_best_only:
            self._tell(f"Epoch {epoch + 1}: saving model to {path}")
            return True
        current: Any = self._monitored(logs, "tell which model is best, so it saves this one")
        if current is None or getattr(current, "ndim", 0):
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        self._improvement_sign()
        if not self._is_improvement(current, self.best):
            self._tell(f"Epoch {epoch + 1}: {self.monitor} did not improve from {best}")
            return False
        self._tell(f"Epoch {epoch + 1}: {self.monitor} improved from {best} to {current:.5f}, saving model to {path}")
        self.best = current
        return True

    def _tell(self, text: str) -> None:
        if self.verbose > 0:
            print_line(f"\n{text}")

    def _path(self, epoch: int, batch: int | None, logs: dict) -> str:
        values = {"batch": batch + 1, **logs} if batch is not None else logs
        try:
            return self.filepath.format(**{**values, "epoch": epoch + 1})
        except KeyError as error:
            raise KeyError(
                f"filepath {self.filepath!r} asks for {error}, but only epoch, {', '.join(values)} are known then."
            ) from None
