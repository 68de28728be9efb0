"""Schedules to plain data and back."""

from typing import Any

from lapis.core.serialization import deserialize_keras_object, serialize_keras_object
from lapis.optimizers.schedules.schedule import LearningRateSchedule


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """The schedule as plain data."""
    return serialize_keras_object(learning_rate_schedule)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """The schedule that plain data describes."""
    return deserialize_keras_object(config, custom_objects)
