"""What a `.keras` file tells of itself, beside the model."""

import hashlib
import json
import math
import os
import subprocess
import zipfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import lapis
from lapis import layers
from lapis.saving.provenance import git_revision

ONES = np.ones((4, 3), "float32")
COMMIT, OTHER = "0123456789abcdef0123456789abcdef01234567", "f" * 40


class Words(layers.Layer):
    """A layer with a file of its own in the archive."""

    def call(self, x):
        return x

    def save_assets(self, folder):
        with open(os.path.join(folder, "words.txt"), "w") as file:
            file.write("one two")

    def load_assets(self, folder):
        with open(os.path.join(folder, "words.txt")) as file:
            assert file.read() == "one two"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    lapis.utils.set_random_seed(5)
    model = lapis.Sequential([lapis.Input((3,)), layers.Dense(2), Words()])
    model.compile("sgd", "mse")
    model.fit(ONES, ONES[:, :2], epochs=2, verbose=0)
    path = tmp_path_factory.mktemp("saved") / "m.keras"
    model.save(path)
    return path, model


def provenance(path):
    with zipfile.ZipFile(path) as members:
        return json.loads(members.read("lapis.json"))


def changed(source, target, change):
    """The archive after `change(members)`, a dict of bytes by name."""
    with zipfile.ZipFile(source) as old:
        members = {name: old.read(name) for name in old.namelist()}
    change(members)
    with zipfile.ZipFile(target, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)
    return target


def load(path):
    return lapis.saving.load_model(path, custom_objects={"Words": Words})


def test_what_is_told(saved):
    path, model = saved
    told = provenance(path)
    with zipfile.ZipFile(path) as members:
        contents = {name: members.read(name) for name in members.namelist() if name != "lapis.json"}
    assert told["sha256"] == {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    assert "assets/layers/words/words.txt" in told["sha256"]
    assert told["lapis_version"] == lapis.__version__ and told["jax_version"] == version("jax")
    assert told["seed"] == 5
    assert told["history"] == model.history.history


def test_numbers_that_json_lacks(tmp_path):
    model = lapis.Sequential([lapis.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse")
    model.fit(ONES, np.full((4, 2), math.inf), verbose=0)
    model.save(tmp_path / "m.keras")
    assert provenance(tmp_path / "m.keras")["history"] == {"loss": ["inf"]}


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5", "assets/layers/words/words.txt"])
def test_changed_members_are_named(saved, tmp_path, name):
    path, model = saved

    def change(members):
        members[name] = members[name][:-1] + bytes([members[name][-1] ^ 1])

    bad = changed(path, tmp_path / "bad.keras", change)
    with pytest.raises(ValueError, match=rf"{name} is not what was written: its SHA-256 is \w{{64}}, lapis.json says"):
        load(bad)
    before = model.get_weights()
    if name != "metadata.json":
        with pytest.raises(ValueError, match=name):
            model.load_weights(bad)
        np.testing.assert_array_equal(before[0], model.get_weights()[0])


def test_added_and_lost_members_are_named(saved, tmp_path):
    path, _ = saved
    more = changed(path, tmp_path / "more.keras", lambda members: members.update({"assets/x": b"hello"}))
    with pytest.raises(ValueError, match="'assets/x' is without a hash"):
        load(more)
    less = changed(path, tmp_path / "less.keras", lambda members: members.pop("metadata.json"))
    with pytest.raises(ValueError, match=r"'metadata\.json' is missing"):
        load(less)


@pytest.mark.parametrize("text", [b"{}", b'{"sha256": [1]}', b'{"sha256": {"config.json": 3}}', b"[", b"[]"])
def test_hashes_that_are_none(saved, tmp_path, text):
    path, _ = saved
    bad = changed(path, tmp_path / "bad.keras", lambda members: members.update({"lapis.json": text}))
    with pytest.raises(ValueError, match=r"lapis\.json"):
        load(bad)


def test_files_without_hashes_load(saved, tmp_path):
    path, model = saved
    plain = changed(path, tmp_path / "plain.keras", lambda members: members.pop("lapis.json"))
    np.testing.assert_array_equal(load(plain)(ONES), model(ONES))
    np.testing.assert_array_equal(load(path)(ONES), model(ONES))
    np.testing.assert_array_equal(lapis.saving.unpack(*lapis.saving.pack(model))(ONES), model(ONES))


def test_keras_passes_over_it(tmp_path):
    keras = pytest.importorskip("keras")
    model = lapis.Sequential([lapis.Input((3,)), layers.Dense(2)])
    model.save(tmp_path / "m.keras")
    theirs = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(theirs.predict(ONES, verbose=0), model(ONES), rtol=1e-6)


def repository(tmp_path, head, **files):
    for name, content in {"HEAD": head, **files}.items():
        file = tmp_path / ".git" / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return tmp_path


@pytest.mark.parametrize(
    ("head", "files", "expected"),
    [
        (f"{COMMIT}\n", {}, COMMIT),
        ("ref: refs/heads/main\n", {"refs__heads__main": f"{COMMIT}\n"}, COMMIT),
        (
            "ref: refs/heads/main\n",
            {"packed-refs": f"#\n{OTHER} refs/heads/x\n{COMMIT} refs/heads/main\n"},
            COMMIT,
        ),
        ("ref: refs/heads/new\n", {}, None),
        ("ref: refs/../../secret\n", {}, None),
        ("ref: refs/heads/main\n", {"refs__heads__main": "no hash"}, None),
        ("\x00\x01", {}, None),
    ],
)
def test_revision(tmp_path, head, files, expected):
    folder = repository(tmp_path, head, **files) / "a" / "b"
    folder.mkdir(parents=True)
    assert git_revision(folder) == expected


def test_revision_of_a_worktree(tmp_path):
    repository(tmp_path / "main", "ref: refs/heads/main\n", refs__heads__side=COMMIT, refs__heads__main=OTHER)
    own = tmp_path / "main" / ".git" / "worktrees" / "side"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/side\n")
    (own / "commondir").write_text("../..\n")
    (tmp_path / "side").mkdir()
    (tmp_path / "side" / ".git").write_text(f"gitdir: {own}\n")
    assert git_revision(tmp_path / "side") == COMMIT


def test_revision_agrees_with_git(tmp_path):
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True, cwd=".").stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the tests do not run in a repository")
    assert git_revision(Path.cwd()) == found.strip()
    assert git_revision(tmp_path) is None or tmp_path.is_relative_to(Path.cwd())
