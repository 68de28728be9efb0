"""Files of models that call every operation of the table go both ways between Lapis and real Keras."""

from typing import Any

import numpy as np
import pytest

import lapis
from lapis.core import nest
from tests.oracle import keras
from tests.rows.ops import ROWS, OpRow, find

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras's own, with NumPy 2
    pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning"),  # Keras's own, as JAX tells
    pytest.mark.usefixtures("quick_compilation"),
]
GROUPS = 8
NO_PLACE = "trapezoid-float32[4, 6]-x=float32[6]"  # neither library has a place for an array among the settings


def by_keras_too(row: OpRow) -> bool:
    """Whether Keras can compute what it has read from a file, and computes in a graph what it computes outside."""
    if row.name == "rot90" or (row.name in ("norm", "log_softmax", "quantile") and row.kwargs.get("axis", -1) != -1):
        return False  # its lists of axes cannot be hashed
    if row.name == "quantile":
        return "method" not in row.kwargs  # it forgets the method
    return row.name != "size"  # a plain number, which its graphs cannot hold


SYMBOLIC = [row for row in ROWS if row.symbolic and str(row) != NO_PLACE and any(map(np.ndim, nest.flatten(row.args)))]
BOTH = [row for row in SYMBOLIC if by_keras_too(row)]
OTHERS = [row for row in SYMBOLIC if not by_keras_too(row)]


def model_of(group: list[OpRow], k: Any) -> tuple[Any, list[np.ndarray]]:
    """A model that calls each row's operation on inputs of its own, and what it is called with."""
    inputs, arrays, outputs = [], [], {}

    def symbolic(leaf: Any) -> Any:
        if not (isinstance(leaf, np.ndarray) and leaf.ndim):
            return leaf
        arrays.append(leaf)
        inputs.append(k.Input(batch_shape=leaf.shape, dtype=str(leaf.dtype)))
        return inputs[-1]

    for row in group:
        args, kwargs = nest.map_structure(symbolic, [list(row.args), row.kwargs])
        outputs[str(row)] = find(k.ops, row.name)(*args, **kwargs)
    return k.Model(inputs, outputs, name="side_by_side"), arrays


def assert_same(group: list[OpRow], expected: dict, found: dict) -> None:
    for row in group:
        for one, other in zip(nest.flatten(found[str(row)]), nest.flatten(expected[str(row)]), strict=True):
            assert one.dtype == other.dtype, row
            tolerance = max(row.tolerance, 1e-5)
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=tolerance, err_msg=str(row))


# Keras names every `ExtractPatches` "None", so two of them cannot be in one file: neighbors go into different groups.
@pytest.mark.parametrize("first", [0, *[pytest.param(first, marks=pytest.mark.slow) for first in range(1, GROUPS)]])
def test_operations_both_ways(tmp_path, first):
    group = BOTH[first::GROUPS]
    theirs, x = model_of(group, keras)
    expected = theirs(x)
    theirs.save(tmp_path / "theirs.keras")
    assert_same(group, expected, lapis.saving.load_model(tmp_path / "theirs.keras")(x))
    ours, x = model_of(group, lapis)
    assert_same(group, expected, ours(x))
    ours.save(tmp_path / "ours.keras")
    assert_same(group, expected, keras.saving.load_model(tmp_path / "ours.keras")(x))


def test_operations_that_keras_cannot_read_back(tmp_path):
    ours, x = model_of(OTHERS, lapis)
    ours.save(tmp_path / "ours.keras")
    assert_same(OTHERS, ours(x), lapis.saving.load_model(tmp_path / "ours.keras")(x))
    group = [row for row in OTHERS if "method" not in row.kwargs and row.name != "size"]
    theirs, x = model_of(group, keras)
    theirs.save(tmp_path / "theirs.keras")
    expected = {str(row): find(keras.ops, row.name)(*row.args, **row.kwargs) for row in group}
    assert_same(group, expected, lapis.saving.load_model(tmp_path / "theirs.keras")(x))
    with pytest.raises(Exception, match="unhashable"):  # if Keras mends it, these rows belong to the others
        keras.saving.load_model(tmp_path / "theirs.keras")(x)


def test_tensor_among_the_settings_of_an_operation(tmp_path):
    (row,) = [row for row in ROWS if str(row) == NO_PLACE]
    model, _ = model_of([row], lapis)
    with pytest.raises(ValueError, match="'x' that is a tensor"):
        model.save(tmp_path / "ours.keras")
