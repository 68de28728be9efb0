"""Weights in the older HDF5 layout: layers in another order or of other names, and files that hold more or less."""

import warnings

import numpy as np
import pytest

import lapis
from lapis import layers


def chain(*names, units=4):
    return lapis.Sequential([lapis.Input((4,)), *(layers.Dense(units, name=name) for name in names)], name="m")


@pytest.fixture
def saved(tmp_path):
    """A model of layers `a`, `b`, `c`, and its file."""
    model = chain("a", "b", "c")
    model.save(tmp_path / "m.h5")
    return model, tmp_path / "m.h5"


def assert_same(model, name, other, other_name):
    for one, two in zip(model.get_layer(name).get_weights(), other.get_layer(other_name).get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def assert_unchanged(model, before):
    for one, two in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_longer_file(saved):
    source, path = saved
    model = chain("c", "a")
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"no place for: b\. Nothing was loaded"):
        model.load_weights(path, strict=True)
    assert_unchanged(model, before)
    with pytest.warns(UserWarning, match="it also holds what the model has no place for: b"):
        report = model.load_weights(path)
    assert report.unexpected == ["b"] and not report.missing
    for name in "ac":
        assert_same(source, name, model, name)


def test_a_shorter_file(saved):
    source, path = saved
    model = chain("a", "b", "c", "d")
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"only in the model: d\. .*strict=False.*Nothing was loaded"):
        model.load_weights(path)
    assert_unchanged(model, before)
    with pytest.warns(UserWarning, match=r"it has nothing for m/d/kernel, m/d/bias.* The rest was loaded"):
        report = model.load_weights(path, strict=False)
    assert report.missing == ["m/d/kernel", "m/d/bias"] and not report.unexpected and len(report.loaded) == 6
    for name in "abc":
        assert_same(source, name, model, name)
    with pytest.raises(ValueError, match=r"nothing for m/d/kernel"):
        model.load_weights(path, strict=True, by_name=True)


def test_made_up_names_do_not_say_what_a_longer_file_leaves_out(tmp_path):
    lapis.backend.clear_session()
    chain(None, None, None).save(tmp_path / "m.h5")
    lapis.backend.clear_session()
    with pytest.raises(ValueError, match=r"Only in the file: dense_2; .*by_name=True"):
        chain(None, None).load_weights(tmp_path / "m.h5")


def test_other_shapes(saved):
    source, path = saved
    model = lapis.Sequential([lapis.Input((4,)), layers.Dense(4, name="a"), layers.Dense(3, name="b")], name="m")
    with pytest.warns(UserWarning, match=r"'b', weight 'm/b/kernel'.* shape \(4, 4\).* The rest was loaded"):
        report = model.load_weights(path, skip_mismatch=True)
    assert_same(source, "a", model, "a")
    assert list(report.mismatched) == ["m/b/kernel", "m/b/bias"] and report.unexpected == ["c"]


def test_rename(saved):
    source, path = saved
    model = chain("x", "y", "z")
    assert model.load_weights(path, rename={"b": "x", "a": "y"}, strict=True).complete
    for theirs, ours in {"b": "x", "a": "y", "c": "z"}.items():
        assert_same(source, theirs, model, ours)
    model = chain("b", "a", "c")  # names that others bear in the file
    assert model.load_weights(path, rename={"a": "b", "b": "a"}).complete
    assert_same(source, "a", model, "b")
    assert_same(source, "b", model, "a")
    model = chain("x", "new")
    with pytest.warns(UserWarning, match=r"nothing for m/new/kernel"):
        report = model.load_weights(path, rename={"c": "x"}, strict=False)
    assert report.unexpected == ["a", "b"]
    assert_same(source, "c", model, "x")


@pytest.mark.parametrize(
    ("rename", "error", "words"),
    [
        ({"q": "x"}, ValueError, "rename speaks of 'q' in the file, which is not there. The file has 'a', 'b', 'c'"),
        ({"a": "q"}, ValueError, "rename speaks of 'q' in the model"),
        ({"a": "x", "b": "x"}, ValueError, "one name of the model to several"),
        (["a"], TypeError, "rename must be a dict"),
    ],
)
def test_rename_of_what_is_not_there(saved, rename, error, words):
    model = chain("x", "y", "z")
    before = model.get_weights()
    with pytest.raises(error, match=words):
        model.load_weights(saved[1], rename=rename)
    assert_unchanged(model, before)


def test_made_up_names_in_another_order(tmp_path):
    lapis.backend.clear_session()
    source = chain(None, None, "c")
    source.save(tmp_path / "m.h5")
    lapis.backend.clear_session()
    first, second = layers.Dense(4), layers.Dense(4)
    model = lapis.Sequential([lapis.Input((4,)), second, first, layers.Dense(4, name="c")])
    with pytest.warns(UserWarning, match=r"another order than in the file.*layer 0 is 'dense_1', in the file 'dense'"):
        report = model.load_weights(tmp_path / "m.h5")
    assert report.complete
    assert_same(source, "dense", model, "dense_1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.load_weights(tmp_path / "m.h5", by_name=True)  # says which of the two is meant
        chain(None, None, "c").load_weights(tmp_path / "m.h5")  # later in a session: no reason to speak
    assert_same(source, "dense_1", model, "dense_1")
