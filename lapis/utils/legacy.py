"""Objects as Keras 2 wrote them: a class name and a config. Keras's `keras.utils.legacy` and `keras.legacy.saving`."""

import inspect
from typing import Any

from lapis.core.serialization import CustomObjectScope, get_registered_name, get_registered_object

_NESTED = "__passive_serialization__"  # marks a config inside another


def serialize_keras_object(instance: Any) -> Any:
    """The object as `{"class_name", "config"}`, a function or class as its name, `None` as it is.

    >>> import lapis
    >>> serialize_keras_object(lapis.regularizers.L2(0.5))
    {'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    instance = inspect.unwrap(instance)
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        config = {name: _serialize_item(item) for name, item in instance.get_config().items()}
        return {"class_name": get_registered_name(type(instance)), "config": config}
    if hasattr(instance, "__name__"):
        return get_registered_name(instance)
    raise ValueError(f"{instance!r} cannot be written as a config: it has no get_config method and no name.")


def _serialize_item(item: Any) -> Any:
    if item is None or not (hasattr(item, "get_config") or hasattr(item, "__name__")):
        return item
    written = serialize_keras_object(item)
    return {**written, _NESTED: True} if isinstance(written, dict) else written


def deserialize_keras_object(
    identifier: Any,
    module_objects: dict[str, Any] | None = None,
    custom_objects: dict[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Any:
    """What `serialize_keras_object` wrote, as an object again; a class given by its name alone is instantiated.

    Args:
        identifier: a config, a name, a function or `None`.
        module_objects: the classes and functions that may be named.
        custom_objects: further ones, which go first.
        printable_module_name: what kind of object it is, for the error text.

    Raises:
        ValueError: for a name that neither dict, nor an enclosing `custom_object_scope`, nor the registry holds.

    >>> import lapis
    >>> table = {"L2": lapis.regularizers.L2}
    >>> deserialize_keras_object({"class_name": "L2", "config": {"l2": 0.5}}, table).get_config()
    {'l2': 0.5}
    """
    if identifier is None or inspect.isfunction(identifier):
        return identifier
    if isinstance(identifier, str):
        found = _find(identifier, module_objects, custom_objects, printable_module_name)
        return found() if inspect.isclass(found) else found
    if not isinstance(identifier, dict) or not {"class_name", "config"} <= identifier.keys():
        raise ValueError(
            f"{identifier!r} describes no {printable_module_name}; expected a name, or a class_name and a config."
        )
    cls = _find(identifier["class_name"], module_objects, custom_objects, printable_module_name)
    config = dict(identifier["config"])
    for name, item in config.items():
        if isinstance(item, dict) and item.get(_NESTED):
            config[name] = deserialize_keras_object(item, module_objects, custom_objects, "config item")
        elif isinstance(item, str):
            function = get_registered_object(item, custom_objects)
            config[name] = function if inspect.isfunction(function) else item
    with CustomObjectScope(custom_objects):
        if not hasattr(cls, "from_config"):
            return cls(**config)
        if "custom_objects" in inspect.signature(cls.from_config).parameters:
            return cls.from_config(config, custom_objects=dict(custom_objects or {}))
        return cls.from_config(config)


def _find(name: Any, module_objects: dict | None, custom_objects: dict | None, kind: str) -> Any:
    found = get_registered_object(name, custom_objects, module_objects) if isinstance(name, str) else None
    if found is None:
        raise ValueError(
            f"There is no {kind} named {name!r}; pass it in `custom_objects`, or register it with "
            "`lapis.saving.register_keras_serializable()`."
        )
    return found
