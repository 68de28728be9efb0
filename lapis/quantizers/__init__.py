"""Quantizers, Keras's `keras.quantizers`: the base class."""

from lapis.quantizers.quantizer import Quantizer as Quantizer
