"""Stacks of layers: built at once or late, their names and paths, their configs."""

import json

import pytest

import lapis
from lapis import layers
from tests.descriptors import f32
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")


def test_sequential_lazy_and_eager() -> None:
    keras.backend.clear_session()
    make = lambda k: k.Sequential([k.layers.Dense(3, name="x"), k.layers.ReLU(name="r"), k.layers.Dense(2, name="y")])  # noqa: E731
    ours, theirs = make(lapis), make(keras)
    with pytest.raises(AttributeError, match="has no inputs or outputs yet"):
        _ = ours.output_shape
    assert not ours.built and ours.weights == []
    data = f32(2, 5)
    theirs(data)
    ours(data)
    assert [w.path for w in ours.weights] == [w.path for w in theirs.weights]
    assert ours.output_shape == (2, 2) or ours.output_shape == (None, 2)
    ours.add(layers.Dense(1))
    assert ours(data).shape == (2, 1)
    ours.pop()
    assert ours(data).shape == (2, 2)
    with pytest.raises(ValueError, match="already has a layer named"):
        ours.add(ours.layers[0])


def _stacks(k):
    """Stacks whose inputs are known at different times, and the names of the models made after them."""
    eager = k.Sequential([k.Input((3,)), k.layers.Dense(2)], name="eager")
    lazy = k.Sequential([k.layers.Dense(2), k.layers.Dense(2)], name="lazy")
    lazy.build((None, 3))
    inner = k.Sequential([k.Input((3,)), k.layers.Dense(3)], name="inner")
    outer = k.Sequential([k.Input((3,)), inner, k.Sequential([k.layers.Dense(3)], name="late"), k.layers.Dense(2)])
    grown = k.Sequential(name="grown")
    for layer in (k.Input((3,)), k.layers.Dense(2), k.layers.Dense(1)):
        grown.add(layer)
    x = k.Input((3,))
    return [eager, lazy, outer, grown, k.Model(x, eager(x)), k.Model(x, grown(x))]


def test_names_and_paths_of_stacks_are_keras_s(tmp_path) -> None:
    ours, theirs = _stacks(lapis), _stacks(keras)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.name == other.name
        assert [v.path for v in mine.variables] == [v.path for v in other.variables]
        mine.save(tmp_path / "m.keras")
        loaded = lapis.models.load_model(tmp_path / "m.keras")
        assert [v.path for v in loaded.variables] == [v.path for v in mine.variables]


def test_sequential_config_both_ways() -> None:
    model = lapis.Sequential([lapis.Input((4,)), layers.Dense(3, activation="tanh"), layers.Dropout(0.5)], name="s")
    for reader in (lapis, keras):
        again = reader.Sequential.from_config(json.loads(json.dumps(model.get_config())))
        assert again.output_shape == (None, 3)
    assert lapis.Sequential.from_config(model.get_config()).get_config() == model.get_config()
