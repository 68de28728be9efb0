"""The base class of callbacks: one method for every moment of `fit`, `evaluate` and `predict`."""

from typing import Any


class Callback:
    """Something that is told when training, evaluation or prediction reaches a certain moment.

    Override the methods of the moments that matter. `self.model` is the model at work, its variables up to date;
    `self.params` says `verbose`, `epochs` and `steps`. `logs` holds the metrics so far as Python floats. With
    `steps_per_execution=N` the batch methods are called once for every `N` batches.

    A class may set `async_safe = True` to say that its batch methods read the model only through `self.model`, take
    `logs` as they are on the device, and need not be called for every batch, so that many of them run as one.

    >>> class Shout(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(f"epoch {epoch} is over!")
    >>> Shout().on_epoch_end(0)
    epoch 0 is over!
    """

    async_safe = False
    keeps_backups = False  # of the run, so that it is called after all others
    keeps_position = False  # of the run in its data

    def __init__(self) -> None:
        self.params: dict[str, Any] | None = None
        self._model: Any = None

    def set_params(self, params: dict[str, Any]) -> None:
        """Receive the run's `verbose`, `epochs` and `steps`."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Receive the model."""
        self._model = model

    @property
    def model(self) -> Any:
        """The model; reading it brings its variables up to date with the running program."""
        model = self._model
        if hasattr(model, "jax_state_sync"):
            model.jax_state_sync()
        return model

    def get_training_state(self) -> dict[str, Any] | None:
        """What a backup is to keep of the callback: dicts, lists, numbers, texts and arrays; `None` for nothing."""
        return None

    def set_training_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_training_state` gave, after `on_train_begin`; inside an epoch after its beginning."""

    def on_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Another name for `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Another name for `on_train_batch_end`."""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Before epoch number `epoch`, counted from 0; in `fit` only."""

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """After an epoch and its validation, whose metrics begin with `val_`; in `fit` only."""

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Before a training batch, counted from 0 in each epoch."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """After a training batch; `logs` are the metrics of the epoch up to here."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Before a batch of evaluation or validation."""

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """After a batch of evaluation or validation; `logs` are the metrics up to here."""

    def on_predict_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Before a batch of prediction."""

    def on_predict_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """After a batch of prediction; `logs["outputs"]` are its predictions."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: dict | None = None) -> None:
        """After the last epoch, with its logs."""

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Before evaluation or validation."""

    def on_test_end(self, logs: dict | None = None) -> None:
        """After evaluation or validation, with its metrics."""

    def on_predict_begin(self, logs: dict | None = None) -> None:
        """Before prediction."""

    def on_predict_end(self, logs: dict | None = None) -> None:
        """After prediction."""
