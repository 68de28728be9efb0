"""Keras 2's names that Keras 3 keeps, `keras.legacy`."""

from lapis.legacy import saving as saving
