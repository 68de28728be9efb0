"""Frozen layers that do something else than was meant."""

from collections.abc import Iterator
from typing import Any

from lapis.core.findings import Finding
from lapis.layers import BatchNormalization, Layer
from lapis.training.checks.graphs import nodes, path_of
from lapis.training.checks.subject import Subject


def nothing_trains(subject: Subject) -> Iterator[Finding]:
    """`nothing-trains`: `fit` of a model whose weights are all frozen."""
    model = subject.model
    trainable = any(layer._trainable_variables for layer in model._flatten_layers())  # if they were not frozen
    if subject.method != "fit" or model.trainable_variables or not trainable:
        return
    if model.trainable or not any(layer.trainable for layer in model._flatten_layers(include_self=False)):
        message, advice = "All weights are frozen, so fit changes nothing.", "Set `trainable = True` on some layer."
    else:
        message = "The model itself is frozen, so none of its layers trains, whatever their own `trainable` says."
        advice = "Set `trainable = True` on the model first, then freeze layers."
    yield Finding("nothing-trains", "warning", message, advice, model.path)


def frozen_after_compile(subject: Subject) -> Iterator[Finding]:
    """`trainable-changed`: batch normalization frozen or thawed since the step that `fit` runs was made."""
    model = subject.model
    if subject.method != "fit" or model.train_function is None:
        return
    now = {path_of(one): one.trainable for one in model._flatten_layers() if isinstance(one, BatchNormalization)}
    function, then = model.__dict__.get("_normalization_trained", (None, {}))
    if function is not model.train_function:
        model.__dict__["_normalization_trained"] = (model.train_function, now)
        return
    for path, trainable in now.items():
        if then.get(path, trainable) != trainable:
            message = f"Its `trainable` was {not trainable} when the model was first fitted; that is how it still runs."
            yield Finding("trainable-changed", "error", message, "Call compile() again.", path)


def training_written_in(subject: Subject) -> Iterator[Finding]:
    """`training-written-in`: a call with `training=True` whose batch normalization goes on in predictions."""
    for node in nodes(subject.model):
        layer = node.operation
        if node.kwargs.get("training") is not True or not isinstance(layer, Layer):
            continue
        found = [one for one in layer._flatten_layers() if isinstance(one, BatchNormalization)]
        if not found:
            continue
        if any(one.trainable for one in found):
            message = "It was called with training=True, so predictions depend on the batch that they are made in."
            advice = "Leave `training` out: fit sets it."
        else:
            message = (
                "It was called with training=True, which its frozen batch normalization does not follow, while dropout "
                "in it stays on in predictions."
            )
            advice = "Call it with training=False."
        yield Finding("training-written-in", "warning", message, advice, path_of(layer), node.source)


def frozen_without_statistics(subject: Subject) -> Iterator[Finding]:
    """`frozen-statistics`: frozen batch normalization that has seen no data, behind a layer that trains."""
    if subject.method == "evaluate":
        return
    for node in nodes(subject.model):
        layer = node.operation
        if not isinstance(layer, BatchNormalization) or layer.trainable or not layer.built:
            continue
        before = [parent.operation for parent in node.parent_nodes]
        if any(getattr(one, "trainable_variables", None) for one in before) and _is_fresh(layer):
            message = "It is frozen and has seen no data, so it passes on what it gets, unnormalized."
            advice = "Freeze it after training, or load weights first."
            yield Finding("frozen-statistics", "warning", message, advice, path_of(layer), node.source)


def _is_fresh(layer: Any) -> bool:
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    return not mean.any() and (variance == 1).all()
