"""Writes the metrics of every epoch to a CSV file."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lapis.callbacks.callback import Callback


def _cell(value: Any) -> Any:
    if isinstance(value, Iterable) and not isinstance(value, str) and getattr(value, "ndim", 1):
        return f'"[{", ".join(map(str, value))}]"'
    return value


class CSVLogger(Callback):
    """Writes one row per epoch: the epoch's number, then the metrics in sorted order.

    Args:
        filename: the file.
        separator: what stands between two cells.
        append: go on writing where the file ends, instead of writing it anew.

    >>> CSVLogger("log.csv", separator=";").sep
    ';'
    """

    def __init__(self, filename: str | os.PathLike, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None
        self.writer: Any = None
        self.csv_file: Any = None
        self.append_header = True

    def on_train_begin(self, logs: dict | None = None) -> None:
        path = Path(self.filename)
        self.append_header = not (self.append and path.exists() and path.stat().st_size)
        self._close()
        self.csv_file = path.open("a" if self.append else "w", newline="")
        self.keys = None

    def get_training_state(self) -> dict[str, Any]:
        return {"size": Path(self.filename).stat().st_size, "keys": self.keys}

    def set_training_state(self, state: dict[str, Any]) -> None:
        """Drop rows that were written after the backup, if there are rows from before this run."""
        if not self.append:
            return
        size = min(state["size"], Path(self.filename).stat().st_size)
        self.csv_file.truncate(size)
        self.append_header = not size
        self.keys, self.writer = state["keys"], None
        if self.keys:
            self.writer = csv.DictWriter(self.csv_file, ["epoch", *self.keys], delimiter=self.sep)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        logs = logs or {}
        writer = self.writer or self._start(sorted(logs))
        writer.writerow({"epoch": epoch, **{key: _cell(logs.get(key, "NA")) for key in self.keys or ()}})
        self.csv_file.flush()

    def _start(self, keys: list[str]) -> Any:
        # Validation may come only with a later epoch, when the header is long written.
        expects_validation = not any(key.startswith("val_") for key in keys)
        self.keys = keys + [f"val_{key}" for key in keys if expects_validation]
        self.writer = csv.DictWriter(self.csv_file, ["epoch", *self.keys], delimiter=self.sep)
        if self.append_header:
            self.writer.writeheader()
        return self.writer

    def on_train_end(self, logs: dict | None = None) -> None:
        self._close()

    def _close(self) -> None:
        if self.csv_file is not None and not self.csv_file.closed:
            self.csv_file.close()
        self.writer = None
