"""Users' classes of models made from a graph: what their constructors take, and how they are made again."""

from typing import Any

from lapis.core.serialization import deserialize_keras_object
from lapis.layers.calling import signature_of
from lapis.layers.configured import as_data

_OF_THE_GRAPH = ("inputs", "outputs", "name", "trainable")
_IN_CONFIGS = ("name", "trainable", "layers", "input_layers", "output_layers")


def takes_graph(cls: type) -> bool:
    """Whether a class is made from inputs and outputs, and not from settings that it makes a graph of."""
    signature = signature_of(cls.__init__)
    hands_on = signature.var_positional and not signature.names
    return hands_on or {"inputs", "outputs"} <= signature.all


def own_arguments(model: Any) -> dict[str, Any]:
    """What a model's constructor was given besides the graph, as plain data."""
    if _is_ours(type(model).__init__):
        return {}
    args, kwargs = model._init_arguments or ((), {})
    given = {**dict(zip(signature_of(type(model).__init__).names, args)), **kwargs}
    return as_data(model, {name: value for name, value in given.items() if name not in _OF_THE_GRAPH})


def own_settings(cls: Any, config: dict) -> dict[str, Any]:
    """What a config holds besides the graph, as far as a constructor of the user's takes it."""
    if _is_ours(cls.__init__):
        return {}
    signature = signature_of(cls.__init__)
    found = {key: value for key, value in config.items() if key not in _IN_CONFIGS}
    if not signature.var_keyword:
        found = {key: value for key, value in found.items() if key in signature.all}
    if not _is_ours(cls.get_config):  # whoever writes a config reads it as it is
        return found
    return {key: deserialize_keras_object(value) for key, value in found.items()}


def _is_ours(method: Any) -> bool:
    return method.__module__.startswith("lapis.")


def make(cls: type, inputs: Any, outputs: Any, name: str | None, trainable: bool, settings: dict[str, Any]) -> Any:
    """A model of the class from a graph whose layers know whether they train."""
    signature = signature_of(cls.__init__)
    takes_name = signature.var_keyword or "name" in signature.all
    given = {**settings, "name": name} if takes_name else settings
    model = cls(inputs=inputs, outputs=outputs, **given) if "inputs" in signature.all else cls(inputs, outputs, **given)
    if not trainable:
        model._set_own_trainable(False)
    return model
