"""Optimizers by name."""

from typing import Any

from lapis.core.serialization import deserialize_keras_object, resolve, serialize_keras_object
from lapis.optimizers.adadelta import Adadelta
from lapis.optimizers.adafactor import Adafactor
from lapis.optimizers.adagrad import Adagrad
from lapis.optimizers.adam import Adam
from lapis.optimizers.adamax import Adamax
from lapis.optimizers.adamw import AdamW
from lapis.optimizers.ftrl import Ftrl
from lapis.optimizers.lamb import Lamb
from lapis.optimizers.lion import Lion
from lapis.optimizers.loss_scale_optimizer import LossScaleOptimizer
from lapis.optimizers.multi_optimizer import MultiOptimizer
from lapis.optimizers.muon import Muon
from lapis.optimizers.nadam import Nadam
from lapis.optimizers.optimizer import Optimizer
from lapis.optimizers.rmsprop import RMSprop
from lapis.optimizers.schedule_free_adamw import ScheduleFreeAdamW
from lapis.optimizers.sgd import SGD

TABLE: dict[str, Any] = {
    cls.__name__.lower(): cls
    for cls in (
        Adadelta,
        Adafactor,
        Adagrad,
        Adam,
        Adamax,
        AdamW,
        Ftrl,
        Lamb,
        Lion,
        LossScaleOptimizer,
        MultiOptimizer,
        Muon,
        Nadam,
        RMSprop,
        ScheduleFreeAdamW,
        SGD,
    )
}


def get(identifier: Any) -> Any:
    """An optimizer from its name in any case, config, class or itself; `None` gives `None`.

    An unknown name is a `ValueError` that lists close ones.

    >>> type(get("adam")).__name__, type(get("SGD")).__name__
    ('Adam', 'SGD')
    """
    if isinstance(identifier, str) and identifier.lower() in TABLE:
        identifier = identifier.lower()
    elif isinstance(identifier, dict) and "module" not in identifier:
        identifier = {**identifier, "class_name": str(identifier.get("class_name")).lower()}
    found = resolve(identifier, "optimizer", TABLE, Optimizer)
    if found is not None and not isinstance(found, Optimizer):
        raise ValueError(f"{identifier!r} is no optimizer; expected a name, a config or an Optimizer.")
    return found


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The optimizer as plain data.

    >>> serialize(get("sgd"))["class_name"]
    'SGD'
    """
    return serialize_keras_object(optimizer)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """The optimizer that plain data describes."""
    table_name = str(config.get("class_name")).lower()
    if "module" not in config and table_name in TABLE:
        return TABLE[table_name].from_config(config.get("config", {}), custom_objects=custom_objects)
    return deserialize_keras_object(config, custom_objects)
