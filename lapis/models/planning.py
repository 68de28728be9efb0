"""`Model.plan` and `Model.max_batch`."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import lapis.view as view
from lapis.training import planning
from lapis.training.planning import LayerPlan, Memory


@dataclasses.dataclass(frozen=True)
class ModelPlan:
    """What one step of a model computes, moves and holds; `print` shows it as a table.

    Attributes:
        model: the model's name.
        batch_size: the samples of the step.
        training: whether it is a step of `fit`, else of `predict`.
        layers: by layer, in the order in which they are called.
        rest: the loss, the metrics, the optimizer, and weights of layers that are not called.
        memory: the memory of the compiled step, `None` if the compiler was not asked.
        compiler: what the compiler says that its program costs: flops, bytes_accessed, transcendentals; empty if it
            was not asked. Native kernels, and loops beyond one turn, are not in these.
        notes: what could not be worked out.
    """

    model: str
    batch_size: int
    training: bool
    layers: tuple[LayerPlan, ...]
    rest: LayerPlan
    memory: Memory | None = None
    compiler: dict[str, float] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> LayerPlan:
        """The sums over all layers and the rest."""
        return planning.total_of(self.layers, self.rest)

    def to_dict(self) -> dict[str, Any]:
        """All figures in dicts, lists, numbers and texts, the total and the peak of the memory included."""
        found = dataclasses.asdict(self)
        found["total"] = dataclasses.asdict(self.total)
        if self.memory is not None:
            found["memory"]["peak"] = self.memory.peak
        return found

    def to_json(self, **kwargs: Any) -> str:
        """`to_dict` as JSON; `kwargs` go to `json.dumps`."""
        return json.dumps(self.to_dict(), **kwargs)

    def plot(self, to_file: str | Path = "plan.png", dpi: int = 200) -> None:
        """Draw the layers' operations and memory as bars, into a `.png` or `.svg` file."""
        view.plot_plan(self, to_file, dpi)

    def __str__(self) -> str:
        return view.plan_table(self)


def plan(
    model: Any, batch_size: int, training: bool, input_shapes: Any, target_shapes: Any, compiler: bool
) -> ModelPlan:
    """What a step of the model will compute, move and hold."""
    _check_batch(batch_size)
    step = planning.trace_step(model, batch_size, training, input_shapes, target_shapes)
    layers, rest, notes = planning.layer_plans(model, step, training)
    memory, costs = planning.compile_step(step) if compiler else (None, {})
    return ModelPlan(model.name, batch_size, training, layers, rest, memory, costs, notes)


def max_batch(model: Any, memory: int | float | str, training: bool, input_shapes: Any, target_shapes: Any) -> int:
    """The largest batch whose step takes no more than the memory."""

    def peak(batch_size: int) -> int:
        step = planning.trace_step(model, batch_size, training, input_shapes, target_shapes)
        return planning.compile_step(step)[0].peak

    return planning.largest_batch(peak, planning.parse_memory(memory))


def _check_batch(batch_size: Any) -> None:
    if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1:
        raise ValueError(f"batch_size is {batch_size!r}; expected a whole number of at least 1.")
