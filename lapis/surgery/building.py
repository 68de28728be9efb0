"""A model from a draft: its layers copied, called as the draft says, and their weights taken over."""

import contextlib
from typing import Any

from lapis.core import nest
from lapis.graph import FunctionOperation, InnerTensor, KerasTensor, Node, inner_tensor, plan_of, producer
from lapis.layers import Layer
from lapis.layers.calling import signature_of
from lapis.surgery.copying import Copier, take_over
from lapis.surgery.draft import Draft, Step


class Builder:
    """Builds the models of drafts, nested ones first, each once.

    Attributes:
        kept: pairs of an old and a new weight that has its value.
    """

    def __init__(self, root: Draft, drafts: dict[int, Draft]) -> None:
        self.kept: list[tuple[Any, Any]] = []
        self._drafts = drafts
        self._old = {id(layer) for layer in root.model._flatten_layers()}
        self._copier = Copier()
        self._built: dict[int, _Built] = {}
        self._taken_over: set[int] = set()

    def build(self, draft: Draft) -> Any:
        """The model that the draft describes."""
        return self._build(draft).model

    def _build(self, draft: Draft) -> "_Built":
        model = draft.model
        if id(model) in self._built:
            return self._built[id(model)]
        made = self._built[id(model)] = _Built(draft, self._built)
        for x in plan_of(model).inputs:  # pyright: ignore[reportOptionalMemberAccess]
            layer = producer(x).operation  # pyright: ignore[reportOptionalMemberAccess]
            made.values[id(x)] = type(layer).from_config(layer.get_config()).output
        steps, live = draft.in_order(), draft.live()
        for step in steps:
            if step.is_input:
                continue
            # What only another model looks at from outside may fit no longer, without harm to this one.
            with contextlib.suppress(*() if id(step) in live else (Exception,)):
                self._call(step, made)
        made.model = self._model(made, [step for step in steps if id(step) in live and not step.is_input])
        return made

    def _call(self, step: Step, made: "_Built") -> None:
        draft = made.draft
        args = nest.map_structure(made.value_of, step.args)
        kwargs = {key: nest.map_structure(made.value_of, value) for key, value in step.kwargs.items()}
        operation = self._operation(step, made)
        try:
            outputs = operation(*args, **kwargs)
        except Exception as error:
            shapes = [x.shape for x in nest.flatten((args, kwargs)) if isinstance(x, KerasTensor)]
            raise ValueError(
                f"After the edits, {draft.prefix + step.name!r} cannot be called on what it gets, of shapes "
                f"{shapes}: {error} Edit the layers before it so that the shapes fit, or replace it too."
            ) from error
        tensors = [x for x in nest.flatten(outputs) if isinstance(x, KerasTensor)]
        if len(tensors) != len(step.gives):
            raise ValueError(
                f"{draft.prefix + step.name!r} must give {len(step.gives)} tensors, as what was there before; it gives "
                f"{len(tensors)}."
            )
        for old, new in zip(step.gives, tensors):
            made.values[id(old)] = new
        if step.node is not None and tensors:
            made.calls[id(step.node)] = producer(tensors[0])
        self._take_over(step, operation)

    def _operation(self, step: Step, made: "_Built") -> Any:
        """What a step is to call: the copy of what the old model called, or what was put in."""
        operation = step.operation
        if isinstance(operation, FunctionOperation):
            return operation.function
        if id(operation) not in self._old and id(operation) not in self._drafts:
            return operation
        if plan_of(operation) is not None:
            if id(operation) not in self._drafts:
                self._drafts[id(operation)] = Draft.of(operation, f"{made.draft.prefix}{operation.name}/")
            return self._build(self._drafts[id(operation)]).model
        own_call = step.node is not None and step.node.operation is operation
        old = step.node.input_tensors if own_call else step.inputs  # pyright: ignore[reportOptionalMemberAccess]
        now = [made.value_of(x) for x in step.inputs]
        return self._copier.copy(operation, as_it_was=not own_call or _same_sizes(old, now))

    def _take_over(self, step: Step, layer: Any) -> None:
        source = step.weights_of
        if source is None and id(step.operation) in self._copier.copies:
            source = step.operation
        if source is None or id(layer) in self._taken_over:
            return
        self._taken_over.add(id(layer))
        self.kept += take_over(source, layer)

    def _model(self, made: "_Built", steps: list[Step]) -> Any:
        """The model of the calls made: a stack where the old one was a stack and still can be."""
        old, draft = made.draft.model, made.draft
        cls = old._functional_class
        inputs = nest.map_structure(made.value_of, old.input)
        outputs = nest.pack_sequence_as(old.output, [made.value_of(x) for x in draft.outputs])
        if hasattr(old, "_stack") and _is_chain(steps, draft):
            new = type(old)(name=old.name)
            if old._stack[0]._inbound_nodes[0].is_input:
                new._push(inputs._keras_history.operation)
            for step in steps:
                new._push(self._operation(step, made))
            new._take_graph(inputs, outputs)
        else:
            takes_graph = {"inputs", "outputs"} <= set(signature_of(type(old).__init__).all)
            new = (type(old) if takes_graph else cls)(inputs, outputs, name=old.name)
        new.__dict__["_trainable"] = old.trainable  # of the layers each has its own
        return new


class _Built:
    """What has been built of a draft so far: the model, and the new tensor and call for each old one."""

    model: Any

    def __init__(self, draft: Draft, built: dict[int, "_Built"]) -> None:
        self.draft = draft
        self.values: dict[int, KerasTensor] = {}
        self.calls: dict[int, Node | None] = {}
        self._all = built

    def value_of(self, x: Any) -> Any:
        """The new tensor for an old one; anything else as it is."""
        if not isinstance(x, KerasTensor):
            return x
        x = self.draft.moved_to(x) if id(x) not in self.values else x
        if id(x) in self.values:
            return self.values[id(x)]
        if isinstance(x, InnerTensor):
            call, inside = self.calls.get(id(x.node)), self._all.get(id(x.node.operation))
            if call is not None and inside is not None and call.operation is inside.model:
                return inner_tensor(call, inside.value_of(inside.draft.moved_to(x.inner)))
            raise ValueError(
                f"After the edits nothing stands for {x.name!r}, which the model takes from inside of "
                f"{self.draft.prefix + x.node.operation.name!r}."
            )
        raise ValueError(
            f"After the edits nothing gives the tensor {x.name!r} of shape {x.shape} in {self.draft.model.name!r}."
        )


def _is_chain(steps: list[Step], draft: Draft) -> bool:
    """Whether each step is a layer's only call, on what the step before gives alone."""
    if not steps:
        return False
    before = plan_of(draft.model).inputs[0]  # pyright: ignore[reportOptionalMemberAccess]
    for step in steps:
        tensors, given = step.inputs, step.gives
        plain = len(step.args) == 1 and isinstance(step.args[0], KerasTensor) and not step.kwargs
        if not isinstance(step.operation, Layer) or not plain or tensors[0] is not before or len(given) != 1:
            return False
        before = given[0]
    return draft.outputs == [before] and len({id(step.operation) for step in steps}) == len(steps)


def _same_sizes(old: list[KerasTensor], now: list[KerasTensor]) -> bool:
    """Whether shapes agree in all but the batch axis."""
    pairs = [(a.shape, b.shape) for a, b in zip(old, now)]
    return len(old) == len(now) and all(len(a) == len(b) and a[1:] == b[1:] for a, b in pairs)
