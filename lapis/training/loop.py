"""The loops of `fit`, `evaluate` and `predict`: epochs, callbacks, validation."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

import lapis.core.nest as nest
from lapis.callbacks import CallbackList, to_python
from lapis.data import Epochs, get_data_adapter, split_arrays, unpack_x_y_sample_weight
from lapis.training.building import build_on
from lapis.training.feed import to_device
from lapis.training.state import LiveState

_RAN_DRY = (
    "The data have no batches left for epoch {epoch}, so training ends here. A generator can be read only once: pass "
    "steps_per_epoch with one that goes on, or a PyDataset, which can be read again."
)
_NO_VALIDATION = (
    "The validation data have no batches left, so epoch {epoch} has no validation. A generator can be read only once: "
    "pass validation_steps with one that goes on, or a PyDataset, which can be read again."
)


@contextmanager
def _live(model: Any, *groups: list[Any]) -> Iterator[LiveState]:
    """The variables' values while programs run on them; they are back in the variables at the end, whatever happens."""
    outer, live = model._live, LiveState(*groups)
    model._live = live
    try:
        yield live
    finally:
        model._live = outer
        live.sync()


def train_groups(model: Any) -> tuple[list[Any], ...]:
    """The variables that make up the state of training."""
    return *test_groups(model)[:2], model.optimizer.variables, model.metrics_variables


def test_groups(model: Any) -> tuple[list[Any], ...]:
    """The variables that make up the state of evaluation."""
    return model.trainable_variables, model.non_trainable_variables, model.metrics_variables


def _make_callbacks(model: Any, callbacks: Any, verbose: Any, epochs: int, batches: Epochs, in_fit: bool) -> Any:
    if isinstance(callbacks, CallbackList):
        return callbacks
    if verbose not in ("auto", 0, 1, 2):
        raise ValueError(f"verbose is {verbose!r}; expected 'auto', 0 (silent), 1 (progress bar) or 2 (one line).")
    return CallbackList(
        callbacks,
        add_history=in_fit,
        add_progbar=verbose not in (0, False),
        model=model,
        verbose=verbose,
        epochs=epochs,
        steps=batches.num_batches,
    )


def _validates(epoch: int, frequency: Any) -> bool:
    """Whether the epoch, counted from 0, is one with validation."""
    if isinstance(frequency, int):
        return (epoch + 1) % frequency == 0
    if isinstance(frequency, (list, tuple, set, range)):
        return epoch + 1 in frequency
    raise ValueError(f"validation_freq is {frequency!r}; expected a number of epochs, or a list of epochs from 1.")


def fit(
    model: Any,
    data: tuple[Any, Any, Any],
    batch_size: int | None,
    epochs: int,
    verbose: Any,
    callbacks: Any,
    validation_split: float,
    validation_data: Any,
    shuffle: bool | str,
    class_weight: dict | None,
    initial_epoch: int,
    steps_per_epoch: int | None,
    validation_steps: int | None,
    validation_batch_size: int | None,
    validation_freq: Any,
) -> Any:
    """Train, and give the `History`."""
    if validation_split and validation_data is None:
        data, validation_data = split_arrays(data, validation_split)
    adapter = get_data_adapter(*data, batch_size, steps_per_epoch, shuffle, class_weight)
    batches = Epochs(adapter, steps_per_epoch, model.steps_per_execution)
    validation = None
    if validation_data is not None:
        _validates(0, validation_freq)  # for its error
        parts = unpack_x_y_sample_weight(validation_data)
        val_adapter = get_data_adapter(*parts, validation_batch_size or batch_size, validation_steps)
        validation = Epochs(val_adapter, validation_steps, model.steps_per_execution)
    build_on(model, batches.peek, with_targets=True)
    callbacks = _make_callbacks(model, callbacks, verbose, epochs, batches, in_fit=True)
    model.make_train_function()
    model.stop_training = False
    model._initial_epoch = None  # a callback may set it in `on_train_begin`
    logs: dict[str, Any] = {}
    callbacks.on_train_begin()
    try:
        for epoch in range(model._initial_epoch or initial_epoch, epochs):
            model.reset_metrics()
            callbacks.on_epoch_begin(epoch)
            trained = _train_epoch(model, batches, callbacks)
            if trained is None:
                warnings.warn(_RAN_DRY.format(epoch=epoch + 1), stacklevel=3)
                break
            logs = trained
            if validation is not None and _validates(epoch, validation_freq):
                found = _test_epoch(model, validation, callbacks)
                if found is None:
                    warnings.warn(_NO_VALIDATION.format(epoch=epoch + 1), stacklevel=3)
                logs.update({f"val_{name}": value for name, value in (found or {}).items()})
            callbacks.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
    finally:
        for opened in (batches, validation):
            if opened is not None:
                opened.close()
        model.optimizer.finalize_variable_values(model.trainable_variables)
    callbacks.on_train_end(logs=logs)
    return model.history


def _train_epoch(model: Any, batches: Epochs, callbacks: Any) -> dict[str, Any] | None:
    """The logs of one epoch, `None` if there was no batch."""
    logs = None
    with _live(model, *train_groups(model)) as live:
        for first, last, chunk in to_device(batches.epoch()):
            callbacks.on_train_batch_begin(first)
            logs = live.run(model.train_function, chunk)
            callbacks.on_train_batch_end(last, logs)
            if model.stop_training:
                break
    return None if logs is None else to_python(logs)


def _test_epoch(model: Any, batches: Epochs, callbacks: Any) -> dict[str, Any] | None:
    """The metrics on all batches, `None` if there was none."""
    model.make_test_function()
    model.stop_evaluating = False
    callbacks.on_test_begin()
    model.reset_metrics()
    logs = None
    with _live(model, *test_groups(model)) as live:
        for first, last, chunk in to_device(batches.epoch()):
            callbacks.on_test_batch_begin(first)
            logs = live.run(model.test_function, chunk)
            callbacks.on_test_batch_end(last, logs)
            if model.stop_evaluating:
                break
    found = None if logs is None else to_python(logs)
    callbacks.on_test_end(found)
    return found


def evaluate(
    model: Any, data: tuple[Any, Any, Any], batch_size: int | None, verbose: Any, steps: int | None, callbacks: Any
) -> dict[str, Any]:
    """The loss and metrics on the data."""
    adapter = get_data_adapter(*data, batch_size, steps)
    batches = Epochs(adapter, steps, model.steps_per_execution)
    build_on(model, batches.peek, with_targets=True)
    callbacks = _make_callbacks(model, callbacks, verbose, 1, batches, in_fit=False)
    try:
        logs = _test_epoch(model, batches, callbacks)
    finally:
        batches.close()
    if logs is None:
        raise ValueError("The data hold no batches, so there is nothing to evaluate.")
    return logs


def predict(model: Any, x: Any, batch_size: int | None, verbose: Any, steps: int | None, callbacks: Any) -> Any:
    """The outputs for all batches, joined along the first axis."""
    batches = Epochs(get_data_adapter(x, None, None, batch_size, steps), steps, model.steps_per_execution)
    build_on(model, batches.peek, with_targets=False)
    callbacks = _make_callbacks(model, callbacks, verbose, 1, batches, in_fit=False)
    model.make_predict_function()
    model.stop_predicting = False
    callbacks.on_predict_begin()
    outputs = _Outputs()
    try:
        with _live(model, *test_groups(model)[:2]) as live:
            for first, last, chunk in to_device(batches.epoch()):
                callbacks.on_predict_batch_begin(first)
                found = [live.run(model.predict_function, [batch]) for batch in chunk]
                outputs.add(found)
                callbacks.on_predict_batch_end(last, {"outputs": join(found)})
                if model.stop_predicting:
                    break
    finally:
        batches.close()
    callbacks.on_predict_end()
    return outputs.joined()


class _Outputs:
    """Outputs of all batches on the host; each batch is fetched while the next one is at work."""

    def __init__(self) -> None:
        self._fetched: list[Any] = []
        self._on_device: list[Any] = []

    def add(self, outputs: list[Any]) -> None:
        self._fetch()
        self._on_device = outputs

    def _fetch(self) -> None:
        self._fetched += [to_host(one) for one in self._on_device]
        self._on_device = []

    def joined(self) -> Any:
        self._fetch()
        if not self._fetched:
            raise ValueError("The data hold no batches, so there is nothing to predict.")
        return join(self._fetched)


def to_host(outputs: Any) -> Any:
    """Arrays on the device as NumPy arrays of their own, free to be changed."""
    return nest.map_structure(lambda array: None if array is None else np.array(array), outputs)


def join(outputs: list[Any]) -> Any:
    """Outputs of several batches as those of one."""
    if len(outputs) == 1:
        return outputs[0]
    module: Any = np if isinstance(nest.flatten(outputs[0])[0], np.ndarray) else jax.numpy
    return nest.map_structure(lambda *leaves: module.concatenate(leaves), *outputs)


def run_on_batch(model: Any, program: Callable, groups: tuple[list[Any], ...], batch: Any) -> Any:
    """One step on one batch, the variables up to date afterwards."""
    with _live(model, *groups) as live:
        return live.run(program, [batch])


def in_metrics_order(model: Any, logs: dict[str, Any]) -> Any:
    """The values in the order of the model's metrics, further ones after them by name; a single one alone."""
    names: list[str] = []
    for metric in model.metrics:
        parts = getattr(metric, "metrics", None) if metric is model._compile_metrics else None
        names += [metric.name] if parts is None else [part.name for part in parts]
    known = [name for name in dict.fromkeys(names) if name in logs]
    values = [logs[name] for name in known] + [logs[name] for name in sorted(set(logs) - set(known))]
    return values[0] if len(values) == 1 else values
