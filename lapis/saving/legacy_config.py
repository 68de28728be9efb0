"""Configs of older files as Keras 3 writes them, and back.

Keras 3's own `.h5` files leave out the `module` of layers; those of Keras 2 also name other arguments, nest the inbound
nodes as lists, and count the calls of a nested model from one.
"""

from collections.abc import Callable
from typing import Any

from lapis.core.serialization import get_custom_objects, get_registered_object, is_builtin_name
from lapis.saving import legacy_ops
from lapis.saving.legacy_layers import modern_arguments, modern_call, refuse_what_is_no_more

_MODELS = frozenset({"Functional", "Model", "Network", "Sequential"})
_CLASSES = {"Model": "Functional", "Network": "Functional", "BatchNormalizationV1": "BatchNormalization"}
# Arguments that Keras 3 does without.
_GONE_FROM_OPTIMIZERS = frozenset({"decay", "is_legacy_optimizer", "jit_compile"})
_SETTINGS_OF_COMPILE = frozenset({"run_eagerly", "steps_per_execution", "jit_compile"})
_WRAPPERS = frozenset({"MeanMetricWrapper", "LossFunctionWrapper"})
_SHORT_NAMES = frozenset({"acc", "accuracy", "ce", "crossentropy", "mae", "mape", "mse", "msle"})
_MODULES = {"Functional": "keras.src.models.functional", "Sequential": "keras"}
_KEPT = ("name", "inbound_nodes", "shared_object_id", "build_config", "compile_config")
_INNER_LAYERS = ("layer", "backward_layer", "cell", "cells")


def to_legacy(config: dict) -> dict:
    """The config of a model or layer as Keras 3 writes it into `.h5` files: without the modules of layers."""
    inner = dict(config["config"])
    if isinstance(inner.get("layers"), list):
        inner["layers"] = [to_legacy(layer) if "class_name" in layer else layer for layer in inner["layers"]]
    elif config.get("build_config"):
        return {**_kept(config), "config": inner, "build_config": config["build_config"]}
    return {**_kept(config), "config": inner}


def _kept(config: dict) -> dict:
    kept = {key: config[key] for key in ("name", "inbound_nodes", "shared_object_id") if key in config}
    return {"class_name": config.get("registered_name") or config["class_name"], **kept}


def to_modern(config: dict, is_keras_2: bool) -> dict:
    """The config of a model from an `.h5` file, or of Keras 2, in the form that `deserialize_keras_object` takes."""
    config = _plain(config)
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str) or "config" not in config:
        raise ValueError(f"The file's model_config describes no model: {str(config)[:200]}")
    config = _modern(config, is_keras_2)
    if isinstance(config.get("compile_config"), dict):
        config["compile_config"] = compile_to_modern(config["compile_config"], output_names(config))
    return config


def output_names(config: dict) -> list[str]:
    """The names of the outputs of the model that the config describes, none for one output or unknown ones."""
    inner = config["config"]
    ends = inner.get("output_layers") if isinstance(inner, dict) else None
    if isinstance(ends, dict):
        return sorted(ends)
    found: list[str] = []
    _map_references(ends, lambda end: found.append(end[0]))
    return found if len(found) > 1 else []


def compile_to_modern(config: dict, outputs: list[str]) -> dict:
    """What Keras 2 compiled a model with, without what Keras 3 does without."""
    out = {key: value for key, value in config.items() if value is not None or key not in _SETTINGS_OF_COMPILE}
    for key in ("loss", "metrics", "weighted_metrics"):
        out[key] = losses_to_modern(out.get(key), outputs)
    optimizer = out.get("optimizer")
    if isinstance(optimizer, dict):
        out["optimizer"] = optimizer_to_modern(optimizer)
    return out


def losses_to_modern(value: Any, outputs: list[str], output: str = "") -> Any:
    """A nest of losses or metrics: a function's wrapper is the function's name, and names are without the output's."""
    if isinstance(value, list):
        each = outputs if not output and len(outputs) == len(value) else [output] * len(value)
        return [losses_to_modern(item, outputs, name) for item, name in zip(value, each)]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {key: losses_to_modern(item, outputs, str(key)) for key, item in value.items()}
    settings = dict(value.get("config") or {})
    if isinstance(settings.get("name"), str):
        settings["name"] = settings["name"].removeprefix(f"{output}_")
    if value["class_name"] in _WRAPPERS and isinstance(settings.get("fn"), str):
        return settings["name"] if settings.get("name") in _SHORT_NAMES else settings["fn"]
    settings.pop("fn", None)
    if settings.get("reduction") == "auto":
        settings["reduction"] = "sum_over_batch_size"
    return {**value, "config": settings}


def optimizer_to_modern(config: dict) -> dict:
    """The config of an optimizer without what Keras 3 does without."""
    settings = {key: value for key, value in (config.get("config") or {}).items() if key not in _GONE_FROM_OPTIMIZERS}
    if "lr" in settings:
        settings["learning_rate"] = settings.pop("lr")
    decay = (config.get("config") or {}).get("decay")
    if decay:  # the rate fell by itself there
        rate = {"initial_learning_rate": settings.get("learning_rate"), "decay_steps": 1, "decay_rate": decay}
        settings["learning_rate"] = {"class_name": "InverseTimeDecay", "config": rate}
    out = {**config, "config": settings}
    name = str(out.get("class_name")).removeprefix("Custom>")
    if get_registered_object(str(out.get("class_name"))) is None and is_builtin_name(name):
        out["class_name"] = name
    return out


def _plain(value: Any) -> Any:
    """Without the tags that older encoders put around tuples, shapes and dtype policies."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    tag = value.get("class_name")
    if tag in ("__tuple__", "TensorShape") and "items" in value:
        return _plain(value["items"])
    if tag in ("Policy", "PolicyV1") and isinstance(value.get("config"), dict):
        return value["config"].get("name")
    return {key: _plain(item) for key, item in value.items()}


def _modern(config: dict, old: bool) -> dict:
    if "class_name" not in config or not (config.get("module") or "keras").startswith("keras"):
        return config
    kind: str = config["class_name"]
    inner: Any = config.get("config")
    name = config.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
    out = {key: config[key] for key in _KEPT if key in config}
    registered = config.get("registered_name") or _registered(kind)
    if registered is not None and get_registered_object(registered) is not None:
        return {**out, "module": None, "class_name": kind, "registered_name": registered, "config": inner}
    kind = _CLASSES.get(kind, kind)
    refuse_what_is_no_more(kind, name)
    module = _MODULES.get(kind) or config.get("module") or "keras.layers"
    if kind == "Sequential":
        inner = _sequential(inner, name, old)
    elif kind == "Functional":
        inner = _functional(inner, old)
    elif isinstance(inner, dict):
        if _is_operation(config):
            module = "keras.src.ops"
        else:
            inner = _layer(kind, inner, old)
            if config.get("module"):  # an archive of Keras 2; calls build layers, and its shapes were of other kinds
                out.pop("build_config", None)
    return {**out, "module": module, "class_name": kind, "registered_name": None, "config": inner}


def _registered(kind: str) -> str | None:
    """The name under which the user has given a class of that name."""
    if get_registered_object(kind) is not None:
        return kind
    found = [name for name in get_custom_objects() if name.endswith(f">{kind}")]
    return found[0] if len(found) == 1 and not is_builtin_name(kind) else None


def _is_operation(config: dict) -> bool:
    # Every layer's config says whether it is trainable; that of an array function in a graph does not.
    nodes = config.get("inbound_nodes") or [None]
    return _is_modern_node(nodes[0]) and "trainable" not in config["config"]


def _layer(kind: str, config: dict, old: bool) -> dict:
    config = modern_arguments(kind, config, old)
    for key in _INNER_LAYERS:
        value = config.get(key)
        if isinstance(value, dict):
            config[key] = _modern(value, old)
        elif isinstance(value, list):
            config[key] = [_modern(item, old) if isinstance(item, dict) else item for item in value]
    return config


def _input_layer(config: dict) -> dict:
    config = dict(config)
    if "batch_input_shape" in config:
        config["batch_shape"] = config.pop("batch_input_shape")
    return config


def _sequential(config: Any, name: str | None, old: bool) -> dict:
    config = dict(config) if isinstance(config, dict) else {"layers": config}
    config.setdefault("name", name or "sequential")
    layers = [_inputs_named(layer) for layer in config.get("layers") or []]
    first = layers[0].get("config") if layers else None
    if isinstance(first, dict) and layers[0]["class_name"] != "InputLayer" and "batch_input_shape" in first:
        shape, dtype = first["batch_input_shape"], first.get("dtype")
        inputs = {
            "batch_shape": shape,
            "dtype": dtype if isinstance(dtype, str) and "mixed" not in dtype else "float32",
        }
        inputs["name"] = f"{first.get('name', 'layer')}_input"
        layers.insert(0, {"class_name": "InputLayer", "config": inputs})
    config["layers"] = [_modern(layer, old) for layer in layers]
    return config


def _inputs_named(layer: dict) -> dict:
    if layer.get("class_name") == "InputLayer" and isinstance(layer.get("config"), dict):
        return {**layer, "config": _input_layer(layer["config"])}
    return layer


def _functional(config: dict, is_keras_2: bool) -> dict:
    layers = [_inputs_named(layer) for layer in config["layers"]]
    references: list[list] = []
    for layer in layers:
        for node in layer.get("inbound_nodes") or ():
            if not _is_modern_node(node):
                _map_references(node, lambda found: references.append(found))
    for key in ("input_layers", "output_layers"):
        _map_references(config[key], lambda found: references.append(found))
    old = any(layer.get("inbound_nodes") and not _is_modern_node(layer["inbound_nodes"][0]) for layer in layers)
    kinds = {layer.get("name") or layer["config"].get("name"): layer["class_name"] for layer in layers}
    # Keras 2 counted a nested model's own making as its first call.
    first_call = {
        name: 1
        for name, kind in kinds.items()
        if old and kind in _MODELS and all(found[1] > 0 for found in references if found[0] == name)
    }
    out = {**config, "layers": []}
    for layer in layers:
        nodes = [
            node if _is_modern_node(node) else _node(node, layer["class_name"], first_call, kinds)
            for node in layer.get("inbound_nodes") or []
        ]
        name = layer.get("name") or (layer["config"].get("name") if isinstance(layer["config"], dict) else None)
        if layer["class_name"] in legacy_ops.OP_LAYERS:
            out["layers"] += [legacy_ops.operation(layer, name, **node) for node in nodes]
            continue
        out["layers"].append({"name": name, **_modern(layer, is_keras_2), "inbound_nodes": nodes})
    if old:

        def shift(found: list) -> list:
            name, call, index = found[:3]
            of_function = kinds.get(name) in _MODELS and kinds[name] != "Sequential"
            return [name, call - first_call.get(name, 0) + int(of_function), index]

        for key in ("input_layers", "output_layers"):
            ends = _map_references(config[key], shift)
            out[key] = ends[0] if isinstance(ends, list) and len(ends) == 1 and isinstance(ends[0], list) else ends
    return out


def _is_modern_node(node: Any) -> bool:
    return isinstance(node, dict) and "args" in node


def _is_reference(value: Any) -> bool:
    return isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str) and isinstance(value[1], int)


def _map_references(value: Any, function: Callable) -> Any:
    """`value` with each `[layer name, call, output]` replaced by what `function` makes of it."""
    if _is_reference(value):
        return function(value)
    if isinstance(value, list):
        return [_map_references(item, function) for item in value]
    if isinstance(value, dict):
        return {key: _map_references(item, function) for key, item in value.items()}
    return value


def _node(node: Any, kind: str, first_call: dict[str, int], kinds: dict[str, str]) -> dict:
    arguments: dict[str, Any] = {}

    def tensor(found: list) -> Any:
        is_constant = found[0] == "_CONSTANT_VALUE"
        if found[0] not in kinds and not is_constant:
            return found
        for key, value in (found[3] if len(found) == 4 else {}).items():
            arguments[key] = _map_references(value, tensor)
        if is_constant:
            return found[2]
        history = [found[0], found[1] - first_call.get(found[0], 0), found[2]]
        return {"class_name": "__keras_tensor__", "config": {"shape": None, "dtype": None, "keras_history": history}}

    first = _map_references(node, tensor)
    if isinstance(first, list) and len(first) == 1 and kind not in legacy_ops.OP_LAYERS:
        first = first[0]
    args, kwargs = modern_call(kind, [first], arguments)
    return {"args": args, "kwargs": kwargs}
