"""What was logged, epoch by epoch."""

from typing import Any

from lapis.callbacks.callback import Callback


class History(Callback):
    """Keeps the logs of every epoch; `fit` returns one.

    `history.history` maps each name to the list of its values, `history.epoch` lists the epochs' numbers.

    >>> history = History()
    >>> history.on_train_begin()
    >>> history.on_epoch_end(0, {"loss": 0.5})
    >>> history.history, history.epoch
    ({'loss': [0.5]}, [0])
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def get_training_state(self) -> dict[str, Any]:
        return {"history": self.history, "epoch": self.epoch}

    def set_training_state(self, state: dict[str, Any]) -> None:
        self.history = {name: list(values) for name, values in state["history"].items()}
        self.epoch = list(state["epoch"])

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
