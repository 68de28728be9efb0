"""Weights in every format that they are written to and read from, and what is told of a file that does not fit."""

import errno
import io
import json
import os
import struct
import warnings
import zipfile

import h5py
import numpy as np
import pytest

import lapis
from lapis import layers
from lapis.saving import atomic, npz, safetensors

pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    # Keras's own, with NumPy 2
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
]

FORMATS = [".weights.h5", ".weights.json", ".keras", ".h5", ".safetensors", ".npz"]
PLACED = [".weights.h5", ".weights.json", ".keras"]


def chain(*names, units=4):
    return lapis.Sequential([lapis.Input((4,)), *(layers.Dense(units, name=name) for name in names)])


def save(model, path):
    whole = path.suffix in (".keras", ".h5") and not path.name.endswith(".weights.h5")
    (model.save if whole else model.save_weights)(path)
    return path


def values(model):
    return {layer.name: layer.get_weights() for layer in model.layers}


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for name, arrays in one.items():
        for a, b in zip(arrays, other[name], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def rich():
    """Layers of several kinds and types, nested, with names given and made up."""
    inner = lapis.Sequential([lapis.Input((4,)), layers.Dense(4), layers.BatchNormalization()], name="inner")
    x = lapis.Input((4,))
    y = layers.Dense(4, name="first")(inner(x))
    y = layers.Dense(4, dtype="bfloat16")(layers.Dropout(0.5)(y))
    return lapis.Model(x, layers.EinsumDense("ab,bc->ac", 3)(y))


@pytest.mark.parametrize("suffix", FORMATS)
def test_weights_come_back(rich, tmp_path, suffix):
    path = save(rich, tmp_path / f"m{suffix}")
    other = lapis.models.clone_model(rich)
    report = other.load_weights(path)
    assert report.complete and not report.warnings and len(report.loaded) >= len(rich.weights)
    for one, two in zip(rich.weights, other.weights, strict=True):
        assert one.dtype == two.dtype
        np.testing.assert_array_equal(one.numpy(), two.numpy())


def test_readable_names(rich, tmp_path):
    with safetensors.opened(save(rich, tmp_path / "m.safetensors"), "m") as file:
        names = set(file.headers)
    assert {"layers/inner/layers/dense/kernel", "layers/inner/layers/batch_normalization/gamma"} <= names
    assert {"layers/first/bias", "layers/dense_1/kernel", "layers/einsum_dense/kernel"} <= names
    with np.load(save(rich, tmp_path / "m.npz"), allow_pickle=False) as file:
        assert set(file) == names
        np.testing.assert_array_equal(file["layers/first/kernel"], rich.get_layer("first").get_weights()[0])


def test_given_names_that_others_bear(tmp_path):
    def make():
        lapis.backend.clear_session()
        einsum = layers.EinsumDense("ab,bc->ac", 4, name="dense_1")
        return lapis.Sequential([lapis.Input((4,)), layers.Dense(4), einsum, layers.Dense(4, name="dense_7")])

    model = make()
    for suffix in (".npz", ".safetensors", ".weights.h5"):
        other = make()
        other.load_weights(save(model, tmp_path / f"m{suffix}"))
        for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)


# Layers in another order, of other names


@pytest.mark.parametrize("suffix", FORMATS)
def test_layers_in_another_order(tmp_path, suffix):
    model, other = chain("a", "b", "c"), chain("c", "a", "b")
    path = save(model, tmp_path / f"m{suffix}")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        report = other.load_weights(path)
    assert_equal({name: values(other)[name] for name in "abc"}, values(model))
    flat = suffix in (".npz", ".safetensors")  # there the names are all that counts
    assert (suffix in PLACED) == bool(report.moved)
    assert flat != any("found by their names" in str(one.message) for one in told)


@pytest.mark.parametrize("suffix", PLACED)
def test_a_layer_put_in_between(tmp_path, suffix):
    path = save(chain("a", "b"), tmp_path / f"m{suffix}")
    model = chain("b", "new")
    before = values(model)
    with pytest.raises(ValueError, match=r"'new'.* the file none.*pass `rename`.*no place for: layers/dense\. Nothing"):
        model.load_weights(path)
    assert_equal(before, values(model))


def test_made_up_names_in_another_order_are_told(tmp_path):
    lapis.backend.clear_session()
    path = save(chain(None, None), tmp_path / "m.weights.h5")
    lapis.backend.clear_session()
    first, second = layers.Dense(4), layers.Dense(4)
    model = lapis.Sequential([lapis.Input((4,)), second, first])
    with pytest.warns(UserWarning, match=r"another order than in the file.*layers/dense is 'dense_1', .*'dense'"):
        model.load_weights(path)
    later = chain(None, None)  # the same model, later in a session: no reason to speak
    later.load_weights(path)


@pytest.mark.parametrize("suffix", [".weights.h5", ".weights.json", ".keras"])
def test_the_optimizer_does_not_follow_another_order(tmp_path, suffix):
    model, other = chain("a", "b"), chain("b", "a")
    for one in (model, other):
        one.compile(lapis.optimizers.SGD(0.1, momentum=0.9), "mse")
        one.optimizer.build(one.trainable_variables)
    model.optimizer.variables[2].assign(np.ones((4, 4)))
    save(model, tmp_path / f"m{suffix}")
    with pytest.warns(UserWarning, match="optimizer .*goes by the order of layers"):
        other.load_weights(tmp_path / f"m{suffix}")
    assert not np.any(other.optimizer.variables[2].numpy())


@pytest.mark.parametrize("suffix", PLACED)
@pytest.mark.parametrize("rename", [{"a": "x", "layers/dense_1": "y"}, {"layers/dense": "layers/dense", "b": "y"}])
def test_rename_of_layers(tmp_path, suffix, rename):
    model, other = chain("a", "b"), chain("x", "y")
    other.load_weights(save(model, tmp_path / f"m{suffix}"), rename=rename)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    other.load_weights(tmp_path / f"m{suffix}", rename={"a": "y", "b": "x"})
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[2])


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_rename_of_arrays(tmp_path, suffix):
    kernel, bias = np.full((4, 4), 2.0, "float32"), np.ones(4, "float32")
    path = tmp_path / f"m{suffix}"
    {".safetensors": safetensors, ".npz": npz}[suffix].write(path, [("enc.0.weight", kernel), ("enc.0.bias", bias)])
    model = chain("x")
    model.load_weights(path, rename={"enc.0.weight": "layers/x/kernel", "enc.0.bias": "layers/x/bias"})
    assert model.get_weights()[0].max() == 2.0
    with pytest.raises(ValueError, match=r"x.* 2 variables, the file none.*no place for: .*one\.0\.weight"):
        model.load_weights(path, rename={"enc": "one"})
    with pytest.raises(ValueError, match="the same name"):
        model.load_weights(path, rename={"enc.0.weight": "a", "enc.0.bias": "a"})


@pytest.mark.parametrize("suffix", [".weights.h5", ".npz"])
def test_rename_of_what_is_not_there(tmp_path, suffix):
    model = chain("a")
    path = save(model, tmp_path / f"m{suffix}")
    with pytest.raises(ValueError, match=r"rename speaks of .*no"):
        model.load_weights(path, rename={"nowhere": "a"})
    if suffix == ".weights.h5":
        with pytest.raises(ValueError, match="rename speaks of 'none' in the model"):
            model.load_weights(path, rename={"a": "none"})
        with pytest.raises(TypeError, match="rename must be a dict"):
            model.load_weights(path, rename=["a"])


# What does not fit


@pytest.mark.parametrize("suffix", [".weights.h5", ".weights.json", ".keras", ".npz", ".safetensors"])
def test_strict(tmp_path, suffix):
    long, short = save(chain("a", "b"), tmp_path / f"l{suffix}"), save(chain("a"), tmp_path / f"s{suffix}")
    model = chain("a")
    before = values(model)
    with pytest.raises(ValueError, match=r"no place for: .*Nothing was loaded"):
        model.load_weights(long, strict=True)
    assert_equal(before, values(model))
    with pytest.warns(UserWarning, match="no place for"):
        report = model.load_weights(long)
    assert report.unexpected and not report.complete and not report.missing
    model = chain("a", "b")
    with pytest.raises(ValueError, match="the file none"):
        model.load_weights(short)
    with pytest.warns(UserWarning, match="the file none"):
        report = model.load_weights(short, strict=False)
    assert report.missing == ["layers/dense_1/kernel", "layers/dense_1/bias"]
    assert report.loaded == ["layers/dense/kernel", "layers/dense/bias"] or suffix in (".weights.h5", ".keras")
    with pytest.raises(ValueError, match=r"shape \(4, 4\).*expects \(4, 5\)"):
        chain("a", units=5).load_weights(short, strict=False)
    with pytest.warns(UserWarning, match="The rest was loaded"):
        report = chain("a", units=5).load_weights(short, skip_mismatch=True)
    assert list(report.mismatched) == ["layers/dense/kernel", "layers/dense/bias"]
    assert "do not fit" in str(report)


def test_what_files_do_not_take(tmp_path):
    model = chain("a")
    path = save(model, tmp_path / "m.h5")
    with pytest.raises(TypeError, match="unknown arguments"):
        model.load_weights(path, color="red")
    with pytest.raises(ValueError, match="max_shard_size is for"):
        model.save_weights(tmp_path / "m.npz", max_shard_size=1)


@pytest.mark.parametrize("suffix", FORMATS)
def test_odd_values_are_told(tmp_path, suffix):
    model = chain("a")
    kernel = np.array(model.layers[0].kernel.numpy())
    kernel[0, 0], kernel[1, 1] = np.inf, np.nan
    model.layers[0].kernel.assign(kernel)
    path = save(model, tmp_path / f"m{suffix}")
    with pytest.warns(UserWarning, match=r"(layers/dense/vars?/0|layers/dense/0|kernel).* 2 values of 16 .*not finite"):
        report = model.load_weights(path)
    assert report.warnings and report.complete
    model.layers[0].kernel.assign(np.full((4, 4), 3e38, "float32"))  # finite, though their sum is not
    assert not model.load_weights(save(model, tmp_path / f"n{suffix}")).warnings


def test_complex_values(tmp_path):
    with h5py.File(save(chain("a"), tmp_path / "m.weights.h5"), "a") as file:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = np.ones((4, 4), "complex64")
    with pytest.raises(ValueError, match="holds complex64, the model expects float32"):
        chain("a").load_weights(tmp_path / "m.weights.h5")


# Several files


def test_shards_as_keras_writes_them(tmp_path):
    keras = pytest.importorskip("keras")
    theirs = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), keras.layers.Dense(4)])
    ours = chain(None, None)
    theirs.save_weights(tmp_path / "k.weights.json", max_shard_size=8e-8)
    report = ours.load_weights(tmp_path / "k.weights.json")
    assert report.complete
    for one, two in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    ours.layers[0].kernel.assign(np.ones((4, 4)))
    for _ in range(2):  # written anew, the files have other numbers
        ours.save_weights(tmp_path / "l.weights.json", max_shard_size=8e-8)
        theirs.load_weights(tmp_path / "l.weights.json")
        for one, two in zip(theirs.get_weights(), ours.get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)
    assert len(json.loads((tmp_path / "k.weights.json").read_text())["weight_map"]["/layers/dense/vars"]) == 1


def test_shards(tmp_path):
    model, other = chain("a", "b"), chain("a", "b")
    model.save_weights(tmp_path / "m.weights.h5", max_shard_size=6.5e-8)  # as Keras, which changes the ending
    first = sorted(os.listdir(tmp_path))
    assert first == ["m.weights.json", *(f"m_{i:05}.weights.h5" for i in range(4))]
    assert other.load_weights(tmp_path / "m.weights.json").complete
    assert_equal(values(model), values(other))
    other = chain("b", "a")
    with pytest.warns(UserWarning, match="found by their names"):
        other.load_weights(tmp_path / "m.weights.json")
    assert_equal(values(model), {name: values(other)[name] for name in "ab"})
    model.save_weights(tmp_path / "m.weights.json", max_shard_size=1)
    assert sorted(os.listdir(tmp_path)) == ["m.weights.json", "m_00000.weights.h5", "m_00004.weights.h5"]
    assert model.load_weights(tmp_path / "m.weights.json").complete
    for size in (0, -1, "1", True):
        with pytest.raises(ValueError, match="max_shard_size must be"):
            model.save_weights(tmp_path / "n.weights.json", max_shard_size=size)
    with pytest.raises(ValueError, match="takes 64 bytes, max_shard_size allows"):
        model.save_weights(tmp_path / "n.weights.json", max_shard_size=1e-8)
    with pytest.raises(FileExistsError):
        model.save_weights(tmp_path / "m.weights.json", overwrite=False)
    assert sorted(os.listdir(tmp_path)) == ["m.weights.json", "m_00000.weights.h5", "m_00004.weights.h5"]


@pytest.mark.parametrize(
    ("shards", "words"),
    [
        ("../m_00000.weights.h5", "only those beside it"),
        ("/etc/passwd", "only those beside it"),
        ("link_0.weights.h5", "does not stand beside it"),
        ("none.weights.h5", "does not stand beside it"),
        (3, "must name a file"),
        ([["x"]], "must name a file"),
    ],
)
def test_maps_that_lead_elsewhere(tmp_path, shards, words):
    model = chain("a")
    model.save_weights(tmp_path / "m.weights.json")
    (tmp_path / "link_0.weights.h5").symlink_to(tmp_path / "m_00000.weights.h5")
    text = json.loads((tmp_path / "m.weights.json").read_text())
    text["weight_map"]["/layers/dense/vars"] = shards
    (tmp_path / "m.weights.json").write_text(json.dumps(text))
    with pytest.raises(ValueError, match=words):
        model.load_weights(tmp_path / "m.weights.json")
    (tmp_path / "m.weights.json").write_text('{"weight_map": []}')
    with pytest.raises(ValueError, match="must hold 'weight_map'"):
        model.load_weights(tmp_path / "m.weights.json")


# Files from elsewhere


def packed(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "claims a header of 0"),
        (b"\xff" * 8 + b"{}", "claims a header"),
        (struct.pack("<Q", 90_000_000) + b"{}", "claims a header of 90,000,000"),
        (packed(b"not json"), "not valid JSON"),
        (packed(b"[1]"), "must be a JSON object"),
        (packed({"a": {**F32, "dtype": "OBJ"}}, bytes(8)), "type 'OBJ'"),
        (packed({"a": {**F32, "dtype": ["F32"]}}, bytes(8)), "type"),
        (packed({"a": {**F32, "shape": [3]}}, bytes(8)), "needs 12"),
        (packed({"a": {**F32, "shape": [2**62, 2**62]}}, bytes(8)), "needs"),
        (packed({"a": {**F32, "shape": [-2]}}, bytes(8)), "whole numbers"),
        (packed({"a": {**F32, "shape": [2.0]}}, bytes(8)), "whole numbers"),
        (packed({"a": {**F32, "data_offsets": [0, 8, 9]}}, bytes(8)), "whole numbers"),
        (packed({"a": {**F32, "file": "/etc/passwd"}}, bytes(8)), "otherwise than by"),
        (packed({"a": F32, "b": F32}, bytes(8)), "overlap"),
        (packed({"a": F32}, bytes(16)), "tells of 8"),
        (packed({"a": F32}, bytes(4)), "tells of 8"),
        (packed({"a": {**F32, "data_offsets": [4, 12]}}, bytes(12)), "leave a gap"),
    ],
)
def test_safetensors_of_strangers(tmp_path, content, words):
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        chain("a").load_weights(tmp_path / "a.safetensors")


def test_safetensors_by_hand(tmp_path):
    """A file put together from the published description."""
    header = {
        "__metadata__": {"format": "pt"},
        "layers/a/kernel": {"dtype": "F32", "shape": [4, 4], "data_offsets": [16, 80]},
        "layers/a/bias": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},
    }
    numbers = np.arange(20, dtype="<f4")
    (tmp_path / "a.safetensors").write_bytes(packed(header, numbers.tobytes()))
    model = chain("a")
    assert model.load_weights(tmp_path / "a.safetensors").complete
    np.testing.assert_array_equal(model.get_weights()[1], numbers[:4])
    np.testing.assert_array_equal(model.get_weights()[0], numbers[4:].reshape(4, 4))


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "float64", "bfloat16", "complex64"])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_safetensors_types(tmp_path, dtype, shape):
    array = np.ones(shape, np.dtype(dtype))
    safetensors.write(tmp_path / "a.safetensors", [("x", np.ones(3, "int8")), ("a", array), ("b", array.T)])
    with safetensors.opened(tmp_path / "a.safetensors", "a") as file:
        assert file.headers["a"] == (shape, dtype)
        np.testing.assert_array_equal(file.read("a"), array)
        np.testing.assert_array_equal(file.read("b"), array.T)
    with pytest.raises(ValueError, match="complex128"):
        safetensors.write(tmp_path / "b.safetensors", [("x", np.ones(3, "complex128"))])


def npy(array, **changes):
    buffer = io.BytesIO()
    np.save(buffer, array, **changes)
    return buffer.getvalue()


NPZ = {
    "pickled": ({"a.npy": npy(np.array([None]), allow_pickle=True)}, "only numbers"),
    "text": ({"a.npy": npy(np.array(["x"]))}, "only numbers"),
    "record": ({"a.npy": npy(np.zeros(2, "i4,f4"))}, "no header of NumPy's"),
    "wide": ({"a.npy": npy(np.zeros(2, "longdouble"))}, "only numbers"),
    "short": ({"a.npy": npy(np.zeros(9))[:-8]}, "needs 72"),
    "long": ({"a.npy": npy(np.zeros(9)) + b"more"}, "holds 76 bytes"),
    "no array": ({"a.npy": b"hello"}, "no header of NumPy's"),
    "huge header": ({"a.npy": b"\x93NUMPY\x02\x00\xff\xff\xff\x7f{"}, "no header of NumPy's"),
    "call": ({"a.npy": b"\x93NUMPY\x01\x00\x14\x00__import__('os')    "}, "no header of NumPy's"),
    "other member": ({"a.txt": b"hello"}, "no array"),
}


@pytest.mark.parametrize("case", NPZ)
def test_npz_of_strangers(tmp_path, case):
    members, words = NPZ[case]
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    with pytest.raises(ValueError, match=words):
        chain("a").load_weights(tmp_path / "a.npz")


def test_npz_of_numpy(tmp_path):
    model = chain("a")
    kernel, bias = np.asfortranarray(np.arange(16.0).reshape(4, 4)), np.arange(4, dtype=">f4")
    np.savez_compressed(tmp_path / "a.npz", **{"layers/a/kernel": kernel, "layers/a/bias": bias})
    assert model.load_weights(tmp_path / "a.npz").complete
    np.testing.assert_array_equal(model.get_weights()[0], kernel)
    np.testing.assert_array_equal(model.get_weights()[1], bias)
    (tmp_path / "b.npz").write_bytes(b"PK nothing")
    with pytest.raises(ValueError, match=r"no|not an \.npz file"):
        model.load_weights(tmp_path / "b.npz")
    with zipfile.ZipFile(tmp_path / "c.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.npy", bytes(80 << 20))
    with pytest.raises(ValueError, match="packed into"):
        model.load_weights(tmp_path / "c.npz")


# Failures while a file is written


@pytest.mark.parametrize("suffix", FORMATS)
def test_failures_leave_the_old_files(tmp_path, monkeypatch, suffix):
    path = save(chain("a", "b"), tmp_path / f"m{suffix}")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    model = chain("a", "b")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    for owner, name in ((atomic, "_sync"), (os, "replace")):
        with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
            patch.setattr(owner, name, full)
            save(model, path)
        assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(type(model.layers[1].kernel), "numpy", full)
        save(model, path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize("suffix", [".keras", ".safetensors", ".npz", ".weights.h5", ".h5"])
def test_full_disks(tmp_path, monkeypatch, suffix):
    path = save(chain("a"), tmp_path / f"m{suffix}")
    before = path.read_bytes()
    real = os.open

    def on_a_full_disk(name, flags, *mode, **more):
        if str(name).endswith(".tmp") and flags & os.O_CREAT:
            os.symlink("/dev/full", name)
            return real(name, os.O_WRONLY)
        return real(name, flags, *mode, **more)

    monkeypatch.setattr(os, "open", on_a_full_disk)
    with pytest.raises(OSError, match=r"full|space|errno = 28|truncate|Invalid|lock"):
        save(chain("a", units=40), path)
    monkeypatch.undo()
    assert path.read_bytes() == before and os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", FORMATS)
def test_folders_in_the_way(tmp_path, suffix):
    path = tmp_path / f"m{suffix}"
    path.mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        save(chain("a"), path)
    assert os.listdir(tmp_path) == [path.name]
    if suffix != ".h5":
        with pytest.raises(FileNotFoundError, match="does not exist"):
            save(chain("a"), tmp_path / "none" / f"m{suffix}")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user who may not write everywhere")
def test_without_permission(tmp_path):
    path = save(chain("a"), tmp_path / "m.npz")
    os.chmod(tmp_path, 0o500)
    try:
        with pytest.raises(PermissionError):
            save(chain("a"), path)
    finally:
        os.chmod(tmp_path, 0o700)
