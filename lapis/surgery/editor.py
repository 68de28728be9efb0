"""Changes of a model's graph by path, which give a new model and leave the old one as it is."""

from collections.abc import Callable
from typing import Any, Self

from lapis.core.naming import is_made_up
from lapis.graph import FunctionOperation, InnerTensor, KerasTensor, no_place, plan_of
from lapis.layers import Layer
from lapis.surgery.building import Builder
from lapis.surgery.draft import Draft, Step
from lapis.surgery.finding import require_graph
from lapis.surgery.report import EditReport, report_of


class Editor:
    """Edits of a model that is a graph; `model.edit()` makes one, `build()` gives the new model.

    Layers are named by path, those inside of nested models too (`"encoder/conv2d_1"`). The path of a layer means all
    of its calls, `"dense:1"` only its second. Each edit sees those before it, and a layer that was put in has its
    name as its path. An edit of a nested model changes it wherever it is used, and shared layers stay shared.

    The new model has copies of all layers with their weights; a layer that meets other shapes than before is made
    anew, and keeps those of its weights that still fit. The new model is not compiled.

    Attributes:
        report: after `build()`, which weights were kept, which are new and which were dropped.

    >>> import lapis
    >>> a, b = lapis.layers.Dense(3, name="a"), lapis.layers.Dense(2, name="b")
    >>> model = lapis.Sequential([lapis.Input((4,)), a, b], name="m")
    >>> editor = model.edit().insert(lapis.layers.Dropout(0.5, name="drop"), after="a")
    >>> editor = editor.replace("b", lapis.layers.Dense(5))
    >>> [layer.name for layer in editor.build().layers]
    ['a', 'drop', 'b']
    >>> print(editor.report)
    kept 2 weights, new 2, dropped 2
      new: b/kernel
      new: b/bias
      dropped: b/kernel
      dropped: b/bias
    """

    report: EditReport

    def __init__(self, model: Any) -> None:
        require_graph(model, "edit")
        self.model = model
        self._root = Draft.of(model, "")
        self._drafts: dict[int, Draft] = {id(model): self._root}

    def insert(
        self,
        layer: Callable[..., Any],
        *,
        after: str | None = None,
        before: str | None = None,
        index: int | None = None,
    ) -> Self:
        """Put a layer, or a function of a tensor, behind what a path gives, or in front of what it takes.

        Args:
            layer: a layer or a function, called on one tensor.
            after: the path of a call whose output it is put behind, wherever that is used.
            before: the path of a call whose input it is put in front of.
            index: which output or input, where the call has several.
        """
        if (after is None) == (before is None):
            raise ValueError("`insert` takes either `after=` or `before=`, a path.")
        path = after if before is None else before
        assert path is not None
        draft, _, steps = self._locate(path)
        name = self._name(layer, draft)
        for number, step in enumerate(steps):
            if before is not None and step.is_input:
                raise ValueError(f"Nothing comes before the input {path!r}; insert the layer after it.")
            tensors = step.gives if before is None else _each_once(step.inputs)
            x = _pick(tensors, index, path, "output" if before is None else "input")
            result = KerasTensor(x.shape, x.dtype)
            new = Step(f"{name}:{number}" if number else name, layer, (x,), {}, result)
            if before is None:
                draft.put_in_place(x, result, but=new)
            else:
                step.use(x, result)
            draft.steps.append(new)
        return self

    def replace(self, path: str, layer: Callable[..., Any], keep_weights: bool = True) -> Self:
        """Put a layer, or a function, in place of what is at the path.

        It is called with the arguments that the old one was called with, in every call of a layer, those in other
        nested models too. A layer whose name was made up takes the old one's name.

        Args:
            path: of a layer or operation.
            layer: a layer or a function.
            keep_weights: whether a layer that is not built yet takes over the weights that fit.
        """
        draft, _, steps = self._locate(path)
        if any(step.is_input for step in steps):
            raise ValueError(f"{path!r} is an input of the model; make a new model to change it.")
        old = steps[0].operation
        all_calls = steps[0].is_named(path.rpartition("/")[2])
        name = self._name(layer, draft, instead=old, all_calls=all_calls)
        if all_calls:  # in other models that share it too
            steps = [step for one in self.drafts() for step in one.steps if step.operation is old]
        for step in steps:
            if isinstance(old, FunctionOperation) and isinstance(layer, Layer):
                tensors = step.inputs
                step.args, step.kwargs = (tensors[0] if len(tensors) == 1 else tensors,), {}
            fresh = isinstance(layer, Layer) and not layer._inbound_nodes and not layer.weights
            takes = keep_weights and fresh and isinstance(old, Layer) and plan_of(old) is None
            step.weights_of = old if takes else None
            step.operation = layer
            _, mark, number = step.name.partition(":")
            step.name = f"{name}{mark}{number}" if all_calls else name
        return self

    def remove(self, path: str) -> Self:
        """Take out what is at the path: what used its output uses its input instead."""
        draft, _, steps = self._locate(path)
        for step in steps:
            if step.is_input:
                raise ValueError(f"{path!r} is an input of the model and cannot be removed.")
            inputs = _each_once(step.inputs)
            if len(inputs) != 1 or len(step.gives) != 1:
                raise ValueError(
                    f"{path!r} has {len(inputs)} inputs and {len(step.gives)} outputs, so it is not clear what is to "
                    "take its place; `rewire` what uses it."
                )
            draft.put_in_place(step.gives[0], inputs[0])
            draft.steps.remove(step)
        return self

    def rewire(self, path: str, input: str, index: int | None = None) -> Self:
        """Let what is at the path take another input.

        Args:
            path: of the call that is to take it.
            input: the path of what gives it, in the same model or in one nested in it.
            index: which input, where the call has several.

        Raises:
            ValueError: for paths that lead nowhere or into another model, and where a circle would come about.
        """
        draft, chain, steps = self._locate(path)
        new = self._source(input, draft, chain)
        before = [(step, step.args, step.kwargs) for step in steps]
        try:
            for step in steps:
                step.use(_pick(_each_once(step.inputs), index, path, "input"), new)
            draft.in_order()
        except ValueError:
            for step, args, kwargs in before:
                step.args, step.kwargs = args, kwargs
            raise
        return self

    def build(self) -> Any:
        """The new model; `report` then says what became of the weights.

        Raises:
            ValueError: where a layer cannot be called on what the edits give it.
        """
        builder = Builder(self._root, dict(self._drafts))
        model = builder.build(self._root)
        self.report = report_of(self.model, model, builder.kept)
        return model

    def drafts(self) -> list[Draft]:
        """The drafts of the model and of every model nested in it, each once."""
        found, waiting = [], [self._root]
        while waiting:
            draft = waiting.pop()
            found.append(draft)
            for step in draft.steps:
                if plan_of(step.operation) is not None:
                    inside = self._draft(step.operation, f"{draft.prefix}{step.name}/")
                    if all(inside is not one for one in (*found, *waiting)):
                        waiting.append(inside)
        return found

    def _locate(self, path: str) -> tuple[Draft, list[Step], list[Step]]:
        """The draft that a path leads into, the calls of nested models on the way, and what it stands for there."""
        draft, chain = self._root, []
        *outer, last = path.split("/")
        for name in outer:
            step = draft.named(name)[0]
            if plan_of(step.operation) is None:
                what = getattr(step.operation, "type_name", "function")
                raise ValueError(
                    f"{draft.prefix + name!r} is a {what}, no model that is a graph, so {path!r} cannot be edited."
                )
            chain.append(step)
            draft = self._draft(step.operation, f"{draft.prefix}{step.name}/")
        return draft, chain, draft.named(last)

    def _draft(self, model: Any, prefix: str) -> Draft:
        if id(model) not in self._drafts:
            self._drafts[id(model)] = Draft.of(model, prefix)
        return self._drafts[id(model)]

    def _source(self, path: str, target: Draft, chain: list[Step]) -> KerasTensor:
        """The tensor that a path gives, as a draft sees it."""
        *outer, last = path.split("/")
        draft, through = self._root, []
        for name in outer:
            step = draft.one(name) if draft is target or through else draft.named(name)[0]
            if draft is target or through:
                through.append(step)
            if plan_of(step.operation) is None:
                raise ValueError(no_place(path, [place.name for place in draft.steps]))
            draft = self._draft(step.operation, f"{draft.prefix}{step.name}/")
        if (draft is not target and not through) or any(step.node is None for step in through):
            inside = "/".join(step.name for step in chain) or self.model.name
            raise ValueError(f"{path!r} lies outside of {inside!r}, whose layers can only be wired with one another.")
        x = _pick(draft.one(last).gives, None, path, "output")
        for step in reversed(through):
            assert step.node is not None
            x = InnerTensor(step.node, x)
        return x

    def _name(self, layer: Any, draft: Draft, instead: Any = None, all_calls: bool = True) -> str:
        """A name for what is put in; a made-up one that is taken is changed."""
        if not callable(layer) or isinstance(layer, type):
            raise TypeError(f"A layer or a function can be put into a model; got {layer!r}.")
        if not isinstance(layer, Layer):
            return draft.free_name(getattr(layer, "__name__", "function").strip("<>"))
        taken = {getattr(step.operation, "name", step.name) for step in draft.steps if step.operation is not layer}
        changeable = is_made_up(layer.name, layer.type_name) and not layer._inbound_nodes and not layer.weights
        if changeable and isinstance(instead, Layer) and all_calls:
            layer.name = instead.name
        elif changeable and layer.name in taken:
            layer.name = draft.free_name(layer.name)
        elif layer.name in taken and not (all_calls and instead is not None and layer.name == instead.name):
            raise ValueError(
                f"The model {draft.model.name!r} already has a layer named {layer.name!r}; give the new one another "
                "name with `name=`."
            )
        return layer.name


def _each_once(tensors: list[KerasTensor]) -> list[KerasTensor]:
    return list({id(x): x for x in tensors}.values())


def _pick(tensors: list[KerasTensor], index: int | None, path: str, what: str) -> KerasTensor:
    """The tensor of that number, or the only one."""
    if index is None and len(tensors) != 1:
        raise ValueError(f"{path!r} has {len(tensors)} {what}s; say which with `index=`.")
    if not -len(tensors) <= (index or 0) < len(tensors):
        raise ValueError(f"{path!r} has {len(tensors)} {what}s; there is no number {index}.")
    return tensors[index or 0]


def edit(model: Any) -> Editor:
    """An editor of the model's graph; see `Editor`."""
    return Editor(model)
