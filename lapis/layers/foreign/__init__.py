"""Layers made of what other libraries compute."""

from lapis.layers.foreign.flax_layer import FlaxLayer as FlaxLayer
from lapis.layers.foreign.jax_layer import JaxLayer as JaxLayer
from lapis.layers.foreign.refused import TFSMLayer as TFSMLayer
from lapis.layers.foreign.refused import TorchModuleWrapper as TorchModuleWrapper
