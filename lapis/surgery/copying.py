"""Copies of layers with all that they hold, and the weights that one layer can take over from another."""

import copy
from typing import Any

import numpy as np


class Copier:
    """Copies layers, each once; what several layers share, their copies share."""

    def __init__(self) -> None:
        self._memo: dict[int, Any] = {}
        self.copies: dict[int, tuple[Any, Any]] = {}  # by the identity of the original: it and its copy

    def copy(self, layer: Any, as_it_was: bool = True) -> Any:
        """The copy of a layer, weights and all; made anew from its config where it meets other shapes than it had."""
        if id(layer) not in self.copies:
            made = self._with_state(layer) if as_it_was else None
            self.copies[id(layer)] = layer, made or type(layer).from_config(layer.get_config())
        return self.copies[id(layer)][1]

    def _with_state(self, layer: Any) -> Any | None:
        """The copy with all that the layer holds; `None` where something in it, such as a lock, cannot be copied."""
        for one in layer._flatten_layers():  # not the calls, through which all of the graph would come along
            self._memo[id(one._inbound_nodes)] = []
            self._memo[id(one._outbound_nodes)] = []
        try:
            return copy.deepcopy(layer, self._memo)
        except TypeError:
            return None


def own_names(layer: Any) -> list[str]:
    """The names of a layer's variables within it, such as `"kernel"` or `"forward_lstm/lstm_cell/kernel"`."""
    return [v.path.removeprefix(f"{layer.path}/") for v in layer.weights]


def take_over(source: Any, target: Any) -> list[tuple[Any, Any]]:
    """Give the target the weights of the source that fit, and return the pairs of an old and a new weight.

    Layers of one class have their weights in one order; of other layers, those of equal name correspond.
    """
    theirs, mine = source.weights, target.weights
    if type(source) is type(target) and len(theirs) == len(mine):
        pairs = list(zip(theirs, mine))
    else:
        by_name = dict(zip(own_names(source), theirs))
        pairs = [(by_name[name], weight) for name, weight in zip(own_names(target), mine) if name in by_name]
    fitting = [(old, new) for old, new in pairs if tuple(old.shape) == tuple(new.shape)]
    for old, new in fitting:
        new.assign(np.asarray(old.value))
    return fitting
