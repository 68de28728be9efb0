"""How much memory a file may ask for: what it holds itself, with room for what is made beside it."""

import math
from typing import Any

import h5py

from lapis.saving import limits
from lapis.saving.hdf5 import reading_headers
from lapis.state import AllocationBudget

_FLOOR_BYTES = 64 << 20
# A model that was compiled but never trained gets an optimizer whose state the file lacks: two or three arrays for each
# weight, in float32 for weights in half precision.
_TIMES = 8
_MAX_EXPANSION = 1000


def budget_of(file: h5py.File) -> AllocationBudget:
    """A scope in which variables take no more memory than the arrays in the file account for."""
    memory = limits.current().memory
    if memory is not None:
        return AllocationBudget(memory)
    sizes: list[int] = []

    def note(_: str, obj: Any) -> None:
        if isinstance(obj, h5py.Dataset) and obj.shape is not None:
            claimed = math.prod(obj.shape) * obj.id.get_type().get_size()
            if claimed <= _MAX_EXPANSION * obj.id.get_storage_size():
                sizes.append(claimed)

    with reading_headers("The file"):
        file.visititems(note)
    return AllocationBudget(_FLOOR_BYTES + _TIMES * sum(sizes))
