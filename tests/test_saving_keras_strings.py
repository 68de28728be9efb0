"""A model of layers with vocabularies, which Keras has on TensorFlow alone: `tests/fixtures/keras3/make.py` wrote it.

That Keras reads our file of it with the same outputs is found out by the same script.
"""

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import lapis

ARCHIVE = Path(__file__).parent / "fixtures" / "keras3" / "strings.zip"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files, unpacked."""
    folder = tmp_path_factory.mktemp("keras3")
    with zipfile.ZipFile(ARCHIVE) as file:
        file.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def example(folder):
    """Inputs, and the outputs that Keras got."""
    with np.load(folder / "strings.npz") as file:
        return [[file[f"{kind}{i}"] for i in range(len(file)) if f"{kind}{i}" in file] for kind in "xy"]


def assert_outputs(model, example):
    inputs, expected = example
    for one, other in zip(model(inputs), expected, strict=True):
        np.testing.assert_allclose(np.asarray(one), other, rtol=1e-6, atol=1e-6)


def test_outputs(folder, example):
    assert_outputs(lapis.saving.load_model(folder / "strings.keras"), example)


def unmarked(config):
    """Without Keras's marks of shared objects, which are addresses."""
    if isinstance(config, dict):
        return {key: unmarked(value) for key, value in config.items() if key != "shared_object_id"}
    return [unmarked(value) for value in config] if isinstance(config, list) else config


def parts_of(path):
    """A file's members, the config of the layers in it, and its weights."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist() if name.startswith("assets/")}
        layers = json.loads(file.read("config.json"))["config"]["layers"]
        with file.open("model.weights.h5") as weights, h5py.File(weights) as arrays:
            found = {}
            arrays.visititems(lambda name, x: found.update({name: x[()]}) if isinstance(x, h5py.Dataset) else None)
    return members, {layer["name"]: (layer["class_name"], unmarked(layer["config"])) for layer in layers}, found


def test_our_file_holds_the_same(folder, example, tmp_path):
    model = lapis.saving.load_model(folder / "strings.keras")
    model.save(tmp_path / "m.keras")
    theirs, ours = parts_of(folder / "strings.keras"), parts_of(tmp_path / "m.keras")
    assert ours[0] == theirs[0]
    assert ours[1] == theirs[1]
    assert ours[2].keys() == theirs[2].keys()
    for name, values in theirs[2].items():
        np.testing.assert_array_equal(ours[2][name], values)
    assert_outputs(lapis.saving.load_model(tmp_path / "m.keras"), example)


def test_weights(folder, example):
    model = lapis.saving.load_model(folder / "strings.keras")
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape, weight.dtype))
    assert model.load_weights(folder / "strings.weights.h5").complete
    assert_outputs(model, example)
