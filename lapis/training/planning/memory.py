"""What the compiler says of a step: the memory that its program takes, and what it costs."""

import dataclasses
from typing import Any

from lapis.training.planning.tracing import Step
from lapis.training.program import Compiled


@dataclasses.dataclass(frozen=True)
class Memory:
    """The bytes that a step takes while it runs, for the data on their way to it too.

    Attributes:
        state: weights, and in training what the optimizer and the metrics keep.
        batches: the batches that the program works on, and as many that are made ready meanwhile.
        outputs: what it gives back that does not take the place of the state.
        temporary: all that lives only while it runs: activations, gradients, scratch.
    """

    state: int
    batches: int
    outputs: int
    temporary: int

    @property
    def peak(self) -> int:
        """All of it."""
        return self.state + self.batches + self.outputs + self.temporary


def compile_step(step: Step) -> tuple[Memory, dict[str, float]]:
    """The memory of the compiled step, and the compiler's own figures of its cost."""
    compiled = Compiled(step.traced, step.stack.count, step.collects, step.uses_up)
    call = next(compiled.calls(step.stack, None))
    changed, kept = [[step.state[place] for place in places] for places in (call.changed, call.kept)]
    executable = call.function.lower(changed, kept, *call.arguments).compile()
    sizes: Any = executable.memory_analysis()
    stack = step.stack.count * step.batch_bytes
    memory = Memory(
        state=step.state_bytes,
        batches=2 * stack,
        outputs=sizes.output_size_in_bytes - sizes.alias_size_in_bytes,
        temporary=sizes.temp_size_in_bytes,
    )
    found: Any = executable.cost_analysis() or {}
    costs = found[0] if isinstance(found, (list, tuple)) else found
    names = {"flops": "flops", "bytes accessed": "bytes_accessed", "transcendentals": "transcendentals"}
    return memory, {name: float(costs[key]) for key, name in names.items() if key in costs}
