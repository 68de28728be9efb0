"""The mask that travels with a tensor: which entries along its leading axes count."""

import contextlib
import weakref
from typing import Any

from lapis.graph.tensor import KerasTensor

# Arrays and tracers take no attributes alike, so their masks are kept beside them for as long as they live.
_masks: dict[int, tuple[weakref.ref, Any]] = {}


def get_mask(x: Any) -> Any:
    """The mask that travels with a tensor, `None` if there is none."""
    if isinstance(x, KerasTensor):
        return getattr(x, "_keras_mask", None)
    entry = _masks.get(id(x))
    return entry[1] if entry is not None and entry[0]() is x else None


def any_masks() -> bool:
    """Whether any array carries a mask."""
    return bool(_masks)


def set_mask(x: Any, mask: Any) -> None:
    """Let a mask travel with a tensor; `None` takes it off."""
    if isinstance(x, KerasTensor):
        x._keras_mask = mask
        return
    with contextlib.suppress(AttributeError):
        x._keras_mask = mask  # where an array takes it, for programs that look there
    key = id(x)
    if mask is None:
        _masks.pop(key, None)
        return
    with contextlib.suppress(TypeError):  # a Python scalar carries no mask
        # The dict by an argument: at the end of a process the name may be gone before the array.
        _masks[key] = weakref.ref(x, lambda _, masks=_masks: masks.pop(key, None)), mask
