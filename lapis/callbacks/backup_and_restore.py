"""Picks broken-off training up where it was."""

import json
import os
import shutil
from pathlib import Path

from lapis.callbacks.batch_counter import BatchCounter
from lapis.callbacks.callback import Callback


class BackupAndRestore(Callback):
    """Saves weights, optimizer state and the epoch's number, and goes on from there when `fit` is called again.

    Training goes on at the beginning of the epoch that was broken off. The model must be built before `fit`.

    Args:
        backup_dir: a folder for this training alone; it is made, and removed at the end of training.
        save_freq: `"epoch"`, or a number of batches.
        double_checkpoint: keep the backup before the last one too, for when the last cannot be read.
        delete_checkpoint: whether to remove the folder when training has ended.

    >>> BackupAndRestore("backup").backup_dir
    'backup'
    """

    async_safe = True

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
        folder = Path(self.backup_dir)
        self._files = folder / "latest.weights.h5", folder / "training_metadata.json"
        self._counter = BatchCounter(save_freq)
        self.async_safe = save_freq == "epoch"  # its batch methods then do nothing
        self._epoch = 0
        self._batch = 0

    def on_train_begin(self, logs: dict | None = None) -> None:
        model = self.model
        if not model.built:
            raise ValueError(
                f"BackupAndRestore needs a built model, but {model.name!r} has no weights yet. Call it on data first."
            )
        weights, notes = self._files
        if not weights.exists():
            return
        try:
            model.load_weights(str(weights))
        except (OSError, ValueError):
            if not _older(weights).exists():
                raise
            for path in self._files:
                shutil.copy(_older(path), path)
            model.load_weights(str(weights))
        self._epoch = json.loads(notes.read_text())["epoch"]
        model._initial_epoch = self._epoch

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._batch = batch + 1
        if self._counter.is_due(batch):
            self._save()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch, self._batch = epoch + 1, 0
        if self.save_freq == "epoch":
            self._save()

    def _save(self) -> None:
        weights, notes = self._files
        weights.parent.mkdir(parents=True, exist_ok=True)
        # Written beside and then moved, so that a crash in the middle leaves the old backup as it was.
        fresh = weights.with_name("fresh.weights.h5")
        self.model.save_weights(str(fresh), overwrite=True)
        if self.double_checkpoint and weights.exists():
            for path in self._files:
                shutil.copy(path, _older(path))
        os.replace(fresh, weights)
        notes.write_text(json.dumps({"epoch": self._epoch, "batch": self._batch}))

    def on_train_end(self, logs: dict | None = None) -> None:
        if self.delete_checkpoint:
            shutil.rmtree(self.backup_dir, ignore_errors=True)


def _older(path: Path) -> Path:
    return path.with_name(path.name + ".bkp")
