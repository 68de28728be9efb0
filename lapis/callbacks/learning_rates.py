"""Callbacks that change the optimizer's learning rate."""

import inspect
import numbers
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lapis.callbacks.callback import Callback
from lapis.callbacks.logs import print_line
from lapis.callbacks.monitor import MonitorCallback


def _optimizers(optimizer: Any) -> Iterator[tuple[Any, str]]:
    """The optimizers that have a rate of their own, each with what to add to the name in the logs."""
    inner = getattr(optimizer, "optimizers", None)
    if inner is None:
        yield optimizer, ""
        return
    for part in inner:
        yield part, f"_{part.name}"


def _log_rates(optimizer: Any, logs: dict | None) -> None:
    if logs is not None:
        for part, suffix in _optimizers(optimizer):
            logs[f"learning_rate{suffix}"] = float(np.asarray(part.learning_rate))


def _takes_rate(schedule: Callable) -> bool:
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # a function that does not tell its signature
        return True
    return True


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of every epoch.

    Args:
        schedule: a function `(epoch, learning_rate) -> learning_rate`, epochs counted from 0; one of `(epoch)` also
            works.
        verbose: 1 to tell of every change.

    >>> scheduler = LearningRateScheduler(lambda epoch, rate: rate * 0.9)
    >>> scheduler.schedule(0, 1.0)
    0.9
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        for optimizer, suffix in _optimizers(self.model.optimizer):
            rate = self._next_rate(epoch, float(np.asarray(optimizer.learning_rate)))
            optimizer.learning_rate = rate
            if self.verbose > 0:
                print_line(f"\nEpoch {epoch + 1}: LearningRateScheduler sets learning_rate{suffix} to {rate}.")

    def _next_rate(self, epoch: int, rate: float) -> float:
        rate = self.schedule(epoch, rate) if _takes_rate(self.schedule) else self.schedule(epoch)
        array = np.asarray(rate)
        if array.ndim or (not np.issubdtype(array.dtype, np.floating) and not isinstance(rate, numbers.Real)):
            raise ValueError(f"The schedule of a LearningRateScheduler must return a float; got {rate!r}.")
        return float(array)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        _log_rates(self.model.optimizer, logs)


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` when a metric has not improved for `patience` epochs.

    Args:
        monitor: the metric's name in the logs.
        factor: below 1.
        patience: how many epochs without improvement to allow.
        verbose: 1 to tell of every change.
        mode: `"min"`, `"max"` or `"auto"`.
        min_delta: how much better a value must be to count as an improvement.
        cooldown: epochs to let pass after a change before counting again.
        min_lr: the rate does not go below it.

    Raises:
        ValueError: for a factor of 1 or more.

    >>> ReduceLROnPlateau(factor=0.2).factor
    0.2
    """

    _kept = ("best", "wait", "cooldown_counter")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise TypeError(f"ReduceLROnPlateau got unknown arguments: {', '.join(kwargs)}.")
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau got factor={factor}; to reduce the rate it must be below 1.")
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.on_train_begin()

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.best = None
        self.wait = 0
        self.cooldown_counter = 0

    def in_cooldown(self) -> bool:
        """Whether epochs pass uncounted after a change."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        optimizer = self.model.optimizer
        _log_rates(optimizer, logs)
        current = self._monitored(logs, "decide whether to reduce the learning rate")
        if current is None:
            return
        self._improvement_sign()
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(optimizer, epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduce(self, optimizer: Any, epoch: int) -> bool:
        reduced = False
        for part, suffix in _optimizers(optimizer):
            old = float(np.asarray(part.learning_rate))
            if old > np.float32(self.min_lr):
                part.learning_rate = max(old * self.factor, self.min_lr)
                reduced = True
                if self.verbose > 0:
                    new = float(np.asarray(part.learning_rate))
                    print_line(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reduces learning_rate{suffix} to {new}.")
        return reduced
