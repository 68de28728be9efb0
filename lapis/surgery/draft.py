"""A graph while it is edited: calls that may be added, taken out, changed and connected otherwise."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lapis.core import nest
from lapis.graph import FunctionOperation, InnerTensor, KerasTensor, Node, all_nodes, call_names, no_place, plan_of


@dataclass(eq=False)
class Step:
    """One call of a draft.

    Attributes:
        name: its name in the draft.
        operation: the layer, operation or plain function that is called.
        args, kwargs: the arguments; symbolic tensors among them stand for what other steps give.
        outputs: the symbolic tensors that stand for what it gives.
        node: the call that it was made from; `None` for a new one.
        weights_of: the layer whose weights are taken over where they fit.
    """

    name: str
    operation: Any
    args: tuple
    kwargs: dict
    outputs: Any
    node: Node | None = None
    weights_of: Any = None

    @property
    def is_input(self) -> bool:
        return self.node is not None and self.node.is_input

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic tensors that it takes, flat."""
        return [x for x in nest.flatten((self.args, self.kwargs)) if isinstance(x, KerasTensor)]

    @property
    def gives(self) -> list[KerasTensor]:
        """The symbolic tensors that stand for what it gives, flat."""
        return [x for x in nest.flatten(self.outputs) if isinstance(x, KerasTensor)]

    def is_named(self, name: str) -> bool:
        """Whether a name is that of what is called, not of one of its calls; functions are called once."""
        return not isinstance(self.operation, FunctionOperation) and getattr(self.operation, "name", None) == name

    def use(self, old: KerasTensor, new: KerasTensor) -> None:
        """Take one tensor in place of another."""
        swap: Callable = lambda x: new if x is old else x  # noqa: E731
        self.args = nest.map_structure(swap, self.args)
        self.kwargs = {key: nest.map_structure(swap, value) for key, value in self.kwargs.items()}


@dataclass(eq=False)
class Draft:
    """The calls of a model that is a graph, open to changes; the model itself stays as it is."""

    model: Any
    prefix: str
    steps: list[Step] = field(default_factory=list)
    outputs: list[KerasTensor] = field(default_factory=list)
    moved: dict[int, KerasTensor] = field(default_factory=dict)  # by the tensor in whose place another is used

    @classmethod
    def of(cls, model: Any, prefix: str) -> "Draft":
        """The draft that says what the model does."""
        plan = plan_of(model)
        assert plan is not None
        names = call_names(plan)
        nodes = all_nodes(plan)
        steps = [Step(names[id(n)], n.operation, n.args, n.kwargs, n.outputs, n) for n in nodes]
        return cls(model, prefix, steps, list(plan.outputs))

    def named(self, name: str) -> list[Step]:
        """The calls that a name stands for: every call of a layer, or with a number that one."""
        found = [step for step in self.steps if step.name == name]
        if found and found[0].is_named(name):
            return [step for step in self.steps if step.operation is found[0].operation]
        base, _, number = name.rpartition(":")
        if not found and number == "0":
            found = [step for step in self.steps if step.name == base]
        if not found:
            raise ValueError(no_place(self.prefix + name, [self.prefix + step.name for step in self.steps]))
        return found

    def one(self, name: str) -> Step:
        """The only call that a name stands for."""
        found = self.named(name)
        if len(found) > 1:
            raise ValueError(
                f"{self.prefix + name!r} is called {len(found)} times; say which call is meant, from "
                f"{self.prefix + name + ':0'!r} to {found[-1].name!r}."
            )
        return found[0]

    def free_name(self, base: str) -> str:
        """The base, or the base with a number, that no step has as its name."""
        taken = {step.name for step in self.steps}
        name, count = base, 0
        while name in taken:
            count += 1
            name = f"{base}_{count}"
        return name

    def put_in_place(self, old: KerasTensor, new: KerasTensor, but: Step | None = None) -> None:
        """Use one tensor wherever another was used, except in one step."""
        for step in self.steps:
            if step is not but:
                step.use(old, new)
        self.outputs = [new if x is old else x for x in self.outputs]
        self.moved[id(old)] = new

    def moved_to(self, x: KerasTensor) -> KerasTensor:
        """The tensor that has taken the place of another."""
        while id(x) in self.moved:
            x = self.moved[id(x)]
        return x

    def in_order(self) -> list[Step]:
        """The steps, each after what it needs, and the calls of a layer in the order that they had.

        Raises:
            ValueError: where steps need one another in a circle.
        """
        needs = self._needs()
        done: dict[int, Step] = {}
        for root in self.steps:
            trail: list[tuple[Step, Iterator[Step]]] = []
            if id(root) not in done:
                trail.append((root, self._before(root, needs)))
            while trail:
                step, before = trail[-1]
                earlier = next(before, None)
                if earlier is None:
                    trail.pop()
                    done[id(step)] = step
                elif id(earlier) in done:
                    continue
                elif all(earlier is not open_step for open_step, _ in trail):
                    trail.append((earlier, self._before(earlier, needs)))
                elif any(earlier is needed for needed in needs(step)):
                    names = [open_step.name for open_step, _ in trail]
                    circle = [*names[names.index(earlier.name) :], earlier.name]
                    raise ValueError(
                        f"The edits make the graph run in a circle: {' <- '.join(self.prefix + n for n in circle)}."
                    )
        return list(done.values())

    def _needs(self) -> Callable[[Step], list[Step]]:
        """A function that gives the steps that make a step's inputs."""
        maker = {id(x): step for step in self.steps for x in step.gives}
        maker_of_node = {id(step.node): step for step in self.steps if step.node is not None}

        def needs(step: Step) -> list[Step]:
            found = []
            for x in step.inputs:
                made_by = maker.get(id(x))
                if made_by is None and isinstance(x, InnerTensor):
                    made_by = maker_of_node.get(id(x.node))
                if made_by is not None:
                    found.append(made_by)
            return found

        return needs

    def _before(self, step: Step, needs: Callable[[Step], list[Step]]) -> Iterator[Step]:
        """The steps that come before one: those that it needs, and the call before it of the same layer."""
        yield from needs(step)
        calls = [] if step.node is None else [s for s in self.steps if s.operation is step.operation and s.node]
        if len(calls) > 1:
            calls.sort(key=_made_as)
            place = calls.index(step)
            if place:
                yield calls[place - 1]

    def live(self) -> set[int]:
        """The identities of the steps that the outputs need."""
        needs = self._needs()
        found: set[int] = set()
        stack = needs(Step("", None, (self.outputs,), {}, None))
        while stack:
            step = stack.pop()
            if id(step) not in found:
                found.add(id(step))
                stack += needs(step)
        return found


def _made_as(step: Step) -> int:
    """Which call of its operation a step was made from."""
    assert step.node is not None
    return step.node.operation._inbound_nodes.index(step.node)
