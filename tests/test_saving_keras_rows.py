"""Files of every layer of the table go both ways between Lapis and real Keras, many layers in each file."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

import lapis
from lapis.core import nest
from lapis.core.serialization import get_custom_objects
from tests.descriptors import LAYER_FAMILIES, Row, rows
from tests.graphs import arrays_of, grouped, side_by_side
from tests.oracle import keras
from tests.saving_models import randomize

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras's own, with NumPy 2
    pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning"),  # Keras's own, as JAX tells
    pytest.mark.filterwarnings("ignore:`build\\(\\)` was called on layer 'pipeline'"),  # inner layers without state
    pytest.mark.usefixtures("quick_compilation"),
]
GROUP = 48
# What real Keras cannot do itself, and why.
NO_GRAPH = {
    "Equalization": "outside training it gives back its very input, which Keras then takes for a cycle",
}
NOT_THE_SAME = {
    "RandomCrop": "outside training Keras leaves images as they are, of another size than the layer says",
}
NO_LAYER_FROM_FILE = {
    **dict.fromkeys(("JaxLayer", "JaxLayer-state", "JaxLayer-random"), "Keras builds it from a file by TensorFlow"),
}


def _sorted_rows() -> tuple[list[Row], list[Row]]:
    """The first row of each class, and all others."""
    counts: Counter = Counter()
    first, later = [], []
    for row in rows(*LAYER_FAMILIES):
        kind = type(row.make(lapis)).__name__
        counts[kind] += 1
        if row.name not in NO_GRAPH:
            (first if counts[kind] == 1 else later).append(row)
    return first, later


def _groups() -> list[Any]:
    first, later = _sorted_rows()
    marked = [(group, []) for group in grouped(first, lapis, GROUP)]
    marked += [(group, [pytest.mark.slow]) for group in grouped(later, lapis, GROUP)]
    return [pytest.param(group, marks=marks, id=f"{group[0].name}..{group[-1].name}") for group, marks in marked]


@pytest.fixture(autouse=True)
def _both_know_the_functions(monkeypatch):
    """The rows' own functions, which Lambda and JaxLayer name, are registered with Keras too."""
    for name, function in get_custom_objects().items():
        if name.startswith("rows>"):
            monkeypatch.setitem(keras.saving.get_custom_objects(), name, function)
            monkeypatch.setitem(keras.src.saving.object_registration.GLOBAL_CUSTOM_NAMES, function, name)


def assert_same(group: list[Row], expected: dict, found: dict) -> None:
    """Each row's outputs are the same, masks apart."""
    for row in group:
        if row.name in NOT_THE_SAME:
            continue
        nest.assert_same_structure(found[row.name], expected[row.name])
        for one, other in zip(nest.flatten(found[row.name]), nest.flatten(expected[row.name])):
            one, other = (np.asarray(x).astype("float64") for x in (one, other))
            np.testing.assert_allclose(one, other, rtol=row.tolerance, atol=row.tolerance, err_msg=row.name)


def number(model: Any, seed: int) -> Any:
    """Give all weights numbers of their own."""
    randomize(model, seed)
    for layer in model.layers:
        if type(layer).__name__ == "Normalization":
            layer.finalize_state()  # Keras computes with what it made of the weights before
    return model


@pytest.mark.parametrize("group", _groups())
def test_layers(tmp_path, group):
    keras.utils.clear_session(free_memory=False)
    theirs, ours, x = number(side_by_side(group, keras), 0), side_by_side(group, lapis), arrays_of(group)
    expected = theirs(x, training=False)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    assert ours.load_weights(tmp_path / "theirs.weights.h5").complete
    assert_same(group, expected, ours(x, training=False))
    theirs.save(tmp_path / "theirs.keras")
    loaded = lapis.saving.load_model(tmp_path / "theirs.keras")
    assert_same(group, expected, loaded(x, training=False))
    group = [row for row in group if row.name not in NO_LAYER_FROM_FILE]
    if len(group) < len(expected):
        ours, x = number(side_by_side(group, lapis), 1), arrays_of(group)
        expected = ours(x, training=False)
    ours.save(tmp_path / "ours.keras")
    theirs = keras.saving.load_model(tmp_path / "ours.keras")
    assert_same(group, expected, theirs(x, training=False))
    number(ours, 2).save_weights(tmp_path / "ours.weights.h5")
    theirs.load_weights(tmp_path / "ours.weights.h5")
    assert_same(group, ours(x, training=False), theirs(x, training=False))
