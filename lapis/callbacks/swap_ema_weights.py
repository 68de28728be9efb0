"""Evaluates with averaged weights."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lapis.callbacks.callback import Callback


class SwapEMAWeights(Callback):
    """Puts the optimizer's moving averages in the weights' place during evaluation and prediction.

    The optimizer must be made with `use_ema=True`.

    Args:
        swap_on_epoch: also swap at the end of each epoch until the next begins, so that callbacks after this one, such
            as `ModelCheckpoint`, see the averages.

    >>> SwapEMAWeights(swap_on_epoch=True).swap_on_epoch
    True
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._set_aside: list[tuple[Any, Any]] = []  # variables and their own values, while averages are in them

    def get_training_state(self) -> dict[str, Any]:
        return {"set_aside": [np.asarray(value) for _, value in self._set_aside]}

    def set_training_state(self, state: dict[str, Any]) -> None:
        values = state["set_aside"]
        self._set_aside = [(variable, value) for (variable, _), value in zip(self._pairs(), values)] if values else []

    def _pairs(self) -> Iterator[tuple[Any, Any]]:
        optimizer = self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        parts = [part for part in getattr(optimizer, "optimizers", [optimizer]) if getattr(part, "use_ema", False)]
        if not parts:
            raise ValueError("SwapEMAWeights needs an optimizer made with use_ema=True.")
        for part in parts:
            for variable, average in zip(part._trainable_variables, part._model_variables_moving_average):
                if average is not None:
                    yield variable, average

    def _put_averages(self) -> None:
        if not self._set_aside:
            pairs = list(self._pairs())
            self._set_aside = [(variable, variable.value) for variable, _ in pairs]
            for variable, average in pairs:
                variable.assign(average.value)

    def _put_back(self) -> None:
        for variable, value in self._set_aside:
            variable.assign(value)
        self._set_aside = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self.swap_on_epoch:
            self._put_back()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.swap_on_epoch:
            self._put_averages()

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._set_aside = []

    def on_train_end(self, logs: dict | None = None) -> None:
        self._set_aside = []  # `fit` ends with the averages in the weights

    def on_test_begin(self, logs: dict | None = None) -> None:
        self._put_averages()

    def on_test_end(self, logs: dict | None = None) -> None:
        self._put_back()

    def on_predict_begin(self, logs: dict | None = None) -> None:
        self._put_averages()

    def on_predict_end(self, logs: dict | None = None) -> None:
        self._put_back()
