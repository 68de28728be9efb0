"""The sanitizer: a mode in which the first NaN, infinity or id out of range is reported with its layer and place.

Within compiled steps each number array gives one flag, and the flags leave the step as a vector. A step with a flag
that is set is run once more operation by operation, which finds the layer and the index.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lapis.core import nest
from lapis.core.changes import changed
from lapis.core.watching import Watching, watching
from lapis.state.scopes import local as scopes


def enable_sanitizer() -> None:
    """Let training, evaluation, prediction and calls report the first NaN, infinity or id that is out of range.

    What is looked at: the outputs of layers and of operations in a graph; ids given to `Embedding`, `ops.one_hot`,
    `ops.take`, `ops.take_along_axis` and as labels to sparse crossentropy; the loss, gradients, updated weights. After
    the step a `SanitizerError` tells the layer, the step and the index, and the model's variables have the values that
    they had before the step. What runs inside of a loop, such as an RNN's cell, is seen in the outputs of its layer.

    A step costs less than twice as much.
    """
    Watching.watch = _FindingWatch()
    changed()


def disable_sanitizer() -> None:
    """Look at no numbers any more; so it is from the start."""
    Watching.watch = None
    changed()


def is_sanitizer_enabled() -> bool:
    """Whether numbers are looked at.

    >>> is_sanitizer_enabled()
    False
    """
    return Watching.watch is not None


class SanitizerError(ArithmeticError):
    """A number that cannot be right.

    Attributes:
        kind: `"id"`, `"activation"`, `"loss"`, `"gradient"` or `"weight"`.
        path: the path of the layer or of the variable.
        index: where in the array the first such number is, `None` where nobody knows.
        value: that number.
        step: the step, counted from 0 in its epoch, `None` outside of steps.
        epoch: the epoch, counted from 0, `None` outside of `fit`.
    """

    _lapis_noted = True  # it says itself where it came from

    def __init__(
        self, kind: str, path: str, text: str, index: tuple[int, ...] | None = None, value: Any = None
    ) -> None:
        super().__init__(text)
        self.kind = kind
        self.path = path
        self.index = index
        self.value = value
        self.step: int | None = None
        self.epoch: int | None = None
        self._text = text

    def __str__(self) -> str:
        if self.step is None:
            return self._text
        epoch = "" if self.epoch is None else f" of epoch {self.epoch}"
        return f"In step {self.step}{epoch} (counted from 0), {self._text} The variables are as they were before it."


@contextmanager
def numbering(step: int = 0, epoch: int | None = None) -> Iterator[None]:
    """Errors of the sanitizer count their steps from `step`, and belong to the epoch."""
    try:
        yield
    except SanitizerError as error:
        error.step = (error.step or 0) + step
        error.epoch = epoch if error.epoch is None else error.epoch
        raise


class _Watch:
    """Looks at what goes by, in the order in which it is computed."""

    def layer(self, layer: Any, arguments: Any, outputs: Any) -> None:
        """The outputs of a layer that has been called."""
        what = f"the output of the layer {scopes.path!r} ({type(layer).__name__})"
        for x in nest.flatten(outputs):
            self._numbers("activation", scopes.path, what, x, arguments)

    def operation(self, operation: Any, arguments: Any, outputs: Any) -> None:
        """The outputs of an operation that stands in a graph by itself."""
        path = f"{scopes.path}/{operation.name}" if scopes.path else operation.name
        for x in nest.flatten(outputs):
            self._numbers("activation", path, f"the output of the operation {path!r}", x, arguments)

    def loss(self, loss: Any) -> None:
        """The sum of all losses."""
        self._numbers("loss", "loss", "the loss", loss)

    def gradients(self, gradients: Any, variables: Any) -> None:
        """What an optimizer is to take a step along; those that were computed first come first."""
        for gradient, variable in reversed(list(zip(gradients, variables))):
            if gradient is not None:
                self._numbers("gradient", variable.path, f"the gradient of {variable.path!r}", gradient)

    def weights(self, values: Any, variables: Any) -> None:
        """Variables' new values."""
        for value, variable in zip(values, variables):
            self._numbers("weight", variable.path, f"the new value of {variable.path!r}", value)

    def ids(self, taker: str, ids: Any, low: int, high: int) -> None:
        """Whole numbers that are to lie between `low` and `high`, that one left out."""
        ids = jnp.asarray(ids)
        bad = (ids < low) | (ids >= high)
        what = f"{taker} of {scopes.path!r}" if scopes.path else taker
        self._look("id", scopes.path, f"{what} got ids from {low} to {high - 1} but for", bad, ids, None)

    def _numbers(self, kind: str, path: str, what: str, x: Any, arguments: Any = None) -> None:
        if hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.inexact):
            self._look(kind, path, f"{what} has", ~jnp.isfinite(x), x, arguments)

    def _look(self, kind: str, path: str, text: str, bad: Any, x: Any, arguments: Any) -> None:
        raise NotImplementedError


class CollectingWatch(_Watch):
    """Collects one flag for each array, within a trace.

    `values` are values of that trace: what is computed in traces within, such as the body of a loop, cannot be seen
    from it.
    """

    def __init__(self, values: Any) -> None:
        traces = [x._trace for x in jax.tree.leaves(values) if isinstance(x, jax.core.Tracer)]
        self._home = traces[0] if traces else None
        self._flags: list[Any] = []

    def flags(self) -> Any:
        """All flags as a vector."""
        return jnp.stack(self._flags) if self._flags else jnp.zeros((0,), bool)

    def _look(self, kind: str, path: str, text: str, bad: Any, x: Any, arguments: Any) -> None:
        flag = jnp.any(bad)
        if not isinstance(flag, jax.core.Tracer) or flag._trace is self._home:
            self._flags.append(flag)


class _FindingWatch(_Watch):
    """Raises the error for the first number that is wrong, where numbers are known."""

    def _look(self, kind: str, path: str, text: str, bad: Any, x: Any, arguments: Any) -> None:
        if isinstance(bad, jax.core.Tracer) or not np.any(bad):
            return
        places = np.argwhere(np.asarray(bad))
        index = tuple(map(int, places[0]))
        value = np.asarray(jax.lax.stop_gradient(x))[index].item()
        where = f" at index {index} of shape {tuple(x.shape)}" if index else ""
        count = f", the first of {len(places)}" if len(places) > 1 else ""
        came = ""
        if arguments is not None:
            came = " Its inputs are finite." if _finite(arguments) else " Its inputs are not finite either."
        raise SanitizerError(kind, path, f"{text} {value}{where}{count}.{came}", index, value)


class _NumberedWatch(_FindingWatch):
    """Likewise, for a step of which flags have been collected, and keeps what it looked at in their order."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str]] = []

    def _look(self, kind: str, path: str, text: str, bad: Any, x: Any, arguments: Any) -> None:
        if not isinstance(bad, jax.core.Tracer):
            self.seen.append((kind, path, text))
        super()._look(kind, path, text, bad, x, arguments)


def _finite(arguments: Any) -> bool:
    arrays = [x for x in nest.flatten(arguments) if hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.inexact)]
    flags = [jnp.all(jnp.isfinite(x)) for x in arrays]
    return all(isinstance(flag, jax.core.Tracer) or bool(flag) for flag in flags)


@contextmanager
def watched_by(watch: Any) -> Iterator[None]:
    """Within the context the watch looks at what this thread computes."""
    outer = watching.__dict__.get("watch")  # of this thread alone
    watching.watch = watch
    try:
        yield
    finally:
        del watching.watch
        if outer is not None:
            watching.watch = outer


def find_wrong_number(step: Any, flag: int) -> SanitizerError:
    """The error of a step, `step()`, whose flag with this number was set; it is run on known numbers."""
    watch = _NumberedWatch()
    try:
        with watched_by(watch):
            step()
    except SanitizerError as error:
        return error
    except Exception:  # a step that cannot be run on known numbers
        pass
    kind, path, text = watch.seen[flag] if flag < len(watch.seen) else ("activation", "", "a layer's output has")
    return SanitizerError(
        kind, path, f"{text} NaN, an infinity or an id out of range, which a second run did not show."
    )
