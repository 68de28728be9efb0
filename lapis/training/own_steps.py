"""What a step of the user's own takes and gives, told in a sentence where it does not."""

import inspect
from typing import Any

from lapis.training.building import is_own

_GROUPS = {
    "train": ("trainable", "non-trainable", "optimizer", "metrics"),
    "test": ("trainable", "non-trainable", "metrics"),
}
_TAKES = (
    "{cls}.{kind}_step takes {given}, but it gets the state and the data: write `def {kind}_step(self, state, data)`. "
    "A step is a function without side effects: the state holds the values of variables, and it returns {wanted}."
)
_GIVES = "{cls}.{kind}_step returned {what}; expected {wanted}."


def check_arguments(model: Any, kind: str) -> None:
    """Raise a `TypeError` if the model's own step cannot be called with a state and data."""
    if not is_own(model, f"{kind}_step"):
        return
    signature = inspect.signature(getattr(model, f"{kind}_step"))
    try:
        signature.bind(None, None)
    except TypeError:
        message = _TAKES.format(cls=type(model).__name__, kind=kind, given=signature, wanted=_wanted(kind))
        raise TypeError(message) from None


def check_result(model: Any, kind: str, result: Any, state: tuple) -> tuple[Any, Any]:
    """What a step returned, a `TypeError` or `ValueError` if that is no pair with a state like the given one."""
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        what = f"a {type(result).__name__}" + (f" of {len(result)}" if hasattr(result, "__len__") else "")
        raise TypeError(_GIVES.format(cls=type(model).__name__, kind=kind, what=what, wanted=_wanted(kind)))
    outputs, new = result
    given, back = [len(group) for group in state], [len(group) for group in new] if kind in _GROUPS else None
    if back is not None and back != given:
        what = f"a state of {len(back)} groups of {back} values"
        wanted = f"as many as it got, {given}: {', '.join(_GROUPS[kind])} variables"
        raise ValueError(_GIVES.format(cls=type(model).__name__, kind=kind, what=what, wanted=wanted))
    return outputs, new


def _wanted(kind: str) -> str:
    if kind == "predict":
        return "`(outputs, non_trainable_variables)`"
    return f"`(logs, state)` with the values of {', '.join(_GROUPS[kind])} variables in the state"
