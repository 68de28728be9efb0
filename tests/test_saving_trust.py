"""Files from strangers: what they ask for beyond their own data is refused, and nothing changes."""

import io
import json
import math
import os
import random
import sys
import zipfile

import h5py
import numpy as np
import pytest

import lapis
from lapis import layers
from lapis.saving import archive

pytestmark = pytest.mark.usefixtures("quick_compilation")


def small(units=2):
    return lapis.Sequential([lapis.Input((4,)), layers.Dense(3), layers.Dense(units)], name="small")


@pytest.fixture
def saved(tmp_path):
    small().save(tmp_path / "good.keras")
    return tmp_path / "good.keras"


def rewrite(source, target, **changes):
    """The archive with members replaced, left out (`None`) or added, and without the hashes of what it held before."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        members = {name: old.read(name) for name in old.namelist() if name != "lapis.json"}
        members.update({name.replace("__", "."): content for name, content in changes.items()})
        for name, content in members.items():
            if content is not None:
                new.writestr(name, content)
    return target


def with_config(source, target, change):
    with zipfile.ZipFile(source) as old:
        config = json.loads(old.read("config.json"))
    return rewrite(source, target, config__json=json.dumps(change(config) or config))


def weights_file(source):
    with zipfile.ZipFile(source) as old:
        return io.BytesIO(old.read("model.weights.h5"))


def with_weights(source, target, change):
    buffer = weights_file(source)
    with h5py.File(buffer, "a") as file:
        change(file)
    return rewrite(source, target, model__weights__h5=buffer.getvalue())


KERNEL = "layers/dense/vars/0"


# The archive


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a/../../up", "c:\\up", "a\\b", "nul\0byte"])
def test_names_that_lead_out_of_the_archive(saved, tmp_path, name):
    bad = rewrite(saved, tmp_path / "bad.keras")
    stand_in = "x" * len(name)  # Python's own writer would mend the name
    with zipfile.ZipFile(bad, "a") as file:
        file.writestr(stand_in, b"boo")
    bad.write_bytes(bad.read_bytes().replace(stand_in.encode(), name.encode()))
    with pytest.raises(ValueError, match="plain name"):
        lapis.saving.load_model(bad)
    assert sorted(os.listdir(tmp_path)) == ["bad.keras", "good.keras"]


def test_names_that_stand_twice(saved, tmp_path):
    rewrite(saved, tmp_path / "bad.keras")
    with zipfile.ZipFile(tmp_path / "bad.keras", "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("config.json", b"{}")
    with pytest.raises(ValueError, match="twice"):
        lapis.saving.load_model(tmp_path / "bad.keras")


def test_links_in_the_archive(saved, tmp_path):
    rewrite(saved, tmp_path / "bad.keras")
    with zipfile.ZipFile(tmp_path / "bad.keras", "a") as file:
        member = zipfile.ZipInfo("assets/link")
        member.external_attr = 0o120777 << 16
        file.writestr(member, "/etc/passwd")
    with pytest.raises(ValueError, match="link or a device"):
        lapis.saving.load_model(tmp_path / "bad.keras")


def test_packed_bombs(saved, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "_FLOOR_BYTES", 1 << 20)
    rewrite(saved, tmp_path / "bad.keras")
    with zipfile.ZipFile(tmp_path / "bad.keras", "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("assets/zeros", bytes(8 << 20))
    with pytest.raises(ValueError, match="claims 8,388,608 bytes packed into"):
        lapis.saving.load_model(tmp_path / "bad.keras")


def test_unknown_members(saved, tmp_path):
    lapis.saving.load_model(rewrite(saved, tmp_path / "more.keras", **{"assets/x": "hello"}))
    with pytest.raises(ValueError, match=r"'evil\.py', which is no part of a model"):
        lapis.saving.load_model(rewrite(saved, tmp_path / "bad.keras", evil__py="raise SystemExit"))
    assert sorted(os.listdir(tmp_path)) == ["bad.keras", "good.keras", "more.keras"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing", b"\x89HDF\r\n\x1a\n", os.urandom(1000)])
def test_what_is_no_archive(tmp_path, content):
    for name in ("a.keras", "a.h5"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=r"not a \.keras archive|not an HDF5 file"):
            lapis.saving.load_model(tmp_path / name)


def test_damaged_and_missing_members(saved, tmp_path):
    with pytest.raises(ValueError, match=r"no config\.json"):
        lapis.saving.load_model(rewrite(saved, tmp_path / "a.keras", config__json=None))
    with pytest.raises(ValueError, match=r"no model\.weights\.h5"):
        lapis.saving.load_model(rewrite(saved, tmp_path / "b.keras", model__weights__h5=None))
    with pytest.raises(ValueError, match="not an HDF5 file"):
        lapis.saving.load_model(rewrite(saved, tmp_path / "c.keras", model__weights__h5=b"numbers"))
    content = saved.read_bytes()
    place = content.index(b"HDF") + 3000
    (tmp_path / "d.keras").write_bytes(content[:place] + b"\xff" * 8 + content[place + 8 :])
    with pytest.raises(ValueError, match="damaged"):
        lapis.saving.load_model(tmp_path / "d.keras")


# The config


@pytest.mark.parametrize(
    "text",
    [b"[" * 100_000, b'{"a":' * 5000 + b"1" + b"}" * 5000, b"not json", b"\xff\xfe", b"[1, 2]", b'{"a": 1', b"3"],
    ids=["brackets", "deep", "words", "bytes", "list", "torn", "number"],
)
def test_texts_that_are_no_config(saved, tmp_path, text):
    with pytest.raises(ValueError, match=r"nested deeper|not valid JSON|not UTF-8|must be a JSON object|holds about"):
        lapis.saving.load_model(rewrite(saved, tmp_path / "bad.keras", config__json=text))


def test_limits_are_arguments(saved):
    model = small()
    for limits, says in (
        (lapis.saving.Limits(config_bytes=100), "at most 100 are read"),
        (lapis.saving.Limits(config_values=10), "at most 10 are read"),
        (lapis.saving.Limits(config_depth=3), "deeper than 3 levels"),
        (lapis.saving.Limits(members=2), "at most 2 are read"),
        (lapis.saving.Limits(memory=50), "would take 12 bytes, more than what is left of the 50"),
    ):
        with pytest.raises(ValueError, match=says):
            lapis.saving.load_model(saved, limits=limits)
    with pytest.raises(ValueError, match="at most 2 are read"):
        model.load_weights(saved, limits=lapis.saving.Limits(members=2))
    with pytest.raises(TypeError, match="limits must be"):
        lapis.saving.load_model(saved, limits=3)
    lapis.saving.load_model(saved, limits=lapis.saving.Limits(members=6, memory=1000))


def lambda_layer(function):
    return {
        "module": "keras.layers",
        "class_name": "Lambda",
        "registered_name": None,
        "config": {"name": "lambda", "trainable": True, "dtype": "float32", "function": function, "arguments": {}},
    }


CODE = {"class_name": "__lambda__", "config": {"value": ["4wEAAAAAAAAA", None, None]}}
CALLS = [
    {"module": "os", "class_name": "system", "config": {"command": "true"}, "registered_name": None},
    {"module": "builtins", "class_name": "eval", "config": {}, "registered_name": None},
    {"module": "keras.src.utils.file_utils", "class_name": "get_file", "config": {}, "registered_name": None},
    {"module": "subprocess", "class_name": "Popen", "config": {"args": ["true"]}, "registered_name": "Popen"},
    {"module": "keras.models", "class_name": "load_model", "config": {}, "registered_name": None},
    {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/tmp"}, "registered_name": None},
    {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {}, "registered_name": None},
    {"module": "a_module_that_tells", "class_name": "Thing", "config": {}, "registered_name": None},
    {"class_name": "__typespec__", "config": [], "spec_name": "x", "module": "os", "registered_name": None},
]
FUNCTIONS = [
    CODE,
    {"module": "builtins", "class_name": "function", "config": "exec", "registered_name": "function"},
    {"module": "os", "class_name": "function", "config": "system", "registered_name": "os.system"},
    {"module": "keras.src.utils", "class_name": "function", "config": "get_file", "registered_name": "get_file"},
]


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """A module on the path that leaves a mark when it is imported."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "a_module_that_tells.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path / "path")
    before = set(sys.modules)
    yield
    assert "a_module_that_tells" not in set(sys.modules) - before


@pytest.mark.parametrize("entry", CALLS, ids=lambda entry: f"{entry['module']}.{entry['class_name']}")
def test_classes_that_are_not_ours(saved, tmp_path, watched, entry):
    def change(config):
        config["config"]["layers"].append(entry)

    with pytest.raises(ValueError, match=r"not known here|no meaning here"):
        lapis.saving.load_model(with_config(saved, tmp_path / "bad.keras", change), safe_mode=False)
    with pytest.raises(ValueError, match=r"not known here|no meaning here"):
        lapis.saving.load_model(with_config(saved, tmp_path / "bad.keras", lambda config: entry))


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_functions_that_are_not_ours(saved, tmp_path, function):
    def add_lambda(config):
        config["config"]["layers"].append(lambda_layer(function))

    def change_activation(config):
        config["config"]["layers"][1]["config"]["activation"] = function

    def change_loss(config):
        config["compile_config"] = {"optimizer": "sgd", "loss": function}

    for change in (add_lambda, change_activation, change_loss):
        with pytest.raises(ValueError, match=r"never run|not known here"):
            lapis.saving.load_model(with_config(saved, tmp_path / "bad.keras", change), safe_mode=False)


def test_code_in_older_files(tmp_path):
    small().save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"].append(
            {"class_name": "Lambda", "config": {"name": "l", "function": ["4wEAAAAA", None, None], "module": "os"}}
        )
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(ValueError, match="never run"):
        lapis.saving.load_model(tmp_path / "a.h5", safe_mode=False)


def test_arrays_in_configs(saved, tmp_path):
    def change(config):
        value = {"class_name": "__numpy__", "config": {"value": ["a"], "dtype": "U1000000000"}}
        config["config"]["layers"][1]["config"]["kernel_initializer"] = value

    with pytest.raises(ValueError, match="dtype"):
        lapis.saving.load_model(with_config(saved, tmp_path / "bad.keras", change))


def test_weights_larger_than_the_file(saved, tmp_path):
    def change(config):
        config["config"]["layers"][1]["config"]["units"] = 10**12

    with pytest.raises(ValueError, match=r"dense.*/kernel.*would take 16,000,000,000,000 bytes"):
        lapis.saving.load_model(with_config(saved, tmp_path / "bad.keras", change))


@pytest.mark.parametrize(
    "config",
    [{}, {"class_name": 3, "config": {}}, {"class_name": "Zeros", "module": "keras.initializers", "config": {}}],
    ids=["empty", "number", "initializer"],
)
def test_configs_of_no_model(saved, tmp_path, config):
    with pytest.raises((ValueError, TypeError), match=r"no model|class_name"):
        lapis.saving.load_model(rewrite(saved, tmp_path / "bad.keras", config__json=json.dumps(config)))


# The weights


def external_link(file):
    del file[KERNEL]
    file[KERNEL] = h5py.ExternalLink("/etc/passwd", "/x")


def soft_link(file):
    del file[KERNEL]
    file[KERNEL] = h5py.SoftLink("/layers/dense_1/vars/0")


def link_to_group(file):
    del file["layers/dense"]
    file["layers/dense"] = h5py.SoftLink("/layers/dense_1")


def external_storage(file):
    del file[KERNEL]
    file.create_dataset(KERNEL, (4, 3), "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def virtual(file):
    del file[KERNEL]
    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:] = h5py.VirtualSource("/tmp/elsewhere.h5", "x", (4, 3))
    file.create_virtual_dataset(KERNEL, layout)


def bomb(file):
    del file[KERNEL]
    file.create_dataset(KERNEL, (1 << 20, 1 << 14), "f4", chunks=(1024, 1024), compression="gzip")


def text(file):
    del file[KERNEL]
    file.create_dataset(KERNEL, data=np.array([[b"x"] * 3] * 4, dtype=object), dtype=h5py.string_dtype())


def references(file):
    del file[KERNEL]
    file.create_dataset(KERNEL, (4, 3), h5py.ref_dtype)


def a_group(file):
    del file[KERNEL]
    file.create_group(KERNEL)


def shape(file):
    del file[KERNEL]
    file[KERNEL] = np.zeros((4, 5), "f4")


def whole_numbers(file):
    del file[KERNEL]
    file[KERNEL] = np.zeros((4, 3), "i4")


def missing(file):
    del file[KERNEL]


def all_missing(file):
    del file["layers"]


CHANGES = {
    external_link: "ExternalLink",
    soft_link: "SoftLink",
    link_to_group: "SoftLink",
    external_storage: "outside the file",
    virtual: "view of other files",
    bomb: "claims 68,719,476,736 bytes",
    text: "only numbers",
    references: "only numbers",
    a_group: "must be an array",
    shape: r"layers/dense .*kernel'.*\(4, 5\).*expects \(4, 3\)",
    whole_numbers: r"layers/dense .*holds int32.*expects float32",
    missing: "layers/dense .*has 2 variables, the file 1",
    all_missing: "layers/dense_1 .*has 2 variables, the file none",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_weights_that_are_not_plain_numbers_of_the_right_shape(saved, tmp_path, change):
    bad = with_weights(saved, tmp_path / "bad.keras", change)
    with pytest.raises(ValueError, match=CHANGES[change]):
        lapis.saving.load_model(bad)
    (tmp_path / "bad.weights.h5").write_bytes(weights_file(bad).getvalue())
    model = small()
    before = model.get_weights()
    for path in (bad, tmp_path / "bad.weights.h5"):
        with pytest.raises(ValueError, match=CHANGES[change]):
            model.load_weights(path)
        for one, other in zip(before, model.get_weights()):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "change",
    [external_link, soft_link, external_storage, virtual, bomb, text, shape],
    ids=lambda change: change.__name__,
)
def test_older_weights(tmp_path, change, monkeypatch):
    model = small()
    model.save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        group = file["model_weights"][model.layers[0].name]
        monkeypatch.setattr(sys.modules[__name__], "KERNEL", f"{group.name}/{group.attrs['weight_names'][0]}")
        change(file)
    before = model.get_weights()
    with pytest.raises(ValueError, match=CHANGES[change].replace("layers/dense ", "layer 'dense")):
        model.load_weights(tmp_path / "a.h5")
    for one, other in zip(before, model.get_weights()):
        np.testing.assert_array_equal(one, other)


def test_names_that_lead_out_of_their_group(tmp_path):
    model = small()
    model.save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        group = file["model_weights"][model.layers[0].name]
        group.attrs["weight_names"] = ["../../optimizer_weights/x", "b"]
    with pytest.raises(ValueError, match="leads out of its group"):
        model.load_weights(tmp_path / "a.h5")


def test_a_failure_half_way_changes_nothing(tmp_path):
    class Picky(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.total = self.add_weight(shape=(), initializer="zeros")

        def call(self, x):
            return x + self.total

        def load_own_variables(self, store):
            self.total.assign(store["0"])
            raise RuntimeError("not today")

    model = lapis.Sequential([lapis.Input((4,)), layers.Dense(3), Picky()])
    model.save_weights(tmp_path / "a.weights.h5")
    for weight in model.weights:
        weight.assign(weight + 1)
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"picky .*not today.*Nothing was loaded"):
        model.load_weights(tmp_path / "a.weights.h5")
    for one, other in zip(before, model.get_weights()):
        np.testing.assert_array_equal(one, other)
    with pytest.warns(UserWarning, match="not today"):
        model.load_weights(tmp_path / "a.weights.h5", skip_mismatch=True)
    np.testing.assert_array_equal(model.get_weights()[0], before[0] - 1)
    assert model.get_weights()[2] == before[2]


def test_nothing_global_changes(saved):
    def settings():
        return lapis.config.floatx(), lapis.config.epsilon(), dict(lapis.saving.get_custom_objects())

    before = settings()
    lapis.saving.load_model(saved)
    assert settings() == before
    assert math.isclose(lapis.config.epsilon(), 1e-7)


class Dense(layers.Dense):
    """A user's class of a built-in's name."""


def test_registered_classes_take_no_built_in_name(saved, tmp_path, monkeypatch):
    small().save(tmp_path / "a.h5")
    monkeypatch.setitem(lapis.saving.get_custom_objects(), "mine>Dense", Dense)
    for path in (saved, tmp_path / "a.h5"):
        for custom_objects in (None, {"mine>Dense": Dense}, {"relu": None}):
            model = lapis.saving.load_model(path, custom_objects=custom_objects)
            assert [type(layer) for layer in model.layers] == [layers.Dense, layers.Dense]
    with lapis.saving.custom_object_scope({"relu": abs, "zeros": Dense, "twice": abs}):
        assert lapis.activations.get("relu") is lapis.activations.relu
        assert isinstance(lapis.initializers.get("zeros"), lapis.initializers.Zeros)
        assert lapis.activations.get("twice") is abs


@pytest.mark.parametrize("kind", ["losses", "metrics"])
def test_modules_tell_a_loss_from_a_metric(kind):
    config = {"module": f"keras.src.{kind}.somewhere", "class_name": "MeanSquaredError", "config": {}}
    made = lapis.saving.deserialize_keras_object({**config, "registered_name": None})
    assert type(made) is getattr(lapis, kind).MeanSquaredError


def test_a_refused_load_leaves_the_seed(saved, tmp_path):
    def change(config):
        config["config"]["layers"].append(CALLS[0])

    bad = with_config(saved, tmp_path / "bad.keras", change)
    before = random.getstate()
    with pytest.raises(ValueError, match="not known here"):
        lapis.saving.load_model(bad)
    assert random.getstate() == before
