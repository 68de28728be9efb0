"""Names that callbacks look for in the logs, where they will never be."""

import re
from collections.abc import Iterable, Iterator
from string import Formatter
from typing import Any

from lapis.callbacks import ModelCheckpoint, MonitorCallback
from lapis.core import nest
from lapis.core.findings import Finding
from lapis.core.naming import did_you_mean, to_snake_case
from lapis.training.building import graph_of
from lapis.training.checks.subject import Subject
from lapis.training.outputs import object_name

_RATES = {"learning_rate"}  # what the callbacks on learning rates add to the logs
_FIELDS = {"epoch", "batch"}
_TRAINERS = ("lapis.training", "lapis.layers", "lapis.models")


def unknown_monitors(subject: Subject) -> Iterator[Finding]:
    """`monitor-unknown` and `filepath-unknown`: a watched name that no log has; `monitor-without-validation`."""
    callbacks = _as_list(subject.callbacks)
    if not callbacks or not subject.model.compiled or _logs_are_its_own(type(subject.model), callbacks):
        return
    known = _log_names(subject.model)
    for callback in callbacks:
        for name, code in _names_of(callback):
            who = type(callback).__name__
            severity = "error" if code == "filepath-unknown" else "warning"
            base = name.removeprefix("val_")
            if graph_of(subject.model) is None and base.endswith("_loss"):
                continue  # what the single losses are called depends on what `call` gives
            if not _is_known(base, known):
                prefix = name.removesuffix(base)
                there = [prefix + one for one in sorted(known)]
                advice = (did_you_mean(name, there) or f"There are {there}.").strip()
                yield Finding(code, severity, f"{who} looks for {name!r}, which no log will have.", advice)
            elif base != name and subject.validates is False:
                message = f"{who} looks for {name!r}, but there are no validation data."
                advice = f"Pass validation_data or validation_split, or take {base!r}."
                code = code if code == "filepath-unknown" else "monitor-without-validation"
                yield Finding(code, severity, message, advice)


def _as_list(callbacks: Any) -> list[Any]:
    """The callbacks, given alone, in a list or in a `CallbackList`."""
    callbacks = getattr(callbacks, "callbacks", callbacks) or []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def _logs_are_its_own(model: type, callbacks: list[Any]) -> bool:
    """Whether the model or a callback of the user's may put other names into the logs."""
    methods = ("train_step", "test_step", "compute_metrics", "get_metrics_result", "metrics")
    theirs = any(not _defined_in(model, name, _TRAINERS) for name in methods)
    hooks = ("on_train_batch_end", "on_test_end", "on_epoch_end")
    return theirs or any(
        name in getattr(callback, "__dict__", ()) or not _defined_in(type(callback), name, "lapis.")
        for callback in callbacks
        for name in hooks
    )


def _defined_in(cls: type, name: str, modules: str | tuple[str, ...]) -> bool:
    """Whether the class has the method, if at all, from one of the modules."""
    owner = next((one for one in cls.__mro__ if name in vars(one)), None)
    return owner is None or owner.__module__.startswith(modules)


def _names_of(callback: Any) -> Iterator[tuple[str, str]]:
    """The names that the callback needs, with the code of what it is where one is missing."""
    best_only = getattr(callback, "save_best_only", True)
    if isinstance(callback, MonitorCallback) and best_only and _uses_monitor(callback):
        yield callback.monitor, "monitor-unknown"
    if isinstance(callback, ModelCheckpoint) and callback.save_freq == "epoch":
        fields = {field for _, field, _, _ in Formatter().parse(callback.filepath) if field}
        yield from ((field, "filepath-unknown") for field in sorted(fields - _FIELDS))


def _uses_monitor(callback: Any) -> bool:
    return all(_defined_in(type(callback), name, "lapis.") for name in ("get_monitor_value", "_monitored"))


def _is_known(name: str, known: set[str]) -> bool:
    return name in known or re.sub(r"_\d+$", "", name) in known


def _log_names(model: Any) -> set[str]:
    """All names that the model's logs may have, those of validation without `val_`, repeated ones without a number."""
    graph = graph_of(model)
    outputs = list(model.output_names) if graph is not None else []
    given = model._compile_config
    metrics = _keys(given["metrics"]) | _keys(given["weighted_metrics"])
    names = _names(nest.flatten([given["metrics"], given["weighted_metrics"]]))
    outputs += [key for key in metrics | _keys(given["loss"]) if key not in outputs]
    losses = [f"{name}_loss" for name in [*outputs, *_names(nest.flatten(given["loss"]))]]
    of_layers = {metric.name for metric in model.metrics}
    plain = [*names, *(f"weighted_{name}" for name in names)]
    prefixed = [f"{output}_{name}" for output in outputs for name in plain]
    return {"loss", *_RATES, *plain, *prefixed, *losses, *of_layers} - {"compile_metrics"}


def _keys(structure: Any) -> set[str]:
    return {str(key) for key in structure} if isinstance(structure, dict) else set()


def _names(identifiers: Iterable[Any]) -> list[str]:
    """What metrics and losses are called, given by name, as functions or as objects."""
    found = []
    for one in identifiers:
        if one is not None:
            found.append(one if isinstance(one, str) else object_name(one) or type(one).__name__)
            found.append(to_snake_case(found[-1]))
    return found
