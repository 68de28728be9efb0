"""Tables and texts from made files: Keras's orders and cuts, and pickles that are read as data or not at all."""

import hashlib
import io
import json
import pickle

import numpy as np
import pytest

from lapis.datasets import boston_housing, california_housing, imdb, reuters
from lapis.datasets.pickled import lists_in, read_array, read_arrays

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty folder for cached data sets."""
    monkeypatch.setenv("LAPIS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets"


def listed(lists):
    array = np.empty(len(lists), object)
    array[:] = lists
    return array


@pytest.fixture
def put(cache, monkeypatch):
    """Puts a file in the cache as the one that a module expects."""

    def put(module, name, content, hash_name="FILE_HASH"):
        (cache / name).write_bytes(content)
        digest = hashlib.sha256 if hash_name == "FILE_HASH" else hashlib.md5
        monkeypatch.setattr(module, hash_name, digest(content).hexdigest())

    return put


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


# Tables


def test_boston_housing(put):
    x = np.arange(10.0)[:, None] + np.zeros(13)
    put(boston_housing, "boston_housing.npz", npz(x=x, y=np.arange(10.0) * 10))
    (x_train, y_train), (x_test, y_test) = boston_housing.load_data()
    # Keras's order for its default seed.
    assert x_train[:, 0].tolist() == [9, 3, 6, 1, 0, 7, 4, 8] and x_test[:, 12].tolist() == [2, 5]
    assert (y_train / 10).tolist() == x_train[:, 0].tolist() and (y_test / 10).tolist() == [2, 5]
    assert boston_housing.load_data(test_split=0.55, seed=1)[0][1].tolist() == [20, 90, 60, 40]
    for wrong in (1, -0.1):
        with pytest.raises(ValueError, match="at least 0 and below 1"):
            boston_housing.load_data(test_split=wrong)
    put(boston_housing, "boston_housing.npz", npz(x=x[:, :8], y=np.arange(10.0)))
    with pytest.raises(ValueError, match=r"shapes \(10, 8\) and \(10,\)"):
        boston_housing.load_data()
    put(boston_housing, "boston_housing.npz", npz(x=listed([[1]]), y=np.arange(1.0)))
    with pytest.raises(ValueError, match="cannot be read"):
        boston_housing.load_data()


def test_california_housing(put):
    x = np.arange(700.0)[:, None] + np.zeros(8)
    put(california_housing, "california_housing.npz", npz(x=x, y=np.arange(700.0)))
    (x_train, y_train), (x_test, _) = california_housing.load_data()
    assert x_train.shape == (560, 8) and x_test.shape == (140, 8) and (x_train[:, 3] == y_train).all()
    (x_train, y_train), (x_test, y_test) = california_housing.load_data("small", test_split=0.5)
    assert sorted([*y_train, *y_test]) == list(range(600)) and len(x_train) == len(x_test) == 300
    with pytest.raises(ValueError, match="'small' or 'large'"):
        california_housing.load_data("tiny")


# Texts

TEXTS = [[3, 1, 2], [1], [5, 4, 1, 1, 2], [2, 300, 70000]]


def imdb_file():
    return npz(x_train=listed(TEXTS), y_train=np.array([0, 1, 0, 1]), x_test=listed(TEXTS), y_test=np.arange(4))


@pytest.mark.parametrize(
    "options, x_train, y_train, x_test, y_test",
    [
        (
            {},
            [[1, 5, 303, 2], [1, 8, 7, 4, 4, 5], [1, 6, 4, 5], [1, 4]],
            [1, 0, 0, 1],
            [[1, 4], [1, 5, 303, 2], [1, 6, 4, 5], [1, 8, 7, 4, 4, 5]],
            [1, 3, 0, 2],
        ),
        (
            {"num_words": 7, "skip_top": 5, "maxlen": 5},
            [[2, 5, 2, 2], [2, 6, 2, 5], [2, 2]],
            [1, 0, 1],
            [[2, 2], [2, 5, 2, 2], [2, 6, 2, 5]],
            [1, 3, 0],
        ),
        (
            {"start_char": None, "oov_char": None, "index_from": 0, "num_words": 3, "seed": 7},
            [[1, 1, 2], [1], [1, 2], [2]],
            [0, 1, 0, 1],
            [[2], [1], [1, 2], [1, 1, 2]],
            [3, 1, 0, 2],
        ),
    ],
)
def test_imdb_as_keras_cuts_it(put, options, x_train, y_train, x_test, y_test):
    put(imdb, "imdb.npz", imdb_file())
    (x, y), (u, v) = imdb.load_data(**options)
    assert x.dtype == object and x.tolist() == x_train and y.tolist() == y_train
    assert u.tolist() == x_test and v.tolist() == y_test
    with pytest.raises(ValueError, match="No text is shorter than maxlen=2"):
        imdb.load_data(maxlen=2)


def test_reuters_as_keras_cuts_it(put):
    put(reuters, "reuters.npz", npz(x=listed(TEXTS), y=np.array([45, 3, 0, 7])))
    (x, y), (x_test, y_test) = reuters.load_data(test_split=0.25, num_words=8)
    assert x.tolist() == [[1, 5, 2, 2], [1, 2, 7, 4, 4, 5], [1, 6, 4, 5]] and y.tolist() == [7, 0, 45]
    assert x_test.tolist() == [[1, 4]] and y_test.tolist() == [3]
    names = reuters.get_label_names()
    assert len(names) == len(set(names)) == 46 and names[0] == "cocoa" and names[45] == "lead"


@pytest.mark.parametrize("module", [imdb, reuters])
def test_word_index(put, module):
    name = f"{module.__name__.rpartition('.')[2]}_word_index.json"
    put(module, name, json.dumps({"the": 1, "café": 88000}).encode(), "INDEX_HASH")
    assert module.get_word_index() == {"the": 1, "café": 88000}


# Pickles


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickled_lists_of_numbers(protocol):
    lists = [[], [7], [0, 255, 256, 65535, 65536, 2**31 - 1, -1, 2**40], list(range(3000)), [1, 2], [1, 2]]
    content = pickle.dumps(listed(lists), protocol)
    if protocol == 2:  # which Python 2 wrote with a text of bytes where Python 3 calls a function
        with pytest.raises(ValueError, match=r"asks for _codecs\.encode"):
            lists_in(content)
        content = pickle.dumps(listed(lists), 3)
        content = (
            content.replace(b"C\x01b", b"U\x01b").replace(b"numpy._core", b"numpy.core").replace(b"\x803", b"\x802")
        )
    assert lists_in(content) == lists


class Runs:
    """Calls a function when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "held, why",
    [
        (listed([Runs(print, "run")]), "asks for builtins.print"),
        (listed([Runs(eval, "1")]), "asks for builtins.eval"),
        (listed([np.float64(1.0)]), "multiarray.scalar"),
        (listed([["a"]]), "other objects than lists"),
        (listed([[1.0]]), "pickle instruction b'G'"),
        (listed([{1: 2}]), "pickle instruction b'}'"),
        (listed([(1, 2)]), "other objects than lists"),
        (listed([[True]]), "other objects than lists"),
        (listed([[[1]]]), "other objects than lists"),
        (listed([[1]] * 2), "a second use"),
        (np.array([[1, "a"]], object), "in the shape"),
        ([1, 2], "no pickled array"),
        (np.dtype("O"), "no pickled array"),
        (np.arange(3), "asks for a call"),
    ],
)
def test_other_pickles_are_refused(held, why, capsys):
    content = pickle.dumps(held, 3)
    with pytest.raises(ValueError, match=why):
        lists_in(content)
    assert capsys.readouterr().out == ""


def test_damaged_files(put, cache, tmp_path):
    content = imdb_file()
    put(imdb, "imdb.npz", content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"imdb\.npz does not hold the IMDB reviews"):
        imdb.load_data()
    put(reuters, "reuters.npz", npz(x=listed([[1]])))
    with pytest.raises(ValueError, match="does not hold the Reuters newswires"):
        reuters.load_data()
    whole = pickle.dumps(listed(TEXTS), 4)
    for length in range(len(whole)):
        with pytest.raises((ValueError, IndexError, KeyError)):
            lists_in(whole[:length])
    file = io.BytesIO()
    np.save(file, listed(TEXTS))
    with pytest.raises(ValueError, match="its header says"):
        read_array(file.getvalue().replace(b"(4,)", b"(5,)"))
    np.savez(tmp_path / "a.npz", a=np.arange(3), b=listed(TEXTS))
    arrays = read_arrays(tmp_path / "a.npz")
    assert arrays["a"].tolist() == [0, 1, 2] and arrays["b"].tolist() == TEXTS
