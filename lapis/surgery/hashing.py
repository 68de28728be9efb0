"""A model's graph and settings as plain data without names that were made up, and its hash."""

import hashlib
import inspect
import json
import types
from typing import Any

import numpy as np

import lapis.ops as ops
from lapis.core import nest
from lapis.core.naming import is_made_up
from lapis.core.serialization import get_registered_name, serialize_keras_object
from lapis.graph import FunctionOperation, InnerTensor, KerasTensor, Node, all_nodes, plan_of
from lapis.layers import Layer
from lapis.layers.calling import signature_of

_NOT_SETTINGS = ("build_config", "compile_config", "shared_object_id", "build_input_shape")


def graph_hash(model: Any) -> str:
    """SHA-256 of what the model is: its graph, and the settings of its layers, in 64 hexadecimal digits.

    Two models have the same hash if the same program could have made them: the same calls of layers with the same
    arguments, layers shared alike. Names that the user gave count, names that were made up do not; weights, compile
    arguments and the process do not. A class of the user's counts by its registered name and its config, a nameless
    function by its code.

    Raises:
        ValueError: where a layer cannot be written as plain data.

    >>> import lapis
    >>> def make(units):
    ...     return lapis.Sequential([lapis.Input((4,)), lapis.layers.Dense(units)])
    >>> graph_hash(make(2)) == graph_hash(make(2)), graph_hash(make(2)) == graph_hash(make(3))
    (True, False)
    """
    text = json.dumps(_Description().of_layer(model), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class _Description:
    """Writes layers as plain data, those that occur again by number."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}

    def of_layer(self, layer: Any) -> Any:
        if id(layer) in self._seen:
            return {"again": self._seen[id(layer)]}
        self._seen[id(layer)] = len(self._seen)
        if plan_of(layer) is not None:
            return self._of_graph(layer)
        if hasattr(layer, "_stack"):  # a Sequential that is not built yet
            return {"class": class_name(type(layer)), "layers": [self.of_layer(one) for one in layer._stack]}
        entry = entry_of(layer)
        out = described({**entry, "config": {**entry["config"], "name": given_name(layer.name, layer.type_name)}})
        codes = {name: _code(value) for name, value in vars(layer).items() if _is_nameless(value)}
        return {**out, "code": codes} if codes else out

    def _of_graph(self, model: Any) -> dict:
        plan = plan_of(model)
        assert plan is not None
        place: dict[int, list[int]] = {}
        steps = []
        for number, node in enumerate(all_nodes(plan)):
            steps.append(self._of_call(node, place, plan))
            place.update((id(x), [number, index]) for index, x in enumerate(node.output_tensors))
        return {
            "class": class_name(type(model)),
            "name": given_name(model.name, model.type_name),
            "trainable": model.trainable,
            "steps": steps,
            "inputs": self._of_value(model.input, place),
            "outputs": self._of_value(model.output, place),
        }

    def _of_call(self, node: Node, place: dict[int, list[int]], plan: Any) -> dict:
        operation = node.operation
        if isinstance(operation, FunctionOperation):
            function = operation.function
            arguments = self._of_value(arguments_of(node), place)
            return {"function": f"{function.__module__}.{function.__qualname__}", "arguments": arguments}
        out = {"layer": self.of_layer(operation), "arguments": self._of_value(arguments_of(node), place)}
        if len(plan.calls.get(id(operation), ())) > 1:
            out["call"] = plan.call_index(node)
        return out

    def _of_value(self, value: Any, place: dict[int, list[int]]) -> Any:
        """Arguments as plain data, tensors by the number of the call that makes them."""
        if isinstance(value, dict):
            return {str(key): self._of_value(item, place) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._of_value(item, place) for item in value]
        if isinstance(value, KerasTensor):
            if id(value) in place:
                return {"tensor": place[id(value)]}
            assert isinstance(value, InnerTensor)
            return {"inside": self._of_value(value.node.output_tensors, place), "of": self._inner(value)}
        return {"code": _code(value)} if _is_nameless(value) else described(serialize_keras_object(value))

    def _inner(self, x: InnerTensor) -> Any:
        """Where a tensor lies in a nested model."""
        nodes = all_nodes(plan_of(x.node.operation))  # pyright: ignore[reportArgumentType]
        place = {id(t): [n, i] for n, node in enumerate(nodes) for i, t in enumerate(node.output_tensors)}
        return self._of_value(x.inner, place)


def entry_of(layer: Any) -> dict:
    """A layer as plain data; the error says which layer cannot be."""
    try:
        return serialize_keras_object(layer)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(f"{layer.path!r} ({layer.type_name}) cannot be written as plain data: {error}") from error


def described(value: Any) -> Any:
    """Plain data in one form: without what does not make a difference, such as made-up names."""
    if isinstance(value, dict) and "class_name" in value and "config" in value:
        known = str(value.get("module") or "").startswith("keras")
        kind = value["class_name"] if known else value.get("registered_name") or value["class_name"]
        config = value["config"]
        if isinstance(config, dict) and "name" in config:
            config = {**config, "name": given_name(config["name"], value["class_name"])}
        kind = "__numpy__" if kind == "__tensor__" else kind
        return {"class": kind, "module": value.get("module") if known else None, "config": described(config)}
    if isinstance(value, dict):
        return {str(key): described(item) for key, item in value.items() if key not in _NOT_SETTINGS}
    if isinstance(value, (list, tuple)):
        return [described(item) for item in value]
    return value


def given_name(name: Any, kind: str) -> Any:
    """The name, `None` for one that was made up for a class."""
    kinds = ("Functional", "Model") if kind in ("Functional", "Model") else (kind,)
    return None if isinstance(name, str) and any(is_made_up(name, each) for each in kinds) else name


def class_name(cls: type) -> str:
    """What a class of models is called in files."""
    known = cls.__dict__.get("_builtin")
    return f"{known[0]}.{known[1]}" if known else get_registered_name(cls)


def arguments_of(node: Node) -> dict[str, Any]:
    """The arguments of a call by name, without those that say what would be so anyway."""
    operation = node.operation
    if isinstance(operation, FunctionOperation):
        bound = inspect.signature(operation.function).bind(*node.args, **node.kwargs)
        bound.apply_defaults()
        found = dict(bound.arguments)
        if operation.function is ops.get_item and isinstance(found.get("key"), list):
            found["key"] = np.asarray(found["key"])
        return found
    if not isinstance(operation, Layer):
        return {"args": node.args, "kwargs": node.kwargs}
    if node.is_input:
        return {}
    signature = signature_of(type(operation).call)
    given = signature.bind(node.args, node.kwargs, operation)
    same = {name: value for name, value in signature.defaults.items() if value is None or isinstance(value, bool)}
    return {name: value for name, value in given.items() if name not in same or value is not same[name]}


def _is_nameless(value: Any) -> bool:
    return isinstance(value, types.FunctionType) and value.__name__ == "<lambda>"


def _code(function: Any) -> str:
    """A digest of a nameless function's code and of the values that it holds."""
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    held = nest.map_structure(lambda x: x if isinstance(x, (int, float, str, bool)) else type(x).__name__, cells)
    text = repr((_of_code(function.__code__), function.__defaults__, held))
    return hashlib.sha256(text.encode()).hexdigest()


def _of_code(code: types.CodeType) -> tuple:
    constants = [_of_code(c) if isinstance(c, types.CodeType) else c for c in code.co_consts]
    return code.co_code.hex(), code.co_names, constants
