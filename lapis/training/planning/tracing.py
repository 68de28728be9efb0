"""The program of one step, traced with every layer's equations marked, as a basis for plans."""

import copy
import dataclasses
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp

import lapis.core.nest as nest
from lapis.data import unpack_x_y_sample_weight
from lapis.state import StatelessScope
from lapis.state.scopes import local as scopes
from lapis.training import loop
from lapis.training.building import build_on
from lapis.training.compile_loss import CompileLoss
from lapis.training.compile_metrics import CompileMetrics
from lapis.training.driving import prediction_groups
from lapis.training.hosting import takes_strings
from lapis.training.planning.specs import input_specs, target_specs
from lapis.training.program import Traced
from lapis.training.stacks import Stack, capacity_for

_TAG = "lapis:"


@dataclasses.dataclass
class Row:
    """A layer that a step calls; a model among them stands for the operations between its layers."""

    path: str
    layer: Any
    is_model: bool
    output_shapes: list[tuple[int, ...]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Step:
    """A traced step.

    Attributes:
        traced: the step as equations.
        rows: by tag, in the order in which they are called first.
        state, stack: what it takes, as shapes and types.
        collects, uses_up: as `training.program.Program` has them.
    """

    traced: Traced
    rows: dict[str, Row]
    state: list[Any]
    stack: Stack
    collects: bool
    uses_up: bool
    state_bytes: int
    batch_bytes: int


def is_tag(name: str) -> bool:
    """Whether a name scope is the mark of a row."""
    return name.startswith(_TAG)


def trace_step(
    model: Any, batch_size: int, training: bool, input_shapes: Any = None, target_shapes: Any = None
) -> Step:
    """The step that `fit` runs on a batch of that size, or without `training` that of `predict`.

    A model that is not compiled trains on the sum of its outputs, without an optimizer.
    """
    if takes_strings(model):
        raise ValueError(
            f"A part of the model {model.path!r} runs on the host, before anything is compiled. Plan the model of the "
            "layers behind it."
        )
    x = input_specs(model, batch_size, input_shapes)
    build_on(model, lambda: (x,), with_targets=False)
    compiled = training and model.compiled and model.optimizer is not None
    with _own_parts(model):
        batch: Any = (x,)
        if compiled:
            outputs = _outputs(model, x)
            batch = (x, target_specs(model, outputs, target_shapes)) if model._compile_loss is not None else (x,)
            build_on(model, lambda: batch, with_targets=True)
        groups = loop.train_groups(model) if compiled else prediction_groups(model)
        step = _step(model, training, compiled)
        state = [jax.ShapeDtypeStruct(v.shape, jnp.dtype(v.dtype)) for v in itertools.chain.from_iterable(groups)]
        batch_bytes = _bytes(jax.tree.leaves(batch))
        capacity = capacity_for(batch_bytes, None)
        arrays = jax.tree.map(lambda spec: jax.ShapeDtypeStruct((capacity, *spec.shape), spec.dtype), batch)
        stack = Stack(arrays, capacity, batch_size, None, [])
        with _marking(model) as rows:
            traced = Traced(step, tuple(map(len, groups)), state, stack, None)
    return Step(traced, rows, state, stack, not training, compiled, _bytes(state), batch_bytes)


def _step(model: Any, training: bool, compiled: bool) -> Callable:
    if compiled:
        return model.train_step
    if not training:

        def predict(state: tuple, batch: Any) -> tuple[Any, tuple]:
            outputs, non_trainable = model.predict_step(state, batch)
            return outputs, (state[0], non_trainable)

        return predict

    def train(state: tuple, batch: Any) -> tuple[Any, tuple]:
        x, _, _ = unpack_x_y_sample_weight(batch)

        def objective(trainable: Any) -> tuple[Any, Any]:
            outputs, non_trainable = model.stateless_call(trainable, state[1], x, training=True)
            return sum(jnp.sum(leaf) for leaf in nest.flatten(outputs)), non_trainable

        (total, non_trainable), gradients = jax.value_and_grad(objective, has_aux=True)(state[0])
        return (total, gradients), (state[0], non_trainable)

    return train


def _outputs(model: Any, x: Any) -> Any:
    """The outputs of a training step as shapes and types."""

    def call(x: Any) -> Any:
        with StatelessScope():
            return model(x, training=True)

    return jax.eval_shape(call, x)


def _bytes(specs: list[Any]) -> int:
    return sum(spec.size * spec.dtype.itemsize for spec in specs)


@contextmanager
def _own_parts(model: Any) -> Iterator[None]:
    """Stand-ins for losses, metrics and an optimizer that only the first batch of `fit` is to build."""
    fields = model.__dict__
    kept = {name: fields.get(name) for name in ("optimizer", "_compile_loss", "_compile_metrics") if name in fields}
    names = getattr(model, "output_names", None)
    if kept.get("_compile_loss") is not None and not kept["_compile_loss"].built:
        given = fields["_compile_config"]
        fields["_compile_loss"] = CompileLoss(given["loss"], given["loss_weights"], names)
    if kept.get("_compile_metrics") is not None and not kept["_compile_metrics"].built:
        given = copy.copy(fields["_compile_config"])
        fields["_compile_metrics"] = CompileMetrics(given["metrics"], given["weighted_metrics"], output_names=names)
    optimizer = kept.get("optimizer")
    if optimizer is not None and not optimizer.built:
        fields["optimizer"] = type(optimizer).from_config(optimizer.get_config())
    try:
        yield
    finally:
        fields.update(kept)


@contextmanager
def _marking(model: Any) -> Iterator[dict[str, Row]]:
    """Within the context each layer's equations are marked; those of layers inside a layer that is no model with it."""
    rows: dict[str, Row] = {}
    tags: dict[int, str] = {}
    within: list[str] = []  # the names of the models around
    inside = False  # of a layer that is a row itself

    def around(layer: Any, call: Callable) -> Callable:
        nonlocal inside
        if inside:
            return call
        if id(layer) not in tags:
            tag = tags[id(layer)] = f"{_TAG}{len(tags)}"
            is_model = hasattr(layer, "train_step")
            rows[tag] = Row("/".join([*within[1:], layer.name]), layer, is_model)
        row = rows[tags[id(layer)]]

        def marked(*args: Any, **kwargs: Any) -> Any:
            nonlocal inside
            with jax.named_scope(tags[id(layer)]):
                inside = not row.is_model
                within.append(layer.name)
                try:
                    outputs = call(*args, **kwargs)
                finally:
                    inside = False
                    within.pop()
            row.output_shapes = [tuple(x.shape) for x in nest.flatten(outputs) if hasattr(x, "shape")]
            return outputs

        return marked

    outer, scopes.around = scopes.around, around
    try:
        yield rows
    finally:
        scopes.around = outer
