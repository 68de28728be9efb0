"""Looking into files of weights and changing them without a model."""

import pathlib
from typing import Any

import h5py
import keras
import numpy as np
import pytest

import lapis
from lapis.saving import KerasFileEditor

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras's own, with NumPy 2


@pytest.fixture(autouse=True)
def _printed_to_the_log() -> Any:
    lapis.config.disable_interactive_logging()
    yield
    lapis.config.enable_interactive_logging()


def _model(k: Any, deeper: bool = False) -> Any:
    inputs = k.Input((2,))
    x = k.layers.Dense(3, name="first")(inputs)
    if deeper:
        x = k.layers.Dense(3, name="second")(x)
    return k.Model(inputs, k.layers.Dense(3, name="last")(x))


@pytest.fixture(params=["model.keras", "model.weights.h5"])
def path(request: Any, tmp_path: pathlib.Path) -> str:
    """A file that Keras wrote."""
    path, model = str(tmp_path / request.param), _model(keras)
    model.save(path) if path.endswith(".keras") else model.save_weights(path)
    return path


def test_editing_a_file_until_it_fits(path: str, tmp_path: pathlib.Path) -> None:
    editor = KerasFileEditor(path)
    target = _model(lapis, deeper=True)
    assert editor.compare(_model(lapis)) == {"status": "success", "error_count": 0, "match_count": 4}
    assert editor.compare(target)["error_count"] == 1  # the third layer
    editor.add_object("layers/new", {"0": np.full((3, 3), 2.0, "float32")})
    assert editor.compare(target)["error_count"] == 2
    editor.rename_object("new", "dense_2")
    editor.add_weights("layers/dense_2", {"1": np.zeros(7, "float32")})
    assert editor.compare(target) == {"status": "error", "error_count": 1, "match_count": 5}
    editor.delete_weight("dense_2", "1")
    editor.add_weights("dense_2", {"1": np.full(3, 4.0, "float32")})
    editor.add_object("layers/more", {"0": np.zeros(1)})
    editor.delete_object("more")
    assert editor.compare(target) == {"status": "success", "error_count": 0, "match_count": 6}
    saved = str(tmp_path / "edited.weights.h5")
    editor.resave_weights(saved)
    for k in (lapis, keras):
        model = _model(k, deeper=True)
        # The file's "last" stands where the model has "second"; Keras does not mind.
        rename = {"layers/dense_1": "second", "layers/dense_2": "last"} if k is lapis else None
        model.load_weights(saved, **({"rename": rename} if rename else {}))
        layer = model.layers[3]
        assert [float(np.asarray(w).max()) for w in layer.get_weights()] == [2.0, 4.0]
    again = KerasFileEditor(saved)
    assert again.object_metadata["layers/dense"] == {"name": "first"}
    assert again.weights_dict.keys() == editor.weights_dict.keys()


def test_what_is_shown(path: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "lapis")
    editor = KerasFileEditor(path)
    editor.summary()
    text = caplog.text
    assert f"Keras model file '{path}'" in text
    assert "├─ dense ('first')" in text and "0: shape=(2, 3), dtype=float32" in text
    if path.endswith(".keras"):
        assert "Saved with Keras 3." in text
        assert editor.config is not None and editor.config["class_name"] == "Functional"
    else:
        assert editor.config is editor.metadata is None


def test_objects_with_weights_and_objects_inside_keep_both(tmp_path: pathlib.Path) -> None:
    model = _model(lapis)
    model.compile("adam", "mse")
    model.fit(np.ones((2, 2)), np.ones((2, 3)), verbose=0)
    path = str(tmp_path / "m.weights.h5")
    model.save_weights(path)
    editor = KerasFileEditor(path)
    assert editor.compare(model)["status"] == "success"
    assert len(editor.weights_dict["optimizer"]) == len(model.optimizer.variables)
    with h5py.File(path, "a") as file:
        file.create_group("layers/dense/inner/vars")["0"] = np.zeros(2)
    assert list(KerasFileEditor(path).weights_dict["layers"]["dense"]) == ["inner", "0", "1"]


def test_what_is_refused(path: str, tmp_path: pathlib.Path) -> None:
    editor = KerasFileEditor(path)
    for change, text in (
        (lambda: editor.delete_object("dense_9"), "no object 'dense_9'"),
        (lambda: editor.delete_weight("dense", "7"), r"has no weight '7'; it has \['0', '1'\]"),
        (lambda: editor.rename_object("dense", "a/b"), "expected a name, not a path"),
        (lambda: editor.rename_object("dense", "dense_1"), "There is an object 'dense_1' beside"),
        (lambda: editor.add_object("nowhere/x", {}), "no object 'nowhere' to put 'x' into"),
        (lambda: editor.add_weights("dense", [1]), r"weights must be a dict of arrays .* got \[1\]"),
        (lambda: editor.save("x.keras"), "ends in '.weights.h5'"),
        (lambda: KerasFileEditor("x.h5"), "ends in '.keras' or '.weights.h5'"),
    ):
        with pytest.raises(ValueError, match=text):
            change()
    editor.add_object("dense_1", {"0": np.zeros(1)})
    with pytest.raises(ValueError, match=r"Several objects are named 'dense_1': .*Give a path"):
        editor.delete_object("dense_1")
    with pytest.raises(FileNotFoundError, match="There is no file"):
        KerasFileEditor(tmp_path / "none.weights.h5")


def test_files_that_lead_elsewhere_or_claim_too_much(tmp_path: pathlib.Path) -> None:
    def refused(text: str) -> None:
        with pytest.raises(ValueError, match=text):
            KerasFileEditor(path)
        path.unlink()

    path = tmp_path / "evil.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers"] = h5py.ExternalLink("/etc/passwd", "/")
    refused("ExternalLink to another place")
    with h5py.File(path, "w") as file:
        file.create_group("a")
        file["a/loop"] = file["a"]
    refused("without end")
    with h5py.File(path, "w") as file:
        file.create_dataset("a/vars/0", shape=(1 << 40,), dtype="float32", chunks=(1 << 20,))
    refused("claims .* bytes")
    with h5py.File(path, "w") as file:
        for index in range(4):
            file.create_dataset(f"a/vars/{index}", data=np.zeros(5 << 20, "float32"), compression=9)
    refused("arrays of .* claim")
