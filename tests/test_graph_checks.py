"""Checks about the graph and the settings: every mistake is named, and what is right is left in peace."""

import warnings

import numpy as np
import pytest

import lapis
from lapis import layers, ops
from lapis.core.findings import CheckWarning
from lapis.graph import get_mask
from lapis.training.checks import findings, value_findings
from tests.rows.graph_mistakes import MISTAKES, Mistake
from tests.rows.right_graphs import RIGHT, Right


@pytest.mark.parametrize("row", MISTAKES, ids=lambda row: row.label)
def test_a_mistake_is_named(row: Mistake) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CheckWarning)  # of lost masks, told as the graph is made
        subject = row.make()
    found = findings(subject) + value_findings(subject)
    assert [(one.code, one.path) for one in found] == [(row.code, row.path)], "\n".join(map(str, found))
    assert all(one.source is None or "graph_mistakes.py:" in one.source for one in found)


@pytest.mark.parametrize("row", RIGHT, ids=lambda row: row.label)
def test_nothing_is_found_where_all_is_right(row: Right) -> None:
    subject = row.make()
    assert findings(subject) + value_findings(subject) == []


# What operations do with `x`, whose mask is `_STEPS`, and `y`, which has none: the mask that goes on, or `None`.
_IDS = np.array([[3, 1, 0, 2, 0], [4, 0, 0, 0, 0]])
_STEPS = _IDS != 0
_FULL = np.ones((2, 5), bool)
CARRIED = {
    "a number added": (lambda x, y: x + 1.0, _STEPS),
    "added to a number": (lambda x, y: 2 - x, _STEPS),
    "a row of features added": (lambda x, y: x + np.ones(8, "float32"), _STEPS),
    "positions added": (lambda x, y: np.ones((5, 8), "float32") + x, _STEPS),
    "a tensor multiplied": (lambda x, y: x * y, _STEPS),
    "two masks": (lambda x, y: x + x[:, ::-1], _STEPS | _STEPS[:, ::-1]),
    "a function": (lambda x, y: ops.relu(-x), _STEPS),
    "a softmax": (lambda x, y: ops.softmax(x), _STEPS),
    "a cast": (lambda x, y: ops.cast(x, "float16"), _STEPS),
    "a choice": (lambda x, y: ops.where(x > 0, x, 0.0), _STEPS),
    "later steps": (lambda x, y: x[:, 1:], _STEPS[:, 1:]),
    "every other step": (lambda x, y: x[:, ::2, :3], _STEPS[:, ::2]),
    "some features": (lambda x, y: x[..., :3], _STEPS),
    "one feature": (lambda x, y: x[:, :, 0], None),
    "an axis in front of time": (lambda x, y: x[:, None], _STEPS[:, None]),
    "an axis at the end": (lambda x, y: x[..., None], None),
    "an axis between": (lambda x, y: ops.expand_dims(x, 1), _STEPS[:, None]),
    "an axis of features taken away": (lambda x, y: ops.squeeze(x[:, :, :1], -1), None),
    "an axis taken away again": (lambda x, y: ops.squeeze(x[:, None], 1), None),
    "another axis at the end": (lambda x, y: ops.expand_dims(x, -1), None),
    "time turned round": (lambda x, y: ops.flip(x, axis=1), _STEPS[:, ::-1]),
    "features turned round": (lambda x, y: ops.flip(x, axis=-1), _STEPS),
    "features joined": (lambda x, y: ops.concatenate([x, y], axis=-1), _STEPS),
    "steps joined": (lambda x, y: ops.concatenate([x, x[:, :2]], axis=1), np.concatenate([_STEPS, _STEPS[:, :2]], 1)),
    "unmasked steps joined": (lambda x, y: ops.concatenate([y, x], axis=1), np.concatenate([_FULL, _STEPS], 1)),
    "a product with weights": (lambda x, y: x @ np.ones((8, 3), "float32"), _STEPS),
    "scores of steps": (lambda x, y: x @ ops.transpose(y, (0, 2, 1)), None),
    "a mean of features": (lambda x, y: ops.mean(x, axis=-1, keepdims=True), _STEPS),
    "a mean without features": (lambda x, y: ops.mean(x, axis=-1), None),
    "one step": (lambda x, y: x[:, 0], None),
    "a mean of steps": (lambda x, y: ops.mean(x, axis=1), None),
    "a mean of all": (lambda x, y: ops.mean(x), None),
    "a transposition": (lambda x, y: ops.transpose(x, (0, 2, 1)), None),
    "a reshape": (lambda x, y: ops.reshape(x, (-1, 40)), None),
    "steps picked": (lambda x, y: x[:, np.array([0, 2])], None),
    "a comparison": (lambda x, y: x > 0, None),
    "broadcast over a masked axis": (lambda x, y: x[:, :1] + y, None),
}


@pytest.mark.parametrize("case", CARRIED)
def test_operations_carry_masks(case: str) -> None:
    function, expected = CARRIED[case]
    i = lapis.Input((5,), dtype="int32")
    x = function(layers.Embedding(10, 8, mask_zero=True)(i), layers.Embedding(10, 8)(i))
    inferred, found = get_mask(x), get_mask(lapis.Model(i, x)(_IDS))
    if expected is None:
        assert inferred is None and found is None
        return
    assert inferred.shape == (None, *expected.shape[1:])
    np.testing.assert_array_equal(found, expected)


def test_padding_changes_nothing_behind_operators() -> None:
    i = lapis.Input((None,), dtype="int32")
    x = layers.Embedding(10, 8, mask_zero=True)(i)
    model = lapis.Model(i, layers.LSTM(3)(ops.tanh(x * 2.0 + 1.0)[:, 1:]))
    short = _IDS[:, :2]
    padded = np.pad(short, ((0, 0), (0, 3)))
    np.testing.assert_allclose(model(padded), model(short), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.predict(padded, verbose=0), model.predict(short, verbose=0), rtol=1e-5, atol=1e-6)


def test_a_softmax_layer_hands_a_mask_of_steps_on() -> None:
    i = lapis.Input((5,), dtype="int32")
    x = layers.Embedding(10, 5, mask_zero=True)(i)
    scores, probabilities = lapis.Model(i, [x, layers.Softmax()(x * 2.0)])(_IDS)
    np.testing.assert_allclose(probabilities, ops.softmax(scores * 2.0), rtol=1e-5)
    np.testing.assert_array_equal(get_mask(probabilities), _STEPS)


def test_a_mask_that_an_operation_drops_is_told_as_the_graph_is_made() -> None:
    i = lapis.Input((5,), dtype="int32")
    x = layers.Embedding(10, 8, mask_zero=True)(i)
    x = layers.LSTM(3, name="reader")(ops.roll(x, 1, axis=1))
    with pytest.warns(CheckWarning, match=r"\[mask-lost\] roll .*test_graph_checks.*the layer 'reader'"):
        lapis.Model(i, x)


def test_a_mask_that_a_layer_drops_is_told_as_the_layer_is_called() -> None:
    i = lapis.Input((5,), dtype="int32")
    x = layers.Embedding(10, 8, mask_zero=True)(i)
    with pytest.warns(CheckWarning, match=r"\[mask-lost\] conv .*test_graph_checks.*Conv1D was given a masked input"):
        y = layers.Conv1D(4, 3, name="conv")(x)
    model = lapis.Model(i, layers.GlobalAveragePooling1D()(y))
    model.compile("sgd", "mse")
    model.fit(_IDS, np.zeros((2, 4)), verbose=0)  # and not told again: warnings are errors here
    assert model.predict(_IDS, verbose=0).shape == model(_IDS).shape == (2, 4)


def test_a_layer_that_takes_the_mask_uses_it_up() -> None:
    class Total(layers.Layer):
        def call(self, x, mask=None):
            return ops.sum(x * ops.cast(mask, x.dtype)[..., None], axis=1)

    i = lapis.Input((5,), dtype="int32")
    x = Total()(layers.Embedding(10, 8, "ones", mask_zero=True)(i))
    np.testing.assert_array_equal(lapis.Model(i, x)(_IDS)[:, 0], _STEPS.sum(1))
