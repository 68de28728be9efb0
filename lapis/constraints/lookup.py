"""Constraints by name, config or callable, and back to plain data."""

from typing import Any

from lapis.constraints.constraint import Constraint
from lapis.constraints.norms import MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from lapis.core.naming import to_snake_case
from lapis.core.serialization import deserialize_keras_object, resolve, serialize_keras_object

_CLASSES = (Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm)
_TABLE: dict[str, Any] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{to_snake_case(cls.__name__): cls for cls in _CLASSES},
}


def get(identifier: Any) -> Any:
    """A constraint from its name, class, config, a callable, or itself; `None` stays.

    >>> get("max_norm").max_value
    2
    """
    return resolve(identifier, "constraint", _TABLE)


def serialize(constraint: Any) -> Any:
    """The constraint as plain data.

    >>> serialize(UnitNorm(axis=1))["config"]
    {'axis': 1}
    """
    return serialize_keras_object(constraint)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """The constraint that plain data describes.

    >>> deserialize(serialize(UnitNorm(axis=1))).axis
    1
    """
    return deserialize_keras_object(config, custom_objects)
