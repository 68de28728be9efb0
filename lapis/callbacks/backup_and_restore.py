"""Picks broken-off training up where it was."""

import os
import shutil
from pathlib import Path
from typing import Any

from lapis.callbacks.batch_counter import BatchCounter
from lapis.callbacks.callback import Callback

_UNREADABLE = (
    "The backup in {folder} cannot be gone on from: {error} Train with the model, data and batch size that it was made "
    "with, or remove the folder to begin anew."
)


class BackupAndRestore(Callback):
    """Keeps all that training has come to, and goes on from there when `fit` is called again.

    A run that was broken off, at whatever moment, and is started again in the same way ends with exactly the weights
    and the history of one that was not: a backup holds weights, optimizer, metrics, seeds, the other callbacks' states,
    the epoch, the batches done in it and the order of the data. Inside an epoch, data that are not arrays are read from
    the epoch's beginning once more, to get to the same place. What a data set draws from is kept where that is
    Python's, NumPy's or Lapis's; the script itself must make data and model in the same way. Training that a callback
    had stopped stays stopped.

    It is called after all other callbacks. Callbacks of your own are kept if they have the methods
    `get_training_state` and `set_training_state`.

    Args:
        backup_dir: a folder for this training alone; it is made, and removed at the end of training.
        save_freq: `"epoch"`, or a number of batches.
        double_checkpoint: keep the backup before the last one too, for when the last cannot be read.
        delete_checkpoint: whether to remove the folder when training has ended.

    Raises:
        ValueError: for an empty folder name or another `save_freq`, and in `fit` for a backup of another training.

    >>> BackupAndRestore("backup").backup_dir
    'backup'
    """

    async_safe = True
    keeps_backups = True
    keeps_position = True

    def __init__(
        self,
        backup_dir: str | os.PathLike,
        save_freq: str | int | bool = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ValueError("BackupAndRestore needs the name of a folder; got an empty backup_dir.")
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(f"save_freq is {save_freq!r}; expected 'epoch' or a number of batches.")
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._latest = Path(self.backup_dir) / "latest.backup"
        self._older = Path(self.backup_dir) / "older.backup"
        self._counter = BatchCounter(save_freq)
        self.async_safe = save_freq == "epoch"  # its batch methods then do nothing
        self._epoch = 0

    def get_training_state(self) -> dict[str, Any]:
        return self._counter.state()

    def set_training_state(self, state: dict[str, Any]) -> None:
        self._counter.set_state(state)

    def on_train_begin(self, logs: dict | None = None) -> None:
        model = self.model
        if not model.built:
            raise ValueError(
                f"BackupAndRestore needs a built model, but {model.name!r} has no weights yet. Call it on data first."
            )
        found = [path for path in (self._latest, self._older) if path.exists()]
        for path in found:
            try:
                model._load_backup(path)
                return
            except (OSError, ValueError) as error:
                if path is found[-1]:
                    raise ValueError(_UNREADABLE.format(folder=self.backup_dir, error=error)) from error

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self._counter.is_due(batch):
            self._save(self._epoch, batch + 1, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0, {})

    def _save(self, epoch: int, batch: int, logs: dict) -> None:
        self._latest.parent.mkdir(parents=True, exist_ok=True)
        if self.double_checkpoint and self._latest.exists():
            os.replace(self._latest, self._older)
        self.model._save_backup(self._latest, epoch, batch, logs)

    def on_train_end(self, logs: dict | None = None) -> None:
        if self.delete_checkpoint:
            shutil.rmtree(self.backup_dir, ignore_errors=True)
