"""Sequences, Keras's `keras.preprocessing.sequence`, with what only TensorFlow's `tensorflow.keras` has there."""

from lapis.preprocessing.skipgrams import make_sampling_table as make_sampling_table
from lapis.preprocessing.skipgrams import skipgrams as skipgrams
from lapis.preprocessing.timeseries_generator import TimeseriesGenerator as TimeseriesGenerator
from lapis.utils.sequences import pad_sequences as pad_sequences
