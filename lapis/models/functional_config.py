"""A graph of layers as plain data in Keras 3's format, and back."""

from typing import Any

from lapis.core import nest
from lapis.core.serialization import (
    CustomObjectScope,
    deserialize_keras_object,
    serialize_keras_object,
)
from lapis.graph import FunctionOperation, InnerTensor, KerasTensor, Node, Plan
from lapis.layers import Layer
from lapis.layers.calling import signature_of
from lapis.layers.core.input_layer import InputLayer
from lapis.ops.keras_names import from_keras, to_keras

_EXPLICIT = "training_is_explicit"  # in a call's entry: the caller gave `training` himself; Keras passes over it

_DIMS = "dims"  # in an input's entry: the names of its dimensions; Keras passes over it too


def layer_to_config(layer: Any) -> dict:
    """A layer's entry in the config of its model, the names of an input's dimensions included."""
    entry = serialize_keras_object(layer)
    if isinstance(layer, InputLayer) and layer._input_tensor.dims is not None:
        entry[_DIMS] = list(layer._input_tensor.dims)
    return entry


def layer_from_config(entry: Any, custom_objects: dict | None = None) -> Any:
    """The layer that such an entry describes."""
    layer = deserialize_keras_object(entry, custom_objects)
    if isinstance(layer, InputLayer):
        layer.name_dims(entry.get(_DIMS))
    return layer


def functional_to_config(model: Any) -> dict:
    """Name, layers with their calls, and which tensors go in and come out."""
    plan = model.graph_plan
    layers = []
    for operation in model.operations:
        nodes = plan.calls.get(id(operation), [])
        entry, arguments = _operation_to_config(operation, nodes)
        entry["name"] = operation.name
        entry["inbound_nodes"] = [
            {
                "args": serialize_keras_object(_to_references(list(args), plan)),
                "kwargs": serialize_keras_object(_to_references(kwargs, plan)),
                **({_EXPLICIT: True} if kwargs.get("training") is not None else {}),
            }
            for args, kwargs in arguments
        ]
        layers.append(entry)
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": nest.map_structure(lambda x: _end(x, plan), model.input),
        "output_layers": nest.map_structure(lambda x: _end(x, plan), model.output),
    }


def _operation_to_config(operation: Any, nodes: list[Node]) -> tuple[dict, list[tuple]]:
    """An operation's own config, and the arguments of each of its calls."""
    arguments = [(node.args, node.kwargs) for node in nodes if not node.is_input]
    if not isinstance(operation, FunctionOperation):
        return layer_to_config(operation), arguments
    ((args, kwargs),) = arguments
    module, class_name, static, args, kwargs = to_keras(operation.function, args, kwargs)
    entry = {
        "module": module,
        "class_name": class_name,
        "config": {"name": operation.name, **serialize_keras_object(static)},
        "registered_name": class_name,
    }
    return entry, [(args, kwargs)]


def _address(x: KerasTensor, plan: Plan) -> list:
    """`[name, call, output]`; a tensor inside a nested model has a path with the call of each model on the way."""
    if isinstance(x, InnerTensor):
        nested = x.node.operation
        name, *rest = _address(x.inner, nested.graph.graph_plan)
        return [f"{nested.name}:{plan.call_index(x.node)}/{name}", *rest]
    operation, node_index, tensor_index = x._keras_history
    return [operation.name, plan.call_index(operation._inbound_nodes[node_index]), tensor_index]


def _end(x: KerasTensor, plan: Plan) -> list:
    """The address of an input or output of the model."""
    name, call, index = _address(x, plan)
    return [name, call if isinstance(x, InnerTensor) else call + _first_call(x._keras_history[0]), index]


def _first_call(operation: Any) -> int:
    # In the addresses of inputs and outputs, Keras counts the making of a functional model as its first call.
    return getattr(operation, "_first_call", 0)


class _Reference:
    """Stands for a symbolic tensor while arguments are written."""

    def __init__(self, x: KerasTensor, address: list) -> None:
        self.shape, self.dtype = x.shape, x.dtype
        self._keras_history = (_Named(address[0]), *address[1:])


class _Named:
    def __init__(self, name: str) -> None:
        self.name = name


def _to_references(structure: Any, plan: Plan) -> Any:
    return nest.map_structure(
        lambda x: _Reference(x, _address(x, plan)) if isinstance(x, KerasTensor) else x, structure
    )


def functional_from_config(config: dict, custom_objects: dict | None = None) -> tuple[Any, Any, str | None, bool]:
    """Inputs, outputs, name and trainability of the model that the config describes."""
    operations: dict[str, Any] = {}
    waiting: list[tuple[str, int, dict]] = []
    with CustomObjectScope(custom_objects):
        for entry in config["layers"]:
            name = entry.get("name") or entry["config"]["name"]
            if name in operations:
                raise ValueError(f"The config has two layers named {name!r}.")
            operations[name] = _operation_from_config(entry)
            waiting += [(name, index, call) for index, call in enumerate(entry["inbound_nodes"])]
        made: dict[tuple[str, int], Node] = {}
        for name, operation in operations.items():
            if getattr(operation, "_inbound_nodes", None) and operation._inbound_nodes[0].is_input:
                made[name, 0] = operation._inbound_nodes[0]
        while waiting:
            left = [item for item in waiting if not _make_call(item, operations, made)]
            if len(left) == len(waiting):
                raise ValueError(
                    f"The config's layers {sorted({item[0] for item in left})} wait for tensors that nothing makes."
                )
            waiting = left
    inputs, outputs = (_tensors(config[key], made, operations) for key in ("input_layers", "output_layers"))
    return inputs, outputs, config.get("name"), config.get("trainable", True)


def _operation_from_config(entry: dict) -> Any:
    module = entry.get("module") or ""
    if module.startswith("keras.src.ops"):
        static = {key: deserialize_keras_object(value) for key, value in entry["config"].items()}
        name = static.pop("name", None)
        function, static = from_keras(module, entry["class_name"], static)
        return _PendingFunction(name, function, static)
    return layer_from_config(entry)


class _PendingFunction:
    """An operation read from a config, waiting for the call that it stands for."""

    def __init__(self, name: str, function: Any, static: dict) -> None:
        self.name, self.function, self.static = name, function, static

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        outputs = self.function(*args, **kwargs, **self.static)
        for x in nest.flatten(outputs):
            if isinstance(x, KerasTensor):
                x._keras_history.operation.name = self.name
                break
        return outputs


def _make_call(item: tuple[str, int, dict], operations: dict, made: dict) -> bool:
    """Make the call if its inputs exist by now and calls of the same layer before it have been made."""
    name, index, call = item
    if index and (name, index - 1) not in made:
        return False
    try:
        args = _read(call["args"], made)
        kwargs = _read(call["kwargs"], made)
    except _NotYet:
        return False
    if not any(isinstance(x, KerasTensor) for x in nest.flatten((args, kwargs))):
        # A call on numbers alone would be carried out here and now.
        raise ValueError(f"The config calls {name!r} on no tensor of the model.")
    outputs = operations[name](*args, **_given(operations[name], kwargs, call))
    first = next(x for x in nest.flatten(outputs) if isinstance(x, KerasTensor))
    history = first._keras_history
    made[name, index] = history.operation._inbound_nodes[history.node_index]
    return True


def _given(operation: Any, kwargs: dict, call: dict) -> dict:
    """The keyword arguments that the caller gave: Keras also writes those that it filled in."""
    given = {name: value for name, value in kwargs.items() if not (name == "mask" and value is None)}
    filled_in = "training" in given and isinstance(operation, Layer) and _EXPLICIT not in call
    if filled_in and given["training"] is signature_of(type(operation).call).defaults.get("training"):
        del given["training"]
    return given


class _NotYet(Exception):
    pass


def _read(value: Any, made: dict) -> Any:
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return _tensor(value["config"]["keras_history"], made)
        if "class_name" in value and "config" in value:
            return deserialize_keras_object(value)
        return {key: _read(item, made) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_read(item, made) for item in value)
    return value


def _tensor(address: Any, made: dict) -> KerasTensor:
    name, node_index, tensor_index = address
    if "/" in name:
        return _inner(name, node_index, tensor_index, made)
    node = made.get((name, node_index))
    if node is None:
        raise _NotYet
    return node.output_tensors[tensor_index]


def _inner(path: str, node_index: int, tensor_index: int, made: dict) -> KerasTensor:
    first, _, rest = path.partition("/")
    name, _, call = first.rpartition(":")
    node = made.get((name, int(call)))
    if node is None:
        raise _NotYet
    plan = node.operation.graph.graph_plan
    inside = {(n.operation.name, plan.call_index(n)): n for n in plan.nodes}
    return InnerTensor(node, _tensor([rest, node_index, tensor_index], inside))


def _tensors(structure: Any, made: dict, operations: dict) -> Any:
    """The tensors that a nest of addresses stands for."""
    if isinstance(structure, dict):
        return {key: _tensors(item, made, operations) for key, item in structure.items()}
    if len(structure) == 3 and isinstance(structure[0], str):
        name, call, index = structure
        try:
            return _tensor([name, call - _first_call(operations.get(name)), index], made)
        except (_NotYet, IndexError):
            raise ValueError(f"The config names a tensor {structure} that no layer in it makes.") from None
    return type(structure)(_tensors(item, made, operations) for item in structure)
