"""Sequences, Keras's `keras.preprocessing.sequence`."""

from lapis.utils.sequences import pad_sequences as pad_sequences
