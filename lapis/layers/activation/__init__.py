"""Activation functions as layers."""

from lapis.layers.activation.activation import Activation as Activation
from lapis.layers.activation.prelu import PReLU as PReLU
from lapis.layers.activation.relu import ELU as ELU
from lapis.layers.activation.relu import LeakyReLU as LeakyReLU
from lapis.layers.activation.relu import ReLU as ReLU
from lapis.layers.activation.softmax import Softmax as Softmax
