"""Rematerialization: what a layer computed on the way forward is computed again on the way back, not kept."""

import functools
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from lapis.core import nest
from lapis.graph import any_symbolic, get_logits, get_mask, inferring, set_logits, set_mask
from lapis.graph.logits import Logits
from lapis.state.scopes import StatelessScope, get_stateless_scope

MODES = ("full", "activations", "larger_than", "list_of_layers", None)


class RematMode(NamedTuple):
    """What a layer made in a `RematScope` takes with it."""

    mode: str
    output_size_threshold: int
    layer_names: tuple[str, ...]


class _Local(threading.local):
    mode: RematMode | None = None


_local = _Local()


class RematScope:
    """Layers made within the scope keep less for the way back, and compute it again there.

    That saves memory in training for time. It is fixed when a layer is made, and holds wherever it is called; numbers
    stay the same. A model made in the scope leaves it to its layers if any of them has been made in one.

    Args:
        mode: `"full"`, whole layers; `"activations"`, only activation functions; `"larger_than"`, layers whose outputs
            have more than `output_size_threshold` elements; `"list_of_layers"`, those named in `layer_names`; `None`,
            none, inside another scope.
        output_size_threshold: for `"larger_than"`.
        layer_names: for `"list_of_layers"`.

    >>> import lapis
    >>> with RematScope("list_of_layers", layer_names=["wide"]):
    ...     wide = lapis.layers.Dense(4, name="wide")
    >>> wide(lapis.ops.ones((2, 3))).shape
    (2, 4)
    """

    def __init__(
        self, mode: str | None = "full", output_size_threshold: int = 1024, layer_names: list[str] | None = None
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"mode is {mode!r}; expected one of {', '.join(map(repr, MODES))}.")
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = layer_names or []

    def __enter__(self) -> "RematScope":
        self._outer = _local.mode
        names = tuple(self.layer_names)
        _local.mode = None if self.mode is None else RematMode(self.mode, self.output_size_threshold, names)
        return self

    def __exit__(self, *_: Any) -> None:
        _local.mode = self._outer


def current_remat_mode() -> RematMode | None:
    """The mode for layers made here, `None` outside of all scopes."""
    return _local.mode


class _Recording(StatelessScope):
    """A scope that begins with the outer one's values, and tells which variables were assigned in it."""

    def __init__(self, outer: StatelessScope | None) -> None:
        super().__init__(collect_losses=True)
        self.values = {} if outer is None else dict(outer.values)
        self.assigned: dict[int, Any] = {}

    def add_update(self, update: tuple[Any, Any]) -> None:
        super().add_update(update)
        self.assigned[id(update[0])] = update[0]


class _Results:
    """What a call did besides the arrays that it gave: how these are arranged, and whom they belong to."""

    structure: Any
    leaves: list[Any]  # what is no array stands here
    places: list[int]
    logits: list[Any]
    variables: list[Any]
    losing: list[Any]


def remat(f: Callable) -> Callable:
    """The function, or a layer, so that its inner values are computed again on the way back instead of kept.

    Variables that it assigns, losses that it adds and masks on its outputs come out as without it.

    >>> import jax, lapis
    >>> round(float(jax.grad(remat(lambda x: lapis.ops.sin(x) ** 2))(0.5)), 4)  # sin(1)
    0.8415
    """

    @functools.wraps(f)
    def rematerialized(*args: Any, **kwargs: Any) -> Any:
        if inferring() or any_symbolic(args, kwargs):
            return f(*args, **kwargs)
        leaves = nest.flatten((args, kwargs))
        places = [place for place, leaf in enumerate(leaves) if isinstance(leaf, (jax.Array, np.ndarray))]
        results = _Results()

        def pure(arrays: list[Any], masks: list[Any]) -> tuple:
            filled = list(leaves)
            for place, array, mask in zip(places, arrays, masks):
                filled[place] = array
                if mask is not None:
                    set_mask(array, mask)
            new_args, new_kwargs = nest.pack_sequence_as((args, kwargs), filled)
            scope = _Recording(get_stateless_scope())
            with scope:
                outputs = f(*new_args, **new_kwargs)
            return _taken_apart(outputs, scope, results)

        arrays = [leaves[place] for place in places]
        return _put_together(jax.checkpoint(pure)(arrays, list(map(get_mask, arrays))), results)

    return rematerialized


def _taken_apart(outputs: Any, scope: _Recording, results: _Results) -> tuple:
    """The arrays among what a call gave and did; the rest goes into `results`."""
    results.structure, results.leaves = outputs, nest.flatten(outputs)
    results.places = [place for place, leaf in enumerate(results.leaves) if isinstance(leaf, jax.Array)]
    arrays = [results.leaves[place] for place in results.places]
    logits = list(map(get_logits, arrays))
    results.logits = [None if one is None else (one.function, one.axis) for one in logits]
    results.variables = list(scope.assigned.values())
    results.losing = [layer for layer, _ in scope.losses]
    return (
        arrays,
        list(map(get_mask, arrays)),
        [None if one is None else one.values for one in logits],
        [scope.values[id(variable)] for variable in results.variables],
        [loss for _, loss in scope.losses],
    )


def _put_together(parts: tuple, results: _Results) -> Any:
    """The outputs, once everything that the call did besides has been done out here."""
    arrays, masks, logits, values, losses = parts
    for variable, value in zip(results.variables, values):
        variable.assign(value)
    for layer, loss in zip(results.losing, losses):
        layer.add_loss(loss)
    leaves = results.leaves
    for place, array, mask, known, how in zip(results.places, arrays, masks, logits, results.logits):
        leaves[place] = array
        if mask is not None:
            set_mask(array, mask)
        if how is not None:
            set_logits(array, Logits(known, *how))
    return nest.pack_sequence_as(results.structure, leaves)
