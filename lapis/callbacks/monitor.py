"""What the callbacks that watch one metric have in common."""

import warnings
from typing import Any

from lapis.callbacks.callback import Callback


def _directions(model: Any) -> dict[str, str]:
    """Which way each of the model's metrics improves, as far as the metrics say."""
    found: dict[str, str] = {}
    for metric in getattr(model, "metrics", ()):
        parts = getattr(metric, "named_metrics", None)
        for name, part in parts() if parts is not None else [(metric.name, metric)]:
            direction = getattr(part, "_direction", None)
            if direction is not None:
                found.setdefault(name, direction)
                found.setdefault(part.name, direction)
    return found


class MonitorCallback(Callback):
    """Base class of callbacks that act on whether a metric improves.

    Args:
        monitor: the metric's name in the logs, `"val_loss"`.
        mode: `"min"`, `"max"`, or `"auto"`, which asks the metric which way it improves.
        baseline: the value to improve on; `None` takes the first one.
        min_delta: how much better a value must be to count.
    """

    _kept: tuple[str, ...] = ("best",)  # the attributes that a backup keeps

    def __init__(
        self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None, min_delta: float = 0
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(
                f"{type(self).__name__} got mode={mode!r}; expected 'auto', 'min' or 'max'. Going on with 'auto'.",
                stacklevel=3,
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self._sign: int | None = None

    def get_training_state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._kept}

    def set_training_state(self, state: dict[str, Any]) -> None:
        for name in self._kept:
            setattr(self, name, state[name])

    def _improvement_sign(self) -> int:
        """1 if greater is better, -1 if less is."""
        if self._sign is None:
            self._sign = self._find_sign()
        return self._sign

    def _find_sign(self) -> int:
        if self.mode != "auto":
            return 1 if self.mode == "max" else -1
        name = self.monitor.removeprefix("val_")
        if name == "loss" or name.endswith("_loss"):
            return -1
        direction = _directions(self._model).get(name)
        if direction is None:
            raise ValueError(
                f"{type(self).__name__} monitors {self.monitor!r}, and nothing says whether more or less of it is "
                "better. Pass mode='max' or mode='min'."
            )
        return 1 if direction == "up" else -1

    def _is_improvement(self, value: float, reference: float | None) -> bool:
        if reference is None:
            return True
        sign = self._improvement_sign()
        return bool(sign * (value - reference) > self.min_delta)

    def _monitored(self, logs: dict | None, purpose: str) -> Any:
        """The metric's value, or `None` with a warning."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__} cannot {purpose}: the logs have no {self.monitor!r}, only "
                f"{', '.join(logs or {}) or 'nothing'}.",
                stacklevel=3,
            )
        return value
