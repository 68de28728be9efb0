"""One step of training, evaluation or prediction, on one batch of arrays."""

from typing import Any

import lapis.core.nest as nest
from lapis.callbacks import to_python
from lapis.data import IterableAdapter, class_weight_to_sample_weight, pack_x_y_sample_weight
from lapis.data.iterables import to_array
from lapis.training.building import build_on
from lapis.training.checks.preflight import before_batch
from lapis.training.class_weights import class_weights_for
from lapis.training.collecting import as_batch
from lapis.training.driving import live_state, prediction_groups
from lapis.training.feed import make_feed
from lapis.training.hosting import takes_strings
from lapis.training.loop import in_metrics_order, test_groups, train_groups
from lapis.training.pace import Pace


def train(model: Any, x: Any, y: Any, sample_weight: Any, class_weight: dict | None, return_dict: bool) -> Any:
    """Train on the batch, and give the loss and metrics on it."""
    if class_weight is not None:
        if sample_weight is not None:
            raise ValueError("Give either class_weight or sample_weight, not both.")
        sample_weight = class_weight_to_sample_weight(y, class_weights_for(model, class_weight) or {})
    batch = _pack(x, y, sample_weight)
    before_batch(model, "train_on_batch", batch, class_weight)
    build_on(model, lambda: batch, with_targets=True)
    model.make_train_function()
    model.reset_metrics()
    return _logs(model, _run(model, model.train_function, train_groups(model), batch), return_dict)


def test(model: Any, x: Any, y: Any, sample_weight: Any, return_dict: bool) -> Any:
    """The loss and metrics on the batch."""
    batch = _pack(x, y, sample_weight)
    before_batch(model, "test_on_batch", batch)
    build_on(model, lambda: batch, with_targets=True)
    model.make_test_function()
    model.reset_metrics()
    return _logs(model, _run(model, model.test_function, test_groups(model), batch), return_dict)


def predict(model: Any, x: Any) -> Any:
    """The outputs for the batch."""
    batch = _pack(x, None, None)
    build_on(model, lambda: batch, with_targets=False)
    model.make_predict_function()
    return as_batch(_run(model, model.predict_function, prediction_groups(model), batch))


def _pack(x: Any, y: Any, sample_weight: Any) -> Any:
    return pack_x_y_sample_weight(*(nest.map_structure(to_array, part) for part in (x, y, sample_weight)))


def _run(model: Any, program: Any, groups: tuple[list[Any], ...], batch: Any) -> list[tuple[Any, list[Any]]]:
    """One step, the variables up to date afterwards: the stacks, each with the outputs of its calls."""
    adapter = IterableAdapter([batch], strings=takes_strings(model))
    (chunk,) = make_feed(adapter, None, model, program.stacks).chunks(Pace(1))
    with live_state(model, *groups) as live:
        return [(part, live.run(program, part)) for part in chunk.parts]


def _logs(model: Any, results: list[tuple[Any, list[Any]]], return_dict: bool) -> Any:
    logs = to_python(results[-1][1][-1])
    return logs if return_dict else in_metrics_order(model, logs)
