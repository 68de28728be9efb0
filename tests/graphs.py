"""Rows of the layers' table as graphs: models of many layers side by side, built from Lapis or from real Keras."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lapis.core import nest
from tests.descriptors import Row


def given_name(row: Row, k: Any) -> str | None:
    """The name that the row gives its layer, `None` if the layer makes one up."""
    first, second = row.make(k).name, row.make(k).name
    return first if first == second else None


def grouped(rows: list[Row], k: Any, size: int) -> list[list[Row]]:
    """The rows in groups of at most `size`, in none of which two layers are given one name."""
    groups: list[tuple[list[Row], set[str]]] = []
    for row in rows:
        name = given_name(row, k)
        for group, names in groups:
            if len(group) < size and name not in names:
                break
        else:
            group, names = [], set()
            groups.append((group, names))
        group.append(row)
        if name is not None:
            names.add(name)
    return [group for group, _ in groups]


def _arrays(row: Row) -> Iterator[np.ndarray]:
    for leaf in nest.flatten([list(row.inputs), row.kwargs]):
        if isinstance(leaf, np.ndarray):
            yield leaf


def arrays_of(group: list[Row]) -> list[np.ndarray]:
    """What the model of the group is called with."""
    return [array for row in group for array in _arrays(row)]


def side_by_side(group: list[Row], k: Any) -> Any:
    """A model that calls each row's layer with inputs of its own; the outputs are a dict by rows."""
    inputs, outputs = [], {}

    def symbolic(leaf: Any) -> Any:
        if not isinstance(leaf, np.ndarray):
            return leaf
        inputs.append(k.Input(batch_shape=leaf.shape, dtype=str(leaf.dtype)))
        return inputs[-1]

    for row in group:
        args, kwargs = nest.map_structure(symbolic, [list(row.inputs), row.kwargs])
        outputs[row.name] = row.make(k)(*args, **kwargs)
    return k.Model(inputs, outputs, name="side_by_side")
