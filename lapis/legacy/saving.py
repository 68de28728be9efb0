"""Keras's `keras.legacy.saving`."""

from lapis.utils.legacy import deserialize_keras_object as deserialize_keras_object
from lapis.utils.legacy import serialize_keras_object as serialize_keras_object
