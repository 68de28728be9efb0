"""Regularizers by name, config or callable, and back to plain data."""

from typing import Any

from lapis.core.naming import to_snake_case
from lapis.core.serialization import deserialize_keras_object, resolve, serialize_keras_object
from lapis.regularizers.norms import L1, L1L2, L2
from lapis.regularizers.orthogonal import OrthogonalRegularizer
from lapis.regularizers.regularizer import Regularizer

_CLASSES = (Regularizer, L1, L2, L1L2, OrthogonalRegularizer)
_TABLE: dict[str, Any] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{to_snake_case(cls.__name__): cls for cls in _CLASSES},
    "l1_l2": L1L2,
}


def get(identifier: Any) -> Any:
    """A regularizer from its name, class, config, a callable, or itself; `None` stays.

    >>> get("l2").l2
    0.01
    """
    return resolve(identifier, "regularizer", _TABLE)


def serialize(regularizer: Any) -> Any:
    """The regularizer as plain data.

    >>> serialize(L2(0.1))["config"]
    {'l2': 0.1}
    """
    return serialize_keras_object(regularizer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """The regularizer that plain data describes.

    >>> deserialize(serialize(L2(0.1))).l2
    0.1
    """
    return deserialize_keras_object(config, custom_objects)
