"""Saves what a model holds through Orbax."""

import json
from pathlib import Path
from typing import Any

from lapis.callbacks.batch_counter import BatchCounter
from lapis.callbacks.logs import print_line, to_python
from lapis.callbacks.monitor import MonitorCallback
from lapis.core.nest import map_structure
from lapis.core.serialization import serialize_shared

_MISSING = (
    "OrbaxCheckpoint saves through Orbax, which is not installed: pip install 'lapis[orbax]', or orbax-checkpoint by "
    "itself. ModelCheckpoint and BackupAndRestore need nothing."
)
_WEIGHTS = ("trainable_variables", "non_trainable_variables")


def _orbax() -> Any:
    try:
        from orbax.checkpoint import v1
    except ImportError:
        raise ImportError(_MISSING) from None
    return v1


class OrbaxCheckpoint(MonitorCallback):
    """Saves the model's state after epochs or every so many batches, in Orbax's checkpoints, beside the training.

    Each checkpoint is a folder in `directory`, named by the epoch counted from 0, or by the number of batches. It is
    read by `model.load_weights(folder)` and, unless it holds the weights alone, by `saving.load_model(directory)`,
    which take the latest checkpoint of a directory.

    Args:
        directory: the folder for the checkpoints.
        monitor: the metric that says which state is best.
        verbose: 1 to tell of every saving.
        save_best_only: save only when the metric improves.
        mode: `"min"`, `"max"` or `"auto"`.
        save_freq: `"epoch"`, or a number of batches.
        initial_value_threshold: a value that the first saved state must beat.
        max_to_keep: how many checkpoints stay, the latest; `None` for all.
        save_on_background: write while training goes on.
        save_weights_only: leave out the optimizer's and metrics' state and the model's config.

    Raises:
        ImportError: where orbax-checkpoint is not installed.
        ValueError: for another `save_freq`.

    >>> import tempfile
    >>> OrbaxCheckpoint(tempfile.mkdtemp(), max_to_keep=2).max_to_keep
    2
    """

    def __init__(
        self,
        directory: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self._orbax = _orbax()
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(f"save_freq is {save_freq!r}; expected 'epoch' or a number of batches.")
        self.directory = str(Path(directory).expanduser().absolute())
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_freq = save_freq
        self.max_to_keep = max_to_keep
        self.save_on_background = save_on_background
        self.save_weights_only = save_weights_only
        self._counter = BatchCounter(save_freq)
        self._batches = 0
        self._checkpointer: Any = None
        self._pending: list[Any] = []
        self.async_safe = save_freq == "epoch"  # its batch methods then do nothing

    @property
    def checkpointer(self) -> Any:
        """Orbax's own object for the directory, open while the model trains."""
        if self._checkpointer is None:
            training = self._orbax.training
            latest = training.preservation_policies.LatestN
            self._checkpointer = training.Checkpointer(
                self.directory,
                preservation_policy=None if self.max_to_keep is None else latest(self.max_to_keep),
                save_decision_policy=training.save_decision_policies.FixedIntervalPolicy(1),
            )
        return self._checkpointer

    def get_training_state(self) -> dict[str, Any]:
        return {**super().get_training_state(), "batches": self._batches, "counter": self._counter.state()}

    def set_training_state(self, state: dict[str, Any]) -> None:
        super().set_training_state(state)
        self._batches = state["batches"]
        self._counter.set_state(state["counter"])

    def on_train_begin(self, logs: dict | None = None) -> None:
        iterations = self.model.optimizer.iterations  # a loaded model goes on counting
        self._batches = int(iterations.numpy() if hasattr(iterations, "numpy") else iterations)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        last = -1 if self._counter.last is None or batch <= self._counter.last else self._counter.last
        self._batches += batch - last
        if self._counter.is_due(batch):
            self._save_if_better(self._batches, to_python(logs))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.save_freq == "epoch":
            self._save_if_better(epoch, logs or {})

    def on_train_end(self, logs: dict | None = None) -> None:
        if self._checkpointer is not None:
            self.wait_until_finished()
            self._checkpointer.close()
            self._checkpointer = None

    def wait_until_finished(self) -> None:
        """Wait until all that is being saved is on the disk."""
        while self._pending:
            self._pending.pop(0).result()

    def is_multihost_enabled(self) -> bool:
        """Whether several processes train together."""
        return self._orbax.multihost.process_count() > 1

    def is_primary_host(self) -> bool:
        """Whether this is the process that speaks for all."""
        return not self.is_multihost_enabled() or self._orbax.multihost.is_primary_host(primary_host=0)

    def _save_if_better(self, step: int, logs: dict) -> None:
        if self.save_best_only:
            current = self._monitored(logs, "tell which state is best, so it does not save this one")
            if current is None or not self._is_improvement(current, self.best):
                return
            self.best = current
        if self.verbose:
            print_line(f"OrbaxCheckpoint: saving checkpoint {step} to {self.directory}")
        self._save(step)

    def _save(self, step: int) -> None:
        model = self.model
        # Copies: training takes the arrays over while these are being written.
        state = map_structure(lambda x: x.copy(), model.get_state_tree())
        content: dict[str, Any] = {"pytree": state}
        if self.save_weights_only:
            content["pytree"] = {name: state[name] for name in _WEIGHTS}
        else:
            content["model_config"] = {"config": json.dumps(serialize_shared(model))}
        if self.save_on_background:
            self._pending.append(self.checkpointer.save_checkpointables_async(step, content))
        else:
            self.checkpointer.save_checkpointables(step, content)
