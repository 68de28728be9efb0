"""HDF5 files that h5py wrote are read in Python as h5py reads them, and what Keras's files do not have is refused."""

import io
import struct

import h5py
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapis.saving import hdf5
from lapis.saving.hdf5_array import Array

TYPES = ["f2", "f4", "f8", ">f4", ">i4", "i1", "u1", "i2", "u8", "i8", "?", "c8", "c16", ">c8"]
LONG = [f"layer_{number}" * 9 for number in range(3000)]
TEXTS = {
    "text": ("hellö", ["hellö"]),
    "bytes": (b"abc", ["abc"]),
    "fixed": (np.bytes_(b"abc"), ["abc"]),
    "fixed names": (np.array([b"ab", b"c", b""]), ["ab", "c", ""]),
    "names": (["x", "längeres", ""], ["x", "längeres", ""]),
    "no names": ([], []),
    "a long text": ("y" * 40_000, ["y" * 40_000]),
}


def file_of(fill, **options):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        fill(file)
    return buffer


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("shape", [(), (0, 3), (3, 4), (1,) * 32])
def test_arrays(kind, shape):
    wanted = (np.random.default_rng(0).standard_normal(shape) * 5).astype(kind)
    with hdf5.opened(file_of(lambda file: file.create_dataset("a/b", data=wanted)), "f") as file:
        found = hdf5.read(hdf5.dataset_at(file, "a/b"))
    assert found.dtype == wanted.dtype.newbyteorder("=") and found.shape == shape and not found.flags.writeable
    np.testing.assert_array_equal(found, wanted)


@given(data=st.data())
@settings(max_examples=60, deadline=None, database=None)
def test_chunks(data):
    shape = tuple(data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=3)))
    chunks = tuple(data.draw(st.integers(1, size)) for size in shape)
    options = {"compression": data.draw(st.sampled_from([None, "gzip"])), "shuffle": data.draw(st.booleans())}
    wanted = np.random.default_rng(0).integers(-3, 3, shape).astype(data.draw(st.sampled_from(["f4", "i8", "u1"])))
    with hdf5.opened(file_of(lambda f: f.create_dataset("a", data=wanted, chunks=chunks, **options)), "f") as file:
        np.testing.assert_array_equal(hdf5.read(hdf5.dataset_at(file, "a")), wanted)


@pytest.mark.parametrize("kind", ["bfloat16", "float8_e4m3fn"])
def test_types_that_hdf5_lacks(kind):
    wanted = np.arange(4).astype(getattr(ml_dtypes, kind))
    with hdf5.opened(file_of(lambda file: hdf5.write(file, "a", wanted)), "f") as file:
        found = hdf5.read(hdf5.dataset_at(file, "a"))
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)


def test_texts():
    def fill(file):
        for name, (value, _) in TEXTS.items():
            file.attrs[name] = value
        file.attrs["number"] = 3
        hdf5.write_names(file, "long", LONG)

    with hdf5.opened(file_of(fill), "f") as file:
        for name, (value, wanted) in TEXTS.items():
            assert hdf5.read_names(file, name) == wanted
            if isinstance(value, (str, bytes)):
                assert hdf5.read_text(file, name) == wanted[0]
        assert hdf5.read_names(file, "long") == LONG and not hdf5.has_attribute(file, "long")
        assert hdf5.read_text(file, "nothing") is None and hdf5.read_names(file, "nothing") is None
        with pytest.raises(ValueError, match="'names' of / must be a text; got 3"):
            hdf5.read_text(file, "names")
        with pytest.raises(ValueError, match="'number' of / must be text; got integer"):
            hdf5.read_text(file, "number")


def test_groups_of_many_members():
    def fill(file):
        for number in range(3000):
            file[f"many/{number}"] = np.float32(number)
        file["deep/er/and/deeper"] = 1
        file["again"] = file["deep"]

    buffer = file_of(fill)
    with hdf5.opened(buffer, "f") as file:
        mine = [(found.name, isinstance(found, Array)) for found in hdf5.walk(file)]
        assert hdf5.read(hdf5.dataset_at(file, "many/1234")) == 1234
        assert hdf5.dataset_at(file, "many/3000") is None and hdf5.group_at(file, "deep/no/way") is None
        assert hdf5.read(hdf5.dataset_at(file, "deep/er/and/deeper")) == 1
    theirs = []
    with h5py.File(buffer) as file:
        file.visititems(lambda name, found: theirs.append((f"/{name}", isinstance(found, h5py.Dataset))))
    assert mine == theirs


def _latest(file):
    file["x"] = 1


REFUSED = {
    "newest": (_latest, {"libver": "latest"}, "h5repack"),
    "ordered": (_latest, {"track_order": True}, "h5repack"),
    "checked": (lambda file: file.create_dataset("x", data=np.ones(9), fletcher32=True), {}, "packed with a filter"),
    "scale": (lambda file: file.create_dataset("x", data=np.ones(9, int), scaleoffset=4), {}, "packed with a filter"),
    "lzf": (lambda file: file.create_dataset("x", data=np.ones(9), compression="lzf"), {}, "packed with a filter"),
    "unwritten": (lambda file: file.create_dataset("x", (9,), "f4", chunks=(2,)), {}, "0 chunks in place of 5"),
    "enumeration": (
        lambda file: file.create_dataset("x", data=[1], dtype=h5py.enum_dtype({"a": 1}, "i1")),
        {},
        "only numbers",
    ),
    "named type": (lambda file: file.__setitem__("x", np.dtype("f4")), {}, "neither a group nor an array"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    fill, options, says = REFUSED[name]
    with pytest.raises(ValueError, match=says), hdf5.opened(file_of(fill, **options), "f.h5") as file:
        hdf5.read(hdf5.dataset_at(file, "x"))


def test_cut_files():
    content = file_of(lambda file: file.create_dataset("a/b", data=np.ones((50, 50)))).getvalue()
    for size in range(0, len(content), 97):
        with (
            pytest.raises(ValueError, match=r"f\.h5 is not an HDF5 file"),
            hdf5.opened(io.BytesIO(content[:size]), "f.h5"),
        ):
            pass


def test_texts_in_a_collection_without_an_end():
    """Of which the free room at the end has no size: HDF5's own library walks through it for ever."""
    content = file_of(lambda file: file.attrs.__setitem__("text", "hello")).getvalue()
    start, place = content.index(b"GCOL"), 16
    while (number := struct.unpack_from("<H", content, start + place)[0]) != 0:
        room = struct.unpack_from("<Q", content, start + place + 8)[0]
        place += 16 + room + -room % 8
    assert number == 0
    content = content[: start + place + 8] + bytes(8) + content[start + place + 16 :]
    with hdf5.opened(io.BytesIO(content), "f") as file:
        assert hdf5.read_text(file, "text") == "hello"
