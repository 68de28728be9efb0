"""What a model was compiled with, as the older HDF5 layout keeps it."""

from collections.abc import Callable
from typing import Any

import lapis.losses as losses
import lapis.metrics as metrics
import lapis.optimizers as optimizers
from lapis.core.serialization import get_registered_name, get_registered_object
from lapis.saving.legacy_config import losses_to_modern, optimizer_to_modern

# Keras reads only the long names of losses from this layout.
_LONG_NAMES = {
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
}
_KEPT = ("loss", "loss_weights", "metrics", "weighted_metrics")


def training_config(model: Any) -> dict | None:
    """What the model was compiled with, as plain data; `None` for a model that is not compiled."""
    config = model.get_compile_config() if getattr(model, "optimizer", None) is not None else None
    if not config:
        return None
    out = {key: _without_module(value) for key, value in config.items() if key != "optimizer"}
    out["loss"] = _long_names(out["loss"])
    optimizer = model.optimizer
    out["optimizer_config"] = {
        "class_name": get_registered_name(type(optimizer)),
        "config": config["optimizer"]["config"],
    }
    return out


def _long_names(loss: Any) -> Any:
    if isinstance(loss, str):
        return _LONG_NAMES.get(loss.lower(), loss)
    if isinstance(loss, list):
        return [_long_names(item) for item in loss]
    if isinstance(loss, dict) and "class_name" not in loss:
        return {key: _long_names(item) for key, item in loss.items()}
    return loss


def _without_module(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_without_module(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "function":
        return value["config"]
    if "class_name" in value and "config" in value:
        return {"class_name": value.get("registered_name") or value["class_name"], "config": value["config"]}
    return {key: _without_module(item) for key, item in value.items()}


def compile_arguments(config: dict, outputs: list[str]) -> dict:
    """The arguments of `compile` that plain data from a file describes, for a model whose outputs have these names."""
    optimizer = optimizer_to_modern(config["optimizer_config"])
    out: dict[str, Any] = {key: config.get(key) for key in _KEPT}
    for key, get in (("loss", losses.get), ("metrics", metrics.get), ("weighted_metrics", metrics.get)):
        out[key] = _objects(losses_to_modern(out[key], outputs), get)
    return {"optimizer": optimizers.get(optimizer), **out}


def _objects(value: Any, get: Callable) -> Any:
    """The nest with configs and the names of the user's functions replaced by what they stand for.

    Other names stay: `compile` chooses what they mean.
    """
    if isinstance(value, str):
        found = get_registered_object(value)
        return value if found is None else found
    if isinstance(value, list):
        return [_objects(item, get) for item in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {key: _objects(item, get) for key, item in value.items()}
    return get(value)
