"""A plan as plain data: what each layer computes and holds, worked out from the traced step."""

import dataclasses
import math
from typing import Any

import numpy as np

from lapis.training.planning.flow import Flow, Part, Work, sizes
from lapis.training.planning.tracing import Row, Step, is_tag

_LOOPS = "{count} loops run as often as the data say; their operations count once."


@dataclasses.dataclass(frozen=True)
class LayerPlan:
    """What one layer, or a whole step, computes and holds, for one batch.

    Attributes:
        path: the layer's path inside the model.
        kind: its class; "operations" for what a model computes between its layers.
        output_shapes: of its last call, the batch axis included.
        parameters: numbers in its weights; those that an earlier layer has too count there.
        parameter_bytes: the bytes of these.
        flops_forward: floating-point operations of the forward pass, a multiply-add counting as two.
        flops_backward: those of the backward pass.
        activation_bytes: what its forward pass leaves for the backward pass; without training, what it gives.
        bytes_read: what it reads, as if it were one program forward and one backward.
        bytes_written: what it writes for others, likewise.
    """

    path: str
    kind: str
    output_shapes: tuple[tuple[int, ...], ...]
    parameters: int
    parameter_bytes: int
    flops_forward: int
    flops_backward: int
    activation_bytes: int
    bytes_read: int
    bytes_written: int

    @property
    def flops(self) -> int:
        """Forward and backward."""
        return self.flops_forward + self.flops_backward


def layer_plans(model: Any, step: Step, training: bool) -> tuple[tuple[LayerPlan, ...], LayerPlan, tuple[str, ...]]:
    """The layers' plans in the order of their calls, that of the rest of the step, and notes."""
    flow = Flow(step.traced.jaxpr, is_tag)
    counted: set[int] = set()
    layers = []
    for tag, row in step.rows.items():
        weights = _weights(row, counted)
        works = Part(tag, False) in flow.work or Part(tag, True) in flow.work
        if not row.is_model or works or weights:
            kind = "operations" if row.is_model else type(row.layer).__name__
            layers.append(_plan(row.path, kind, row.output_shapes, weights, flow, tag, training))
    uncounted = [v for v in model.weights if id(v) not in counted]
    rest = _plan("", "loss, metrics, optimizer", [], uncounted, flow, None, training)
    loops = flow.unknown_loops
    return tuple(layers), rest, (_LOOPS.format(count=loops),) if loops else ()


def total_of(layers: tuple[LayerPlan, ...], rest: LayerPlan) -> LayerPlan:
    """The sums over the layers and the rest of the step."""
    summed = {
        field.name: sum(getattr(each, field.name) for each in (*layers, rest))
        for field in dataclasses.fields(LayerPlan)
        if field.name not in ("path", "kind", "output_shapes")
    }
    return LayerPlan(path="", kind="total", output_shapes=(), **summed)


def _plan(path: str, kind: str, shapes: list, weights: list, flow: Flow, tag: str | None, training: bool) -> LayerPlan:
    forward, backward = (flow.work.get(Part(tag, which), Work()) for which in (False, True))
    return LayerPlan(
        path=path,
        kind=kind,
        output_shapes=tuple(shapes),
        parameters=sum(math.prod(v.shape) for v in weights),
        parameter_bytes=sum(math.prod(v.shape) * np.dtype(v.dtype).itemsize for v in weights),
        flops_forward=round(forward.flops),
        flops_backward=round(backward.flops),
        activation_bytes=sizes(flow.kept.get(tag, set()) if training else forward.written),
        bytes_read=sizes(forward.read) + sizes(backward.read),
        bytes_written=sizes(forward.written) + sizes(backward.written),
    )


def _weights(row: Row, counted: set[int]) -> list[Any]:
    """A layer's weights that no row before has; of a model only those that no layer of it has."""
    layer = row.layer
    weights = [*layer._trainable_variables, *layer._non_trainable_variables] if row.is_model else layer.weights
    new = [weight for weight in weights if id(weight) not in counted]
    counted.update(map(id, new))
    return new
