"""Older names of helpers around data, Keras's `keras.preprocessing`; most are those of `lapis.utils`."""

from lapis.preprocessing import image as image
from lapis.preprocessing import sequence as sequence
