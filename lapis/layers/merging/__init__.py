"""Layers that make one tensor of several, and the same as functions."""

from lapis.layers.merging.arithmetic import Add as Add
from lapis.layers.merging.arithmetic import Average as Average
from lapis.layers.merging.arithmetic import Multiply as Multiply
from lapis.layers.merging.arithmetic import Subtract as Subtract
from lapis.layers.merging.arithmetic import add as add
from lapis.layers.merging.arithmetic import average as average
from lapis.layers.merging.arithmetic import multiply as multiply
from lapis.layers.merging.arithmetic import subtract as subtract
from lapis.layers.merging.concatenate import Concatenate as Concatenate
from lapis.layers.merging.concatenate import concatenate as concatenate
from lapis.layers.merging.dot import Dot as Dot
from lapis.layers.merging.dot import dot as dot
from lapis.layers.merging.extremes import Maximum as Maximum
from lapis.layers.merging.extremes import Minimum as Minimum
from lapis.layers.merging.extremes import maximum as maximum
from lapis.layers.merging.extremes import minimum as minimum
from lapis.layers.merging.merge import Merge as Merge
