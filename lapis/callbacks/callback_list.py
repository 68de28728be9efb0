"""Several callbacks as one."""

from collections.abc import Callable
from typing import Any

import lapis.core.nest as nest
from lapis.callbacks.callback import Callback
from lapis.callbacks.history import History
from lapis.callbacks.logs import to_host, to_python
from lapis.callbacks.progbar_logger import ProgbarLogger
from lapis.core.notes import noting

_ALIASES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


def _overridden(callback: Any, hook: str) -> bool:
    """Whether calling the hook does anything."""
    found = getattr(callback, hook)
    if getattr(found, "__func__", found) is not getattr(Callback, hook):
        return True
    return hook in _ALIASES and _overridden(callback, _ALIASES[hook])


def _where(call: Callable, hook: str, *place: int) -> str:
    return f"In the callback {getattr(call, '__qualname__', call)}, called as {hook}({', '.join(map(str, place))})."


class CallbackList(Callback):
    """Calls each of its callbacks, in order, and skips those that have nothing to do.

    Args:
        callbacks: one callback, or any nesting of them.
        add_history: add a `History` if there is none.
        add_progbar: add a `ProgbarLogger` if there is none.
        model: the model they are told of.
        **params: what `callback.params` is to hold: `verbose`, `epochs`, `steps`.

    >>> from lapis.callbacks.lambda_callback import LambdaCallback
    >>> seen = []
    >>> callbacks = CallbackList([LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs))])
    >>> callbacks.on_epoch_end(0, {"loss": 1, "accuracy": 2})
    >>> seen
    [{'accuracy': 2.0, 'loss': 1.0}]
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        self.callbacks: list[Any] = nest.flatten(callbacks) if callbacks else []
        for callback in self.callbacks:
            if isinstance(callback, type) or not hasattr(callback, "on_epoch_end"):
                made = f"; did you mean {callback.__name__}()?" if isinstance(callback, type) else "."
                raise TypeError(f"callbacks must hold Callback instances; got {callback!r}{made}")
        self._history = self._find(History, add_history)
        self._find(ProgbarLogger, add_progbar)
        self.callbacks.sort(key=lambda callback: getattr(callback, "keeps_backups", False))
        self._hooks: dict[str, list[tuple[Callable, bool]]] = {}
        self.set_model(model)
        self.set_params(params)

    def _find(self, kind: type, add: bool) -> Any:
        found = next((callback for callback in self.callbacks if isinstance(callback, kind)), None)
        if found is None and add:
            found = kind()
            self.callbacks.append(found)
        return found

    def append(self, callback: Callback) -> None:
        """Add one more callback at the end."""
        self.callbacks.append(callback)
        self._hooks.clear()
        if self._model is not None:
            callback.set_model(self._model)
        if self.params:
            callback.set_params(self.params)

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        if params:
            for callback in self.callbacks:
                callback.set_params(params)

    def set_model(self, model: Any) -> None:
        if model is None:
            return
        self._model = model
        if self._history is not None:
            object.__setattr__(model, "history", self._history)  # past the tracking: it is no part of the model
        for callback in self.callbacks:
            callback.set_model(model)

    def _listeners(self, hook: str) -> list[tuple[Callable, bool]]:
        """The callbacks' own methods for a hook, each with whether it may run beside the program."""
        found = self._hooks.get(hook)
        if found is None:
            found = [
                (getattr(callback, hook), bool(getattr(callback, "async_safe", False)))
                for callback in self.callbacks
                if _overridden(callback, hook)
            ]
            self._hooks[hook] = found
        return found

    def need_every(self, *hooks: str) -> bool:
        """Whether a callback must be called at each of these moments, with the program at rest."""
        return any(not async_safe for hook in hooks for _, async_safe in self._listeners(hook))

    def _on_batch(self, hook: str, batch: int, logs: dict | None, show: Callable = to_python) -> None:
        listeners = self._listeners(hook)
        if not listeners:
            return
        shown = None
        for call, async_safe in listeners:
            if async_safe:
                with noting(lambda call=call: _where(call, hook, batch)):
                    call(batch, logs)
                continue
            if shown is None:
                self.model  # noqa: B018 - a hook may hold the model itself, so its variables must be valid
                shown = show(logs)
            with noting(lambda call=call: _where(call, hook, batch)):
                call(batch, logs=shown)

    def _on_edge(self, hook: str, *args: Any) -> None:
        *place, logs = args
        logs = to_python(logs)
        for call, _ in self._listeners(hook):
            with noting(lambda call=call: _where(call, hook, *place)):
                call(*place, logs)

    def on_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self._on_batch("on_batch_begin", batch, logs)

    def on_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._on_batch("on_batch_end", batch, logs)

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self._on_batch("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._on_batch("on_train_batch_end", batch, logs)

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self._on_batch("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._on_batch("on_test_batch_end", batch, logs)

    def on_predict_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self._on_batch("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._on_batch("on_predict_batch_end", batch, logs, show=to_host)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._on_edge("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._on_edge("on_epoch_end", epoch, logs)

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._on_edge("on_train_begin", logs)

    def on_train_end(self, logs: dict | None = None) -> None:
        self._on_edge("on_train_end", logs)

    def on_test_begin(self, logs: dict | None = None) -> None:
        self._on_edge("on_test_begin", logs)

    def on_test_end(self, logs: dict | None = None) -> None:
        self._on_edge("on_test_end", logs)

    def on_predict_begin(self, logs: dict | None = None) -> None:
        self._on_edge("on_predict_begin", logs)

    def on_predict_end(self, logs: dict | None = None) -> None:
        self._on_edge("on_predict_end", logs)
