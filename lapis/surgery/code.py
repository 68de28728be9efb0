"""A model as readable Python that makes it again."""

import builtins
from collections import Counter
from typing import Any

import lapis.activations as activations
import lapis.ops as ops
import lapis.random as random
from lapis.core import config, nest
from lapis.core.serialization import serialize_keras_object
from lapis.graph import FunctionOperation, InnerTensor, KerasTensor, Node, plan_of
from lapis.surgery.draft import Draft, Step
from lapis.surgery.expressions import Expressions, identifier, text
from lapis.surgery.hashing import arguments_of, entry_of, given_name

_WIDTH = 100
_OPERATORS = {
    ops.add: "+", ops.subtract: "-", ops.multiply: "*", ops.true_divide: "/", ops.matmul: "@", ops.power: "**",
    ops.floor_divide: "//", ops.mod: "%", ops.less: "<", ops.less_equal: "<=", ops.greater: ">",
    ops.greater_equal: ">=",
}  # fmt: skip
_COMPILE_DEFAULTS = {"run_eagerly": False, "jit_compile": True, "steps_per_execution": 1}


def to_code(model: Any) -> str:
    """Python that makes the model again, with fresh weights, as the variable `model`.

    Running it gives a model of equal `graph_hash`. It has the layers' arguments that are not the defaults, the names
    that the user gave, shared layers once, nested models before what uses them, and the call of `compile` if there was
    one. Classes and functions from elsewhere are imported by it; those that cannot be, such as classes of a script,
    are named in a comment at the top.

    Raises:
        ValueError: where a layer cannot be written as plain data.

    >>> import lapis
    >>> x = lapis.Input((4,), name="x")
    >>> print(to_code(lapis.Model(x, lapis.layers.Dense(2, "relu", name="hidden")(x) + 1.0)))
    import lapis
    from lapis import layers
    <BLANKLINE>
    x = lapis.Input((4,), name="x")
    hidden = layers.Dense(2, activation="relu", name="hidden")(x)
    add = hidden + 1.0
    model = lapis.Model(x, add)
    <BLANKLINE>
    """
    return _Code(model).text()


class _Code:
    """The statements that make a model, nested ones first."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._taken = {"lapis", "np", "layers", "ops", "model", "random", "activations", "surgery", *dir(builtins)}
        self._taken |= {"initializers", "regularizers", "constraints", "losses", "metrics", "optimizers"}
        self._expressions = Expressions()
        self._lines: list[str] = []
        self._tensors: dict[int, str] = {}
        self._layers: dict[int, str] = {}
        self._uses = Counter(_used_layers(model))

    def text(self) -> str:
        self._write_model(self._model, "model")
        if self._model.compiled:
            self._write_compile()
        notes = [f"# Needs {name}, which cannot be imported.\n" for name in sorted(self._expressions.missing)]
        used = self._expressions.used
        heads = ["import numpy as np\n\n"] if "np" in used else []
        heads.append("import lapis\n")
        if used - {"np"}:
            heads.append(f"from lapis import {', '.join(sorted(used - {'np'}))}\n")
        heads += [f"{line}\n" for line in sorted(self._expressions.imports)]
        return "".join([*notes, *heads, "\n", *(f"{line}\n" for line in self._lines)])

    # Models

    def _write_model(self, model: Any, variable: str | None = None) -> str:
        """Write the statements of a model, and return its variable."""
        if id(model) in self._layers:
            return self._layers[id(model)]
        graph = plan_of(model)
        if "_stack" in vars(model) and "_builtin" in vars(type(model)):
            layers = [self._layer(layer) for layer in model._stack if not _is_input(layer)]
            variable = variable or identifier(model.name, self._taken)
            if graph is not None:
                layers.insert(0, self._input(graph.inputs[0]._keras_history.operation))
            self._statement(f"{variable} = lapis.Sequential(", [_block(layers), *self._settings(model)], ")")
            if graph is not None:
                self._name_stack(model, variable)
        elif graph is not None:
            self._write_functional(model, variable or identifier(model.name, self._taken))
        else:
            variable = variable or identifier(model.name, self._taken)
            head, arguments, end = self._expressions.parts(entry_of(model), model)
            self._statement(f"{variable} = {head}", arguments, end)
        self._layers[id(model)] = variable or self._layers[id(model)]
        return self._layers[id(model)]

    def _write_functional(self, model: Any, variable: str) -> None:
        self._layers[id(model)] = variable
        steps = Draft.of(model, "").in_order()
        nested = [s.operation for s in steps if s.node is not None and _is_model(s.operation)]
        if sum(id(each) not in self._layers for each in nested):
            for each in nested:
                self._layer(each)
            self._lines.append("")
        order = {id(x): i for i, x in enumerate(model.inputs)}
        for step in sorted((s for s in steps if s.is_input), key=lambda s: order.get(id(s.gives[0]), 0)):
            self._tensors[id(step.gives[0])] = name = identifier(step.name, self._taken)
            self._lines.append(f"{name} = {self._input(step.operation)}")
        for step in steps:
            if not step.is_input:
                self._write_call(step)
        head = "lapis.Model" if "_builtin" in vars(type(model)) else self._expressions.class_expression(type(model))
        ends = [self._ends(model.input), self._ends(model.output)]
        self._statement(f"{variable} = {head}(", [*ends, *self._settings(model)], ")")

    def _ends(self, structure: Any) -> str:
        """A model's inputs or outputs, a long list or dict of them with each on a line."""
        line = self._argument(structure)
        if len(line) < _WIDTH // 2 or not isinstance(structure, (list, tuple, dict)):
            return line
        if isinstance(structure, dict):
            items = [f"{self._argument(key)}: {self._argument(item)}" for key, item in structure.items()]
            return _block(items, "{}")
        return _block([self._argument(item) for item in structure], "[]" if isinstance(structure, list) else "()")

    def _settings(self, model: Any) -> list[str]:
        name = given_name(model.name, model.type_name)
        named = [] if name is None else [f"name={text(name)}"]
        return named if model.trainable else [*named, "trainable=False"]

    def _name_stack(self, model: Any, variable: str) -> None:
        """Note how the tensors inside of a stack can be written, should they be used outside."""
        graph = plan_of(model)
        assert graph is not None
        self._tensors[id(graph.inputs[0])] = f"{variable}.inputs[0]"
        for number, layer in enumerate(model.layers):
            named = given_name(layer.name, layer.type_name) is not None
            name = text(layer.name) if named else f"{variable}.layers[{number}].name"
            for node in graph.calls.get(id(layer), ()):
                for index, x in enumerate(node.output_tensors):
                    self._tensors[id(x)] = f"{variable}.get_tensor({name}{f', index={index}' if index else ''})"

    def _write_compile(self) -> None:
        settings = {k: v for k, v in (self._model.get_compile_config() or {}).items() if v is not None}
        kept = {k: v for k, v in settings.items() if k not in _COMPILE_DEFAULTS or v != _COMPILE_DEFAULTS[k]}
        arguments = [f"{key}={self._expressions.value(value)}" for key, value in kept.items()]
        self._statement("model.compile(", arguments, ")")

    # Layers and calls

    def _input(self, layer: Any) -> str:
        settings = layer.get_config()
        batch, *shape = settings["batch_shape"]
        out = self._expressions.value(tuple(shape))
        out += f", batch_size={batch}" if batch is not None else ""
        out += f", dtype={text(settings['dtype'])}" if settings["dtype"] != config.floatx() else ""
        out += ", optional=True" if settings["optional"] else ""
        name = given_name(layer.name, layer.type_name)
        return f"lapis.Input({out}{f', name={text(name)}' if name else ''})"

    def _layer(self, layer: Any) -> str:
        """A layer as an expression: its variable if it is used several times or a model, else what makes it."""
        if id(layer) in self._layers:
            return self._layers[id(layer)]
        if _is_model(layer):
            return self._write_model(layer)
        head, arguments, end = self._expressions.parts(entry_of(layer), layer)
        if self._uses[id(layer)] < 2:
            return _wrapped(head, arguments, end)
        self._layers[id(layer)] = name = identifier(layer.name, self._taken)
        self._statement(f"{name} = {head}", arguments, end)
        return name

    def _write_call(self, step: Step) -> None:
        node = step.node
        assert node is not None
        if isinstance(step.operation, FunctionOperation):
            head, arguments, end = self._function(node)
        else:
            given = arguments_of(node)
            call = [self._argument(value) for value in node.args]
            call += [f"{k}={self._argument(v)}" for k, v in node.kwargs.items() if k in given or "kwargs" in given]
            if id(step.operation) in self._layers or _is_model(step.operation) or self._uses[id(step.operation)] > 1:
                head, arguments, end = f"{self._layer(step.operation)}(", call, ")"
            else:
                head, arguments, end = self._expressions.parts(entry_of(step.operation), step.operation)
                end += f"({', '.join(call)})"
        name = step.name if id(step.operation) not in self._layers else f"{step.operation.name}_output"
        variable = identifier(name, self._taken)
        self._note_outputs(node.outputs, variable)
        self._statement(f"{variable} = {head}", arguments, end)

    def _function(self, node: Node) -> tuple[str, list[str], str]:
        """A call of a function between layers: with an operator where there is one."""
        function, args, kwargs = node.operation.function, node.args, node.kwargs
        sign = _OPERATORS.get(function)
        if sign and len(args) == 2 and not kwargs and any(isinstance(x, KerasTensor) for x in args):
            return f"{self._argument(args[0])} {sign} {self._argument(args[1])}", [], ""
        if function is ops.negative and not kwargs:
            return f"-{self._argument(args[0])}", [], ""
        if function is ops.get_item and len(args) == 2 and isinstance(args[0], KerasTensor):
            return f"{self._argument(args[0])}[{self._key(args[1])}]", [], ""
        arguments = [self._argument(value) for value in args]
        arguments += [f"{name}={self._argument(value)}" for name, value in kwargs.items()]
        return f"{self._function_name(function)}(", arguments, ")"

    def _function_name(self, function: Any) -> str:
        for name, namespace in (
            ("ops", ops),
            ("ops.image", ops.image),
            ("activations", activations),
            ("random", random),
        ):
            if getattr(namespace, function.__name__, None) is function:
                self._expressions.used.add(name.partition(".")[0])
                return f"{name}.{function.__name__}"
        return self._expressions.foreign(function)

    def _key(self, key: Any) -> str:
        """What stands in the brackets of an index."""
        if isinstance(key, tuple) and key:
            return ", ".join(map(self._key, key)) + ("," if len(key) == 1 else "")
        if not isinstance(key, slice):
            return self._argument(key)
        start, stop, step = ("" if part is None else self._argument(part) for part in (key.start, key.stop, key.step))
        return f"{start}:{stop}" + (f":{step}" if step else "")

    def _argument(self, value: Any) -> str:
        """An argument of a call, tensors by their variables."""
        if isinstance(value, KerasTensor):
            return self._tensor(value)
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self._argument(k)}: {self._argument(v)}" for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(self._argument, value)) + "]"
        if isinstance(value, tuple):
            return "(" + ", ".join(map(self._argument, value)) + ("," if len(value) == 1 else "") + ")"
        return self._expressions.value(serialize_keras_object(value))

    def _tensor(self, x: KerasTensor) -> str:
        if id(x) in self._tensors or not isinstance(x, InnerTensor):
            return self._tensors[id(x)]
        self._expressions.used.add("surgery")
        return f"surgery.inside({self._tensor(x.node.output_tensors[0])}, {self._tensor(x.inner)})"

    def _note_outputs(self, outputs: Any, variable: str) -> None:
        for path, x in nest.flatten_with_path(outputs):
            if isinstance(x, KerasTensor):
                self._tensors[id(x)] = variable + "".join(f"[{self._expressions.value(key)}]" for key in path)

    def _statement(self, head: str, arguments: list[str], end: str) -> None:
        self._lines.append(_wrapped(head, arguments, end))


def _wrapped(head: str, arguments: list[str], end: str) -> str:
    """An expression on one line if it fits, else its arguments on one, else each on its own."""
    line = ", ".join(arguments)
    fits = "\n" not in line
    if fits and len(head + line + end) <= _WIDTH:
        return head + line + end
    if fits and len(line) + 4 <= _WIDTH:
        return f"{head}\n    {line}\n{end}"
    indented = ["    " + argument.replace("\n", "\n    ") + "," for argument in arguments]
    return "\n".join([head, *indented, end])


def _block(items: list[str], brackets: str = "[]") -> str:
    """A list or dict with an item on each line."""
    return "\n".join([brackets[0], *("    " + item.replace("\n", "\n    ") + "," for item in items), brackets[1]])


def _is_model(operation: Any) -> bool:
    """Whether it is a model made of layers, with a graph or as a stack."""
    return plan_of(operation) is not None or hasattr(operation, "_stack")


def _is_input(layer: Any) -> bool:
    return bool(layer._inbound_nodes) and layer._inbound_nodes[0].is_input


def _used_layers(model: Any, seen: set[int] | None = None) -> list[int]:
    """The identities of the layers that a model and those nested in it call, as often as they are called."""
    seen = set() if seen is None else seen
    if id(model) in seen:
        return []
    seen.add(id(model))
    graph = plan_of(model)
    called = [node.operation for node in graph.nodes] if graph is not None else getattr(model, "_stack", [])
    found = [id(operation) for operation in called]
    for operation in called:
        if _is_model(operation):
            found += _used_layers(operation, seen)
    return found
