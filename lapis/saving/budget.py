"""How much memory a file may ask for: what it holds itself, with room for what is made beside it."""

from lapis.saving import limits
from lapis.saving.hdf5 import walk
from lapis.saving.hdf5_array import Array
from lapis.saving.hdf5_reader import Group
from lapis.state import AllocationBudget

_FLOOR_BYTES = 64 << 20
# A model that was compiled but never trained gets an optimizer whose state the file lacks: two or three arrays for each
# weight, in float32 for weights in half precision.
_TIMES = 8
_MAX_EXPANSION = 1000


def budget_of(file: Group) -> AllocationBudget:
    """A scope in which variables take no more memory than the arrays in the file account for."""
    memory = limits.current().memory
    if memory is not None:
        return AllocationBudget(memory)
    arrays = [found for found in walk(file) if isinstance(found, Array)]
    sizes = sum(array.size for array in arrays if array.size <= _MAX_EXPANSION * array.stored)
    return AllocationBudget(_FLOOR_BYTES + _TIMES * sizes)
