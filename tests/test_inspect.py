"""What is told of a file without building what it holds."""

import hashlib
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import lapis
from lapis import layers
from lapis.cli import main
from lapis.saving import inspect, inspection
from tests.test_provenance import changed


class Own(layers.Layer):
    def call(self, x):
        return x


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The same model in every format."""
    lapis.backend.clear_session()
    inner = lapis.Sequential([lapis.Input((4,)), layers.Dense(3, name="hidden")], name="inner")
    x = lapis.Input((4,))
    model = lapis.Model(x, layers.Dense(2, name="out")(layers.Dropout(0.5)(Own()(inner(x)))), name="m")
    model.compile("adam", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 2)), epochs=2, verbose=0)
    path = tmp_path_factory.mktemp("inspect")
    for name in ("m.keras", "m.h5"):
        model.save(path / name)
    for name in ("m.weights.h5", "m.weights.json", "m.safetensors", "m.npz"):
        model.save_weights(path / name)
    return path


@pytest.fixture(autouse=True)
def _nothing_is_built(monkeypatch, folder):
    def refuse(*_, **__):
        raise AssertionError("a layer was built")

    monkeypatch.setattr(layers.Layer, "__init__", refuse)


NOT_FINITE = {  # where each format keeps the bias of the outer layer
    "m.keras": "layers/dense/vars/1",
    "m.weights.h5": "layers/dense/vars/1",
    "m.weights.json": "layers/dense/vars/1",
    "m.h5": "out/m/out/bias",
    "m.safetensors": "layers/out/bias",
    "m.npz": "layers/out/bias",
}


@pytest.mark.parametrize("name", NOT_FINITE)
def test_values_that_are_not_finite_are_told_with_their_place(name, tmp_path, monkeypatch):
    monkeypatch.undo()  # here a model is built
    model = lapis.Sequential([lapis.Input((3,)), layers.Dense(2, name="out")], name="m")
    model.set_weights([np.zeros((3, 2)), np.array([np.inf, 1.0])])
    model.save(tmp_path / name) if name in ("m.keras", "m.h5") else model.save_weights(tmp_path / name)
    place = NOT_FINITE[name].replace("/vars", "") if "vars" in NOT_FINITE[name] else NOT_FINITE[name]
    found = [text for text in inspect(tmp_path / name).warnings if "finite" in text]
    assert found == [f"{place} holds 1 values of 2 that are not finite."]


def test_values_that_the_file_does_not_account_for_are_passed_over(folder, monkeypatch):
    monkeypatch.setattr(inspection, "_FLOOR_BYTES", 0)
    monkeypatch.setattr(inspection, "_MOST_VALUES", 0)
    warnings = inspect(folder / "m.weights.h5").warnings
    assert len(warnings) == 1 and "Not looked into" in warnings[0] and "layers/dense/0" in warnings[0]


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.weights.h5", "m.weights.json", "m.safetensors", "m.npz"])
def test_every_format(folder, name):
    report = inspect(folder / name)
    assert report.parameters == 15 + 8
    assert report.sha256 == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert report.size >= (folder / name).stat().st_size
    assert {(4, 3), (3,), (3, 2), (2,)} <= {header.shape for header in report.arrays.values()}
    assert name in str(report) and "23 in" in str(report)
    if name in ("m.keras", "m.h5"):
        assert report.model == "Functional 'm'"
        told = [(one.name, one.class_name, one.depth) for one in report.layers]
        assert ("inner", "Sequential", 0) in told and ("hidden", "Dense", 1) in told and ("own", "Own", 0) in told
        assert {one.name: one.parameters for one in report.layers}["out"] == 8
        assert report.versions["keras"].startswith("3.")


def test_archives(folder):
    report = inspect(folder / "m.keras")
    assert report.versions.keys() == {"keras", "lapis", "jax"}
    assert list(report.provenance["history"]) == ["loss"] and "date_saved" in report.provenance
    assert [one.intact for one in report.members] == [True, True, True, None]
    text = str(report)
    assert "after 2 epochs" in text and "compiled      Adam" in text and "hidden" in text
    assert len(report.warnings) == 1 and "custom_objects or the registry: " in report.warnings[0]


def test_what_was_changed(folder, tmp_path, capsys):
    def change(members):
        members["metadata.json"] = members["metadata.json"].replace(b"3.", b"4.", 1)
        members["assets/more"] = b"more"

    bad = changed(folder / "m.keras", tmp_path / "bad.keras", change)
    report = inspect(bad)
    assert {one.name: one.intact for one in report.members}["metadata.json"] is False
    assert "metadata.json is not what was written" in " ".join(report.warnings)
    assert "assets/more was not there when the file was written." in report.warnings
    assert main(["inspect", str(bad)]) == 1
    assert "CHANGED" in capsys.readouterr().out
    less = changed(folder / "m.keras", tmp_path / "less.keras", lambda members: members.pop("metadata.json"))
    assert "metadata.json is missing." in inspect(less).warnings


def test_what_is_worth_a_look(folder, tmp_path):
    def change(members):
        del members["lapis.json"]
        config = json.loads(members["config.json"])
        function = {"class_name": "__lambda__", "config": {"code": "4wEA"}}
        config["config"]["layers"].append({"class_name": "Lambda", "config": {"name": "\x1b[2J", "function": function}})
        members["config.json"] = json.dumps(config).encode()

    report = inspect(changed(folder / "m.keras", tmp_path / "odd.keras", change))
    assert any("Lambda" in text and "never run" in text for text in report.warnings)
    assert any("does not tell its members' SHA-256" in text for text in report.warnings)
    assert "\x1b" not in str(report)


@pytest.mark.parametrize("config", [b"{}", b'{"config": 3}', b'{"config": {"layers": 3}}', b'{"config": [1, {}, []]}'])
def test_configs_of_any_form(folder, tmp_path, config):
    odd = changed(folder / "m.keras", tmp_path / "odd.keras", lambda members: members.update({"config.json": config}))
    assert str(inspect(odd))


def test_what_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        inspect(tmp_path / "none.keras")
    (tmp_path / "a.txt").touch()
    with pytest.raises(ValueError, match=r"end in \.keras"):
        inspect(tmp_path / "a.txt")
    for name in ("a.keras", "a.h5", "a.weights.h5", "a.weights.json", "a.safetensors", "a.npz"):
        (tmp_path / name).write_bytes(b"neither of them")
        with pytest.raises(ValueError, match=name):
            inspect(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "out.keras", "w") as members:
        members.writestr("../config.json", "{}")
    with pytest.raises(ValueError, match="no plain name"):
        inspect(tmp_path / "out.keras")


def test_limits(folder):
    with pytest.raises(ValueError, match="at most 10 are read"):
        inspect(folder / "m.keras", limits=lapis.saving.Limits(config_bytes=10))


def test_the_command(folder, tmp_path, capsys):
    assert main(["inspect", str(folder / "m.keras")]) == 0
    assert capsys.readouterr().out == f"{inspect(folder / 'm.keras')}\n"
    for name, words in (("none.keras", "There is no file"), ("m.txt", "end in")):
        (tmp_path / "m.txt").touch()
        with pytest.raises(SystemExit) as stop:
            main(["inspect", str(tmp_path / name)])
        assert stop.value.code == 2 and words in capsys.readouterr().err


def test_the_command_in_a_process(folder):
    command = [sys.executable, "-m", "lapis.cli", "inspect", str(folder / "m.npz")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "layers/out/kernel" in done.stdout
