"""Nested structures, Keras's `keras.tree`."""

from lapis.core.nest import MAP_TO_NONE as MAP_TO_NONE
from lapis.core.nest import assert_same_paths as assert_same_paths
from lapis.core.nest import assert_same_structure as assert_same_structure
from lapis.core.nest import flatten as flatten
from lapis.core.nest import flatten_with_path as flatten_with_path
from lapis.core.nest import is_nested as is_nested
from lapis.core.nest import lists_to_tuples as lists_to_tuples
from lapis.core.nest import map_shape_structure as map_shape_structure
from lapis.core.nest import map_structure as map_structure
from lapis.core.nest import map_structure_up_to as map_structure_up_to
from lapis.core.nest import pack_sequence_as as pack_sequence_as
from lapis.core.nest import traverse as traverse
