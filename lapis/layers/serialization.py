"""Layers as plain data and back."""

from typing import Any

from lapis.core.serialization import deserialize_keras_object, serialize_keras_object
from lapis.layers.layer import Layer


def serialize(layer: Layer) -> dict:
    """The layer as plain data.

    >>> import lapis
    >>> serialize(lapis.layers.ReLU())["class_name"]
    'ReLU'
    """
    return serialize_keras_object(layer)


def deserialize(config: dict, custom_objects: dict | None = None) -> Any:
    """A layer from its plain data, with fresh weights."""
    layer = deserialize_keras_object(config, custom_objects)
    if not isinstance(layer, Layer):
        raise ValueError(f"The config describes a {type(layer).__name__}, not a layer.")
    return layer
