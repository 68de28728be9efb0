"""The state of an optimizer in files of Keras 2, which has no learning rate in it and sometimes another order."""

import warnings
from collections.abc import Sequence
from typing import Any

from lapis.saving.sources import Source
from lapis.saving.state import mismatch

# Slots of the former optimizers that stood together for each weight (`True`), or one kind after the other (`False`),
# unlike in Keras 3.
_FORMER_ORDER = {"Adam": False, "Adamax": False, "RMSprop": True}
UNFIT_OPTIMIZER = "{path} was loaded, but its optimizer state does not fit {kind}, which starts afresh."
_BEHIND_THE_PAIRS = 2  # Adam's third kind of slots stands behind the pairs of the first two


def slots(optimizer: Any, count: int, is_former: bool) -> list[Any] | None:
    """The optimizer's variables in the order in which Keras 2 kept its `count` arrays; `None` if they do not fit.

    `is_former` tells that it was one of `tf.keras.optimizers.legacy`.
    """
    iterations, *own = [variable for variable in optimizer.variables if variable is not optimizer._learning_rate]
    kind = type(optimizer).__name__
    if kind == "Adafactor":
        own = [variable for variable in own if variable.shape]  # Keras 2 kept none of the placeholders
    if kind == "SGD" and not optimizer.momentum:
        return [iterations]  # Keras 2 kept momentum that it did not use
    if kind == "Nadam" or len(own) + 1 != count:
        return None
    if is_former and kind in _FORMER_ORDER and own:
        own = _in_former_order(own, len(optimizer._trainable_variables), _FORMER_ORDER[kind])
    return [iterations, *own]


def _in_former_order(own: list[Any], weights: int, together: bool) -> list[Any]:
    kinds = len(own) // weights
    if together:  # ours stand one kind after the other
        return [own[kind * weights + weight] for weight in range(weights) for kind in range(kinds)]
    pairs = own[: _BEHIND_THE_PAIRS * weights]
    return [*pairs[::2], *pairs[1::2], *own[len(pairs) :]]


def fitting(optimizer: Any, headers: Sequence[Any], is_former: bool) -> list[Any] | None:
    """As `slots`, for arrays of which these headers are known: `None` too if one has another shape or type."""
    variables = slots(optimizer, len(headers), is_former)
    if variables is None or any(mismatch(variable, header) for variable, header in zip(variables, headers)):
        return None
    return variables


def load(optimizer: Any, source: Source, place: str, name: str) -> None:
    """Set the state from an archive of Keras 2 called `name`; one that does not fit is told, and the rest stays."""
    keys = [str(index) for index in range(len(source.keys(place)))]
    headers = [source.header(place, key) for key in keys]
    variables = fitting(optimizer, headers, is_former=False) if None not in headers and headers else None
    if variables is None:
        # The former optimizers kept nothing in archives.
        warnings.warn(UNFIT_OPTIMIZER.format(path=name, kind=type(optimizer).__name__), stacklevel=5)
        return
    for variable, key in zip(variables, keys):
        variable.assign(source.read(place, key))
