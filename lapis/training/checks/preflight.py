"""The checks that run by themselves before the first step, once for each model, compilation and kind of data."""

from dataclasses import replace
from typing import Any

import lapis.core.nest as nest
from lapis.core.changes import last_change
from lapis.core.findings import CheckError, Finding, tell
from lapis.core.source import frames_inside
from lapis.data import ArrayAdapter, DataAdapter, get_data_adapter, unpack_x_y_sample_weight
from lapis.training.building import graph_of, outputs_for
from lapis.training.checks import Subject, findings, value_findings
from lapis.training.checks.subject import has_own_steps
from lapis.training.feed import Feed, make_feed
from lapis.training.hosting import takes_strings

_MOST_KINDS = 64  # of batches that are looked at; whoever feeds more has seen enough


class Checked:
    """What is known of a compiled model: which kinds of data it was checked with, and what was told."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.kinds: set[Any] = set()
        self.told: set[Finding] = set()

    def is_new(self, kind: Any) -> bool:
        """Whether the kind of data has not come before; it is noted."""
        if kind in self.kinds or len(self.kinds) >= _MOST_KINDS:
            return False
        self.kinds.add(kind)
        return True


def check_mode(mode: Any) -> str:
    """The mode itself, a `ValueError` where there is none of that name."""
    if mode not in ("error", "warn", "off"):
        raise ValueError(f"check is {mode!r}; expected 'error', 'warn' or 'off'.")
    return mode


def before_run(
    model: Any,
    method: str,
    given: tuple[Any, Any, Any],
    feed: Feed,
    validation: DataAdapter | None = None,
    validation_data: Any = None,
    **settings: Any,
) -> None:
    """Raise or warn of what the checks find before `fit` or `evaluate`.

    `settings` are fields of the `Subject`.
    """
    if _state(model).mode == "off":
        return
    try:
        subject = _subject(model, method, given, feed, validation, validation_data, settings)
        _tell(model, subject)
    except BaseException:
        feed.close()
        raise


def before_batch(model: Any, method: str, batch: Any, class_weight: Any = None) -> None:
    """The like before a step on one batch: only for a kind of batch that has not come before."""
    state = _state(model)
    if state.mode == "off" or len(state.kinds) >= _MOST_KINDS:
        return
    parts = unpack_x_y_sample_weight(batch)
    subject = Subject(model, method, batch=parts, whole=parts, class_weight=class_weight)
    if _kind(subject) not in state.kinds:
        _tell(model, replace(subject, outputs=_outputs(model, parts[0])))


def check_model(
    model: Any,
    given: tuple[Any, Any, Any],
    batch_size: int | None,
    validation_data: Any,
    class_weight: Any,
    **settings: Any,
) -> list[Finding]:
    """What the checks find, with data or without; nothing is raised or warned of."""
    settings.update(class_weight=class_weight, batch_size=batch_size, validates=validation_data is not None or None)
    if given[0] is None:
        graph = graph_of(model)
        return findings(Subject(model, outputs=None if graph is None else nest.unpack_single(graph.output), **settings))
    steps = settings.get("steps_per_epoch")
    try:
        feed = make_feed(_adapter(model, given, batch_size, steps), steps, model, stacks=False)
        validation = None
        if validation_data is not None:
            parts = unpack_x_y_sample_weight(validation_data)
            validation = _adapter(model, parts, batch_size, settings.get("validation_steps"))
    except CheckError as error:
        return error.findings
    except (TypeError, ValueError) as error:
        return [Finding("data-unreadable", "error", str(error), "Give arrays of equal length, or batches.")]
    try:
        subject = _subject(model, "check", given, feed, validation, validation_data, settings)
    except Exception as error:  # of the user's own code
        return [Finding("call-fails", "error", f"{type(error).__name__}: {error}", "Call the model on a batch.")]
    else:
        return findings(subject) + value_findings(subject)
    finally:
        feed.close()


def _adapter(model: Any, parts: tuple[Any, Any, Any], batch_size: int | None, steps: int | None) -> DataAdapter:
    return get_data_adapter(*parts, batch_size, steps, strings=takes_strings(model))


def _subject(
    model: Any,
    method: str,
    given: tuple[Any, Any, Any],
    feed: Feed,
    validation: DataAdapter | None,
    validation_data: Any,
    settings: dict[str, Any],
) -> Subject:
    batch = unpack_x_y_sample_weight(feed.peek())
    adapter = feed.adapter
    if isinstance(adapter, ArrayAdapter):
        settings = {**settings, "given": given, "whole": unpack_x_y_sample_weight(adapter.inputs)}
    if isinstance(validation, ArrayAdapter):  # others are read when their turn comes
        settings.update(
            validation_given=unpack_x_y_sample_weight(validation_data),
            validation_whole=unpack_x_y_sample_weight(validation.inputs),
            validation_batch=unpack_x_y_sample_weight(validation.take(slice(0, validation.batch_size))),
        )
    outputs = _outputs(model, batch[0])
    return Subject(model, method, batch=batch, outputs=outputs, num_batches=feed.num_batches, **settings)


def _outputs(model: Any, x: Any) -> Any:
    graph = graph_of(model)
    if graph is not None:
        return nest.unpack_single(graph.output)
    return None if has_own_steps(model) else outputs_for(model, x)  # a step of one's own may not call the model on x


def _state(model: Any) -> Checked:
    state = model.__dict__.get("_checked")
    if state is None:
        state = model.__dict__["_checked"] = Checked("error")
    return state


def _tell(model: Any, subject: Subject) -> None:
    state = _state(model)
    if subject.callbacks or state.is_new(_kind(subject)):
        found = findings(subject) + value_findings(subject)
    else:
        found = value_findings(subject)
    new = [finding for finding in found if finding.severity == "error" or finding not in state.told]
    state.told.update(new)
    if new:
        tell(new, state.mode, frames_inside())


def _kind(subject: Subject) -> Any:
    """What runs that are looked at once have in common: the model as it is, settings, and the kind of the data."""
    settings = subject.batch_size, subject.steps_per_epoch, subject.validation_steps, subject.epochs, subject.shuffle
    data = _form(subject.batch), _form(subject.validation_batch), subject.num_batches, repr(subject.class_weight)
    return last_change(), subject.method, subject.validates, settings, data


def _form(batch: Any) -> Any:
    """The keys, types and all sizes but the first of a batch."""
    return tuple(
        (path, (tuple(leaf.shape[1:]), str(leaf.dtype)) if hasattr(leaf, "shape") else type(leaf))
        for path, leaf in nest.flatten_with_path(batch)
    )
