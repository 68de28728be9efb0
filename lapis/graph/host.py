"""The part of a graph that runs on the host, in NumPy, before the data reach anything compiled.

Strings are no matter for JAX. Every call that takes or gives strings belongs to this part, those of operations that
say so, and all that these need.
"""

from typing import Any, NamedTuple

import jax
import numpy as np

from lapis.core import nest
from lapis.graph.masks import get_mask
from lapis.graph.node import Node
from lapis.graph.plan import Plan
from lapis.graph.tensor import KerasTensor


class HostOutputs(NamedTuple):
    """What the host's part gives, which a model takes in place of its inputs."""

    values: list[Any]


class HostPart:
    """A plan in two: what runs on the host, and the rest.

    Attributes:
        before: from the plan's inputs to what the rest takes.
        after: from there to the plan's outputs.
        operations: the identities of the operations on the host.
        by_sample: whether a sample always gives the same arrays, of the same sizes.
    """

    def __init__(self, plan: Plan, cut: list[KerasTensor]) -> None:
        self.before = Plan(plan.inputs, cut)
        self.after = Plan(cut, plan.outputs)
        layers = [operation for operation in self.before.operations if operation.type_name != "InputLayer"]
        self.operations = frozenset(map(id, layers))
        self.by_sample = all(map(_is_by_sample, layers)) and all(None not in x.shape[1:] for x in cut)

    def run(self, inputs: list[Any]) -> HostOutputs:
        """The arrays for the rest, given those for the plan's inputs in order."""
        with jax.ensure_compile_time_eval():  # also where a trace is under way
            return HostOutputs([np.asarray(x) for x in self.before.run(inputs, _call)])


def _is_by_sample(operation: Any) -> bool:
    """Whether it gives the same for a sample whenever; for a class of the user's nobody knows."""
    return getattr(operation, "_by_sample", False) and type(operation).__module__.startswith("lapis.")


def _call(operation: Any, args: tuple, kwargs: dict) -> Any:
    run = getattr(operation, "run_on_host", operation)
    return run(*args, **kwargs)


def host_part(plan: Plan) -> HostPart | None:
    """The plan in two, `None` where nothing runs on the host, or where it cannot be done first.

    The latter is so where strings come out, or where the host needs what training changes.
    """
    if not needs_host(plan) or plan.reaches_inside:
        return None
    host: dict[int, Node] = {}
    for node in reversed(plan.nodes):
        if node.is_input or id(node) in host or not _on_host(node):
            continue
        stack = [node]
        while stack:
            needed = stack.pop()
            if id(needed) not in host and not needed.is_input:
                host[id(needed)] = needed
                stack += needed.parent_nodes
    if not all(_is_fixed(node.operation) for node in host.values()):
        return None
    rest = [x for node in plan.nodes if id(node) not in host for x in node.input_tensors]
    made = {id(x): x for node in host.values() for x in node.output_tensors}
    made.update((id(x), x) for x in plan.inputs)
    cut = list({id(x): x for x in [*rest, *plan.outputs] if id(x) in made}.values())
    if any(x.dtype == "string" or get_mask(x) is not None for x in cut):
        return None
    return HostPart(plan, cut)


def needs_host(plan: Plan) -> bool:
    """Whether a call in the plan has to run on the host."""
    return any(x.dtype == "string" for x in plan.inputs) or any(
        getattr(operation, "_on_host", False) for operation in plan.operations
    )


def _on_host(node: Node) -> bool:
    tensors = [*node.input_tensors, *node.output_tensors]
    return getattr(node.operation, "_on_host", False) or any(x.dtype == "string" for x in tensors)


def _is_fixed(operation: Any) -> bool:
    """Whether training leaves the operation as it is."""
    layers = nest.flatten([operation, list(getattr(operation, "_flatten_layers", list)())])
    return not any(
        getattr(layer, kind, None)
        for layer in layers
        for kind in ("_trainable_variables", "_seed_generators", "_metrics")
    )
