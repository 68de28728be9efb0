"""The loops of `fit`, `evaluate` and `predict`: epochs, callbacks, validation."""

import warnings
from collections.abc import Callable
from os import PathLike
from typing import Any

import numpy as np

from lapis.callbacks import CallbackList, to_python
from lapis.core import nest
from lapis.core.config import max_epochs, max_steps_per_epoch
from lapis.data import get_data_adapter, split_arrays, unpack_x_y_sample_weight
from lapis.state import is_sanitizer_enabled, numbering
from lapis.training.at_once import predict_at_once
from lapis.training.building import build_first, build_on
from lapis.training.checks.preflight import before_run
from lapis.training.class_weights import class_weights_for
from lapis.training.collecting import Collected, as_batch
from lapis.training.driving import drive, live_state, pace_of, prediction_groups
from lapis.training.feed import Feed, make_feed
from lapis.training.filling import bucket_for, may_fill_up, may_fill_up_predictions
from lapis.training.hosting import takes_strings
from lapis.training.run import Run

_RAN_DRY = (
    "The data have no batches left for epoch {epoch}, so training ends here. A generator can be read only once: pass "
    "steps_per_epoch with one that goes on, or a PyDataset, which can be read again."
)
_NO_VALIDATION = (
    "The validation data have no batches left, so epoch {epoch} has no validation. A generator can be read only once: "
    "pass validation_steps with one that goes on, or a PyDataset, which can be read again."
)


def train_groups(model: Any) -> tuple[list[Any], ...]:
    """The variables that make up the state of training."""
    return *prediction_groups(model), model.optimizer.variables, model.metrics_variables


def test_groups(model: Any) -> tuple[list[Any], ...]:
    """The variables that make up the state of evaluation."""
    return *prediction_groups(model), model.metrics_variables


def _limited_feed(adapter: Any, steps: int | None, model: Any, stacks: bool) -> Feed:
    """The feed for an adapter, its epochs no longer than `config.max_steps_per_epoch()`."""
    limit, batches = max_steps_per_epoch(), steps or adapter.num_batches
    if limit and (batches is None or limit < batches):
        warnings.warn(f"Limiting steps_per_epoch to {limit}, as config.max_steps_per_epoch() says.", stacklevel=4)
        steps = limit
    return make_feed(adapter, steps, model, stacks)


def _make_callbacks(model: Any, callbacks: Any, verbose: Any, epochs: int, batches: Feed, in_fit: bool) -> Any:
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
    initial_epoch: int | str | PathLike,
    steps_per_epoch: int | None,
    validation_steps: int | None,
    validation_batch_size: int | None,
    validation_freq: Any,
) -> Any:
    """Train, and give the `History`."""
    limit = max_epochs()
    if limit and limit < epochs:
        warnings.warn(f"Limiting epochs to {limit}, as config.max_epochs() says.", stacklevel=3)
        epochs = limit
    strings = takes_strings(model)
    if validation_split and validation_data is None:
        data, validation_data = split_arrays(data, validation_split, strings)
    by_class = class_weights_for(model, class_weight)
    adapter = get_data_adapter(*data, batch_size, steps_per_epoch, shuffle, by_class, strings)
    build_first(model, adapter)
    model.make_train_function()
    batches = _limited_feed(adapter, steps_per_epoch, model, model.train_function.stacks)
    validation = None
    if validation_data is not None:
        _validates(0, validation_freq)  # for its error
        parts = unpack_x_y_sample_weight(validation_data)
        val_adapter = get_data_adapter(*parts, validation_batch_size or batch_size, validation_steps, strings=strings)
        model.make_test_function()
        validation = _limited_feed(val_adapter, validation_steps, model, model.test_function.stacks)
    run = Run(model, batches, validation)
    before_run(
        model,
        "fit",
        data,
        batches,
        None if validation is None else validation.adapter,
        validation_data,
        class_weight=class_weight,
        callbacks=callbacks.callbacks if isinstance(callbacks, CallbackList) else nest.flatten(callbacks or []),
        batch_size=batch_size,
        steps_per_epoch=steps_per_epoch,
        validation_steps=validation_steps,
        epochs=epochs,
        shuffle=shuffle,
        validates=validation is not None,
    )
    build_on(model, batches.peek, with_targets=True)
    if may_fill_up(model, training=True):
        batches.fill_up()
    if validation is not None and may_fill_up(model, training=False):
        validation.fill_up(bucket_for(validation.adapter))
    callbacks = _make_callbacks(model, callbacks, verbose, epochs, batches, in_fit=True)
    model.stop_training = False
    model._initial_epoch = None  # a callback may set it in `on_train_begin`
    run.attach(callbacks)
    model.__dict__["_training_run"] = run
    if isinstance(initial_epoch, (str, PathLike)):
        model._load_checkpoint(initial_epoch)
        initial_epoch = 0  # which the file has set
    logs: dict[str, Any] = {}
    callbacks.on_train_begin()
    try:
        run.begin()
        first = initial_epoch if model._initial_epoch is None else model._initial_epoch
        for epoch in () if run.is_over else range(first, epochs):
            model.reset_metrics()
            callbacks.on_epoch_begin(epoch)
            run.begin_epoch()
            with numbering(epoch=epoch):
                trained = run.rest_of_epoch(lambda: _train_epoch(model, batches, callbacks))
            if trained is None:
                warnings.warn(_RAN_DRY.format(epoch=epoch + 1), stacklevel=3)
                break
            logs = trained
            if validation is not None and _validates(epoch, validation_freq):
                with numbering(epoch=epoch):
                    found = _test_epoch(model, validation, callbacks)
                if found is None:
                    warnings.warn(_NO_VALIDATION.format(epoch=epoch + 1), stacklevel=3)
                logs.update({f"val_{name}": value for name, value in (found or {}).items()})
            callbacks.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
    finally:
        model.__dict__["_training_run"] = None
        for opened in (batches, validation):
            if opened is not None:
                opened.close()
        model.optimizer.finalize_variable_values(model.trainable_variables)
    callbacks.on_train_end(logs=logs)
    return model.history


def _train_epoch(model: Any, feed: Feed, callbacks: Any) -> dict[str, Any] | None:
    """The logs of one epoch, `None` if there was no batch."""
    program, groups = model.train_function, train_groups(model)
    return _epoch(model, program, groups, feed, callbacks, "train", lambda: model.stop_training)


def _test_epoch(model: Any, feed: Feed, callbacks: Any) -> dict[str, Any] | None:
    """The metrics on all batches, `None` if there was none."""
    model.stop_evaluating = False
    callbacks.on_test_begin()
    model.reset_metrics()
    program, groups = model.test_function, test_groups(model)
    found = _epoch(model, program, groups, feed, callbacks, "test", lambda: model.stop_evaluating)
    callbacks.on_test_end(found)
    return found


def _epoch(
    model: Any,
    program: Any,
    groups: tuple[list[Any], ...],
    feed: Feed,
    callbacks: Any,
    kind: str,
    stopped: Callable[[], bool],
) -> dict[str, Any] | None:
    """The last logs of an epoch of the kind "train" or "test", whose batch hooks are called."""
    begin, end = f"on_{kind}_batch_begin", f"on_{kind}_batch_end"
    pace = pace_of(model, program, callbacks.need_every(begin, end))
    tell = getattr(callbacks, end)
    with live_state(model, *groups) as live:
        logs = drive(
            live,
            program,
            feed,
            pace,
            getattr(callbacks, begin),
            lambda last, results: tell(last, results[-1][1][-1]),
            stopped,
        )
    return None if logs is None else to_python(logs)


def evaluate(
    model: Any, data: tuple[Any, Any, Any], batch_size: int | None, verbose: Any, steps: int | None, callbacks: Any
) -> dict[str, Any]:
    """The loss and metrics on the data."""
    adapter = get_data_adapter(*data, batch_size, steps, strings=takes_strings(model))
    build_first(model, adapter)
    model.make_test_function()
    feed = _limited_feed(adapter, steps, model, model.test_function.stacks)
    before_run(model, "evaluate", data, feed, batch_size=batch_size, steps_per_epoch=steps)
    build_on(model, feed.peek, with_targets=True)
    if may_fill_up(model, training=False):
        feed.fill_up(bucket_for(adapter))
    callbacks = _make_callbacks(model, callbacks, verbose, 1, feed, in_fit=False)
    try:
        logs = _test_epoch(model, feed, callbacks)
    finally:
        feed.close()
    if logs is None:
        raise ValueError(
            "The data hold no batches, so there is nothing to evaluate. A generator can be read only once."
        )
    return logs


def predict(model: Any, x: Any, batch_size: int | None, verbose: Any, steps: int | None, callbacks: Any) -> Any:
    """The outputs for all batches, joined along the first axis."""
    if not model.built and takes_strings(model):
        build_first(model, get_data_adapter(x, None, None, batch_size, steps, strings=True))
    model.make_predict_function()
    program = model.predict_function
    at_once = verbose in (0, False) and not callbacks and steps is None and isinstance(x, np.ndarray)
    if at_once and not is_sanitizer_enabled():
        outputs = predict_at_once(model, x, batch_size or 32)
        if outputs is not None:
            return outputs
    adapter = get_data_adapter(x, None, None, batch_size, steps, strings=takes_strings(model))
    feed = _limited_feed(adapter, steps, model, program.stacks)
    build_on(model, feed.peek, with_targets=False)
    if may_fill_up_predictions(model):
        feed.fill_up(bucket_for(adapter))
    callbacks = _make_callbacks(model, callbacks, verbose, 1, feed, in_fit=False)
    model.stop_predicting = False
    callbacks.on_predict_begin()
    watched = callbacks.need_every("on_predict_batch_begin", "on_predict_batch_end")
    collected = Collected()

    def end(last: int, results: list[tuple[Any, list[Any]]]) -> None:
        collected.add(results)
        callbacks.on_predict_batch_end(last, {"outputs": as_batch(results)} if watched else None)

    try:
        with live_state(model, *prediction_groups(model)) as live:
            pace = pace_of(model, program, watched)
            drive(live, program, feed, pace, callbacks.on_predict_batch_begin, end, lambda: model.stop_predicting)
    finally:
        feed.close()
    callbacks.on_predict_end()
    return collected.joined()


def in_metrics_order(model: Any, logs: dict[str, Any]) -> Any:
    """The values in the order of the model's metrics, further ones after them by name; a single one alone."""
    names: list[str] = []
    for metric in model.metrics:
        parts = getattr(metric, "metrics", None) if metric is model._compile_metrics else None
        names += [metric.name] if parts is None else [part.name for part in parts]
    known = [name for name in dict.fromkeys(names) if name in logs]
    values = [logs[name] for name in known] + [logs[name] for name in sorted(set(logs) - set(known))]
    return values[0] if len(values) == 1 else values
