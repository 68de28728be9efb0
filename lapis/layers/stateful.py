"""What a layer holds: variables, sublayers, seeds, metrics, losses, and how they are listed, saved and loaded."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lapis.core import nest
from lapis.core.changes import changed
from lapis.core.dtypes import is_float_dtype
from lapis.graph import inferring
from lapis.layers.calling import calls
from lapis.layers.tracking import TrackedDict, TrackedList, TrackedSet
from lapis.state import SeedGenerator, Variable, get_stateless_scope

_LOCKED = (
    "The layer {path!r} has been built, so it cannot take the new {kind} {name!r} any more: create all variables and "
    "sublayers "
    "in `__init__` or in `build`."
)
_NO_SUPER = (
    "{cls} sets the attribute {name!r} before its base class is ready. Call `super().__init__()` first in "
    "`{cls}.__init__`."
)
_KINDS = ("_trainable_variables", "_non_trainable_variables", "_layers", "_metrics", "_seed_generators")
_UNTRACKED = frozenset({int, float, bool, str, type(None), np.ndarray, type(lambda: None)})


class Stateful:
    """Keeps what is assigned to its attributes in lists by kind, in the order of assignment."""

    _locked = False
    _trainable: bool
    _path: str | None = None
    name: str
    _held_lists: tuple[list, ...]
    _trainable_variables: list[Variable]
    _non_trainable_variables: list[Variable]
    _layers: list[Any]
    _metrics: list[Any]
    _seed_generators: list[SeedGenerator]
    _losses: list[Any]

    def _start_tracking(self, trainable: bool) -> None:
        self.__dict__.update(
            _trainable=trainable,
            _trainable_variables=[],
            _non_trainable_variables=[],
            _layers=[],
            _metrics=[],
            _seed_generators=[],
            _losses=[],
        )
        self.__dict__["_held_lists"] = tuple(self.__dict__[kind] for kind in _KINDS)

    def _forget_after(self, lengths: tuple[int, ...]) -> None:
        """Drop what has been tracked since the lists had these lengths."""
        for held, length in zip(self._held_lists, lengths):
            del held[length:]

    def __setattr__(self, name: str, value: Any) -> None:
        kind = value.__class__
        if kind is Variable:
            for known in self.__dict__.get("_trainable_variables", ()):
                if known is value:  # `add_weight` has tracked it already
                    break
            else:
                self._track_variable(value, name)
        elif kind not in _UNTRACKED and not isinstance(getattr(type(self), name, None), property):
            value = self._track(value, name)
        if self.__dict__.get(name, changed) is not value:  # `changed` stands for an attribute that is not there
            changed()
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        value = self.__dict__.get(name)
        for leaf in nest.flatten(value):
            for held in self._held_lists:
                held[:] = [x for x in held if x is not leaf]
        changed()
        object.__delattr__(self, name)

    def _track_variable(self, variable: Variable, name: str) -> None:
        try:
            held = self.__dict__["_trainable_variables" if variable._trainable else "_non_trainable_variables"]
        except KeyError:
            raise RuntimeError(_NO_SUPER.format(cls=type(self).__name__, name=name)) from None
        for known in held:
            if known is variable:
                return
        if self._locked:
            raise ValueError(_LOCKED.format(path=self.path, kind="variable", name=variable.name))
        held.append(variable)

    def _track(self, value: Any, name: str) -> Any:
        """Take note of a value, and give back what is to be kept in its place."""
        kind = value.__class__
        if isinstance(value, Variable):
            self._track_variable(value, name)
            return value
        if isinstance(value, Stateful):
            held, word = self._held("_layers", name), "layer"
        elif isinstance(value, SeedGenerator):
            held, word = self._held("_seed_generators", name), "seed generator"
        elif kind is list:
            return TrackedList(value, lambda item: self._track(item, name))
        elif kind is dict:
            return TrackedDict(value, lambda item: self._track(item, name))
        elif kind is set:
            return TrackedSet(value, lambda item: self._track(item, name))
        elif isinstance(value, tuple):
            items = [self._track(item, name) for item in value]
            return kind(*items) if hasattr(value, "_fields") else kind(items)
        elif hasattr(kind, "update_state") and hasattr(kind, "reset_state"):
            held, word = self._held("_metrics", name), "metric"
        else:
            return value
        if not any(x is value for x in held):
            if self._locked and word != "metric":
                raise ValueError(_LOCKED.format(path=self.path, kind=word, name=getattr(value, "name", name)))
            held.append(value)
        return value

    def _held(self, kind: str, name: str) -> list:
        try:
            return self.__dict__[kind]
        except KeyError:
            raise RuntimeError(_NO_SUPER.format(cls=type(self).__name__, name=name)) from None

    @property
    def path(self) -> str:
        """The names of the layers around it and its own, joined by `/`."""
        return self._path or self.name

    # Lists

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> Iterator[Any]:
        seen: set[int] = set()
        stack = [self] if include_self else list(reversed(self._layers))
        while stack:
            layer = stack.pop()
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            yield layer
            if recursive or layer is self:
                stack.extend(reversed(layer._layers))

    @property
    def variables(self) -> list[Variable]:
        """All variables: weights, then the states of random seeds, of the layer and of those inside it."""
        return _unique(self._walk_variables(True))

    @property
    def weights(self) -> list[Variable]:
        """All variables except the states of random seeds."""
        return _unique(self._walk_variables(False))

    def _walk_variables(self, seeds: bool) -> Iterator[Variable]:
        yield from self._trainable_variables
        yield from self._non_trainable_variables
        if seeds:
            for generator in self._seed_generators:
                yield generator.state
        for layer in self._layers:
            yield from layer.variables if seeds else layer.weights

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes; none for a frozen layer."""
        return [v for v in self.variables if v.trainable] if self.trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that training leaves alone or that layers update themselves."""
        return [v for v in self.variables if not v.trainable] if self.trainable else self.variables

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes; none for a frozen layer."""
        return [v for v in self.weights if v.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone or that layers update themselves."""
        return [v for v in self.weights if not v.trainable] if self.trainable else self.weights

    @property
    def metrics(self) -> list[Any]:
        """The metrics of the layer and of those inside it."""
        found = list(self._metrics)
        for layer in self._layers:
            found.extend(layer.metrics)
        return found

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of the metrics."""
        return [v for metric in self.metrics for v in metric.variables]

    @property
    def trainable(self) -> bool:
        """Whether training changes the layer; setting it reaches the layers inside."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._set_own_trainable(bool(value))
        for layer in self._layers:
            layer.trainable = bool(value)

    def _set_own_trainable(self, value: bool) -> None:
        """Set it for the layer itself: those inside that come from a config have their own."""
        self.__dict__["_trainable"] = value
        changed()
        for variable in self._trainable_variables:
            variable.trainable = value

    def get_weights(self) -> list[np.ndarray]:
        """The weights' values, in the order of `weights`."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: list[Any]) -> None:
        """Set the weights' values, in the order of `weights`; a wrong number or shape is refused as a whole."""
        variables = self.weights
        if len(variables) != len(weights):
            raise ValueError(
                f"The layer {self.path!r} has {len(variables)} weights, but set_weights got {len(weights)}. "
                f"Its weights: {[(v.path, v.shape) for v in variables]}."
            )
        for variable, value in zip(variables, weights):
            if tuple(np.shape(value)) != variable.shape:
                raise ValueError(
                    f"The weight {variable.path!r} has shape {variable.shape}, but set_weights got {np.shape(value)}."
                )
        for variable, value in zip(variables, weights):
            variable.assign(value)

    def count_params(self) -> int:
        """The number of numbers in the weights."""
        if not self.built:
            raise ValueError(
                f"The layer {self.path!r} has no weights to count yet: call it on data or `build` it first."
            )
        return sum(int(np.prod(v.shape)) for v in self.weights)

    built: bool

    # Losses

    def add_loss(self, loss: Any) -> None:
        """Add a scalar, or a list of scalars, to the loss of this step; call it from `call`."""
        losses = [x for x in nest.flatten(loss) if x is not None]
        for one in losses:
            if getattr(one, "shape", ()) != ():
                raise ValueError(f"add_loss in {self.path!r} takes scalars; got a tensor of shape {one.shape}.")
        if inferring():
            return
        scope = get_stateless_scope()
        if scope is not None:
            if scope.collect_losses:
                for one in losses:
                    scope.losses.append((self, one))
            return
        context = calls.context
        if context is not None and id(self) not in context.with_losses:
            context.with_losses |= {id(self)}
            self._losses.clear()  # those of an earlier call
        self._losses.extend(losses)

    @property
    def losses(self) -> list[Any]:
        """The losses added in the last call, and the penalties of weight regularizers."""
        scope = get_stateless_scope()
        layers = list(self._flatten_layers())
        if scope is not None and scope.collect_losses:
            mine = {id(layer) for layer in layers}
            found = [loss for layer, loss in scope.losses if id(layer) in mine]
        else:
            found = [loss for layer in layers for loss in layer._losses]
        return found + self._regularization_losses()

    def _regularization_losses(self) -> list[Any]:
        return [v.regularizer(v) for v in self.trainable_weights if v.regularizer is not None]

    def _clear_losses(self) -> None:
        for layer in self._flatten_layers():
            layer._losses.clear()

    # Files

    def save_own_variables(self, store: dict) -> None:
        """Put the layer's own variables into `store` under "0", "1", …; override it together with its twin."""
        for index, variable in enumerate(self._trainable_variables + self._non_trainable_variables):
            store[str(index)] = variable

    def load_own_variables(self, store: Any) -> None:
        """Set the layer's own variables from what `save_own_variables` stored."""
        variables = self._trainable_variables + self._non_trainable_variables
        if len(store) != len(variables):
            hint = "" if variables or self.built else " The layer has not been built: call it on data first."
            raise ValueError(
                f"The layer {self.path!r} has {len(variables)} variables of its own, but the file holds "
                f"{len(store)}.{hint}"
            )
        for index, variable in enumerate(variables):
            variable.assign(store[str(index)])


def _unique(variables: Iterator[Variable]) -> list[Variable]:
    return list({id(v): v for v in variables}.values())


def default_initializer(dtype: str) -> str:
    """What `add_weight` starts a variable with when told nothing."""
    return "glorot_uniform" if is_float_dtype(dtype) else "zeros"
