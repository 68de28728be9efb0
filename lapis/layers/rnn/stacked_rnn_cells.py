"""Several recurrent cells, one on top of the other, as one cell."""

from collections.abc import Sequence
from typing import Any, Self, Unpack

import lapis.ops as ops
from lapis.core import nest
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.layers.calling import signature_of
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions


def check_cell(cell: Any, owner: str) -> None:
    """A `ValueError` unless `cell` has what a recurrent cell needs: a `call` method and a `state_size`."""
    for attribute, what in (("call", "method"), ("state_size", "attribute, an integer or a list of integers")):
        if attribute not in dir(cell):
            raise ValueError(f"{owner} needs cells with a `{attribute}` {what}; got {cell!r}, which has none.")


def output_size(cell: Any) -> Any:
    """The size of the cell's output: that of its first state unless it says otherwise."""
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size[0] if isinstance(cell.state_size, (list, tuple)) else cell.state_size
    return size


def takes_training(cell: Any) -> bool:
    """Whether the cell is a layer whose `call` has a `training` argument."""
    return isinstance(cell, Layer) and signature_of(type(cell).call).takes_training


def initial_state(cell: Any, batch_size: Any, dtype: str) -> Any:
    """The state that a cell begins with: what its `get_initial_state` says, else zeros."""
    if getattr(cell, "get_initial_state", None):
        return cell.get_initial_state(batch_size=batch_size)
    sizes = cell.state_size
    if isinstance(sizes, int):
        return ops.zeros((batch_size, sizes), dtype=dtype)
    return [ops.zeros((batch_size, size), dtype=dtype) for size in sizes]


@builtin("keras.layers")
class StackedRNNCells(Layer):
    """Recurrent cells of which each takes the output of the one before, for use as one cell in `RNN`.

    The states `[states of the first cell, states of the second, ...]` are nested as the cells give them. A `ValueError`
    where a cell has no `call` or no `state_size`.

    >>> from lapis.layers.rnn.gru import GRUCell
    >>> StackedRNNCells([GRUCell(4), GRUCell(2)]).state_size
    [4, 2]
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        for cell in cells:
            check_cell(cell, "StackedRNNCells")
        self.cells = list(cells)

    @property
    def state_size(self) -> list:
        """The cells' state sizes."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        """The size of the last cell's output."""
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None) -> list:
        """The states that the cells begin with, one entry for each cell."""
        return [initial_state(cell, batch_size, self.compute_dtype) for cell in self.cells]

    def build(self, input_shape: tuple) -> None:
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], output_size(cell))

    def call(self, inputs: Any, states: Sequence[Any], training: bool = False, **kwargs: Any) -> tuple[Any, list]:
        new_states = []
        for cell, old in zip(self.cells, states, strict=True):
            run: Any = cell if callable(cell) else cell.call
            extra = {**kwargs, "training": training} if takes_training(cell) else kwargs
            inputs, new = run(inputs, list(old) if nest.is_nested(old) else [old], **extra)
            new_states.append(nest.pack_sequence_as(old, nest.flatten(new)))
        return inputs, new_states

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        return not all(isinstance(cell, Layer) for cell in self.cells)

    def get_config(self) -> dict:
        return {**super().get_config(), "cells": [serialize_keras_object(cell) for cell in self.cells]}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Self:
        config = dict(config)
        cells = [deserialize_keras_object(cell, custom_objects) for cell in config.pop("cells")]
        return cls(cells, **config)
