"""What `fit` reads: every kind of input as batches of arrays."""

import os
import time

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import lapis
from lapis.data import (
    ArrayAdapter,
    Epochs,
    IterableAdapter,
    PyDataset,
    get_data_adapter,
    pack_x_y_sample_weight,
    split_arrays,
    unpack_x_y_sample_weight,
)
from lapis.data.packing import class_weight_to_sample_weight


def lengths(adapter):
    return [len(unpack_x_y_sample_weight(batch)[0]) for batch in adapter.batches()]


def test_array_batches_and_the_last_one():
    adapter = get_data_adapter(np.arange(10), np.arange(10), batch_size=4)
    assert adapter.num_batches == 3 and lengths(adapter) == [4, 4, 2]
    assert get_data_adapter(np.zeros(100)).batch_size == 32
    assert get_data_adapter(np.zeros(100), steps=10).batch_size == 10
    batch = next(iter(get_data_adapter([np.zeros(3), np.ones(3)]).batches()))
    assert isinstance(batch, tuple) and len(batch) == 1 and len(batch[0]) == 2


class FakeTorchTensor:
    """What a torch tensor looks like from outside."""

    def __init__(self, array):
        self._array, self.shape = array, array.shape

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return self._array

    def __array__(self, dtype=None, copy=None):
        raise TypeError("a tensor that needs its gradient has to be detached first")


@pytest.mark.parametrize(
    "make, shape",
    [
        (jnp.asarray, (4, 2)),
        (pd.DataFrame, (4, 2)),
        (lambda a: pd.Series(a[:, 0]), (4, 1)),
        (FakeTorchTensor, (4, 2)),
        (scipy.sparse.csr_matrix, (4, 2)),
        (scipy.sparse.coo_matrix, (4, 2)),
        (lambda a: a.astype("float16"), (4, 2)),
    ],
)
def test_kinds_of_arrays(make, shape):
    values = np.arange(8.0).reshape(4, 2)
    for adapter in (get_data_adapter(make(values)), get_data_adapter(make(values), shuffle=True)):
        (batch,) = adapter.batches()
        assert isinstance(batch, np.ndarray) and batch.shape == shape and batch.dtype == np.float32
    np.testing.assert_array_equal(np.sort(batch[:, 0]), values[:, 0])


def test_integers_keep_their_type():
    (batch,) = get_data_adapter(np.arange(4, dtype="int64")).batches()
    assert batch.dtype == np.int64
    (batch,) = get_data_adapter(pd.DataFrame({"a": [1, 2], "b": [1.5, 2.5]})).batches()
    assert batch.dtype == np.float32


def test_nested_arrays_stay_nested():
    data = {"a": np.zeros(3), "b": (np.zeros(3), None)}, [np.zeros(3), {"k": np.zeros(3)}]
    ((x, y),) = get_data_adapter(*data).batches()
    assert list(x) == ["a", "b"] and x["b"][1] is None and list(y[1]) == ["k"]


def test_shuffling_is_seeded_complete_and_new_each_epoch():
    def orders(shuffle):
        lapis.utils.set_random_seed(3)
        adapter = ArrayAdapter(np.arange(20), batch_size=6, shuffle=shuffle)
        return [np.concatenate(list(adapter.batches())).tolist() for _ in range(2)]

    first, second = orders(True)
    assert first != second and sorted(first) == sorted(second) == list(range(20))
    assert orders(True) == [first, second]
    within = orders("batch")[0]
    assert sorted(within[:6]) == list(range(6)) and within != list(range(20))


def test_weights_by_class_and_per_output():
    weights = class_weight_to_sample_weight(np.eye(3)[[0, 2, 1]], {0: 2.0, 1: 0.0})
    np.testing.assert_array_equal(weights, np.array([2, 1, 0], "float32"))
    np.testing.assert_array_equal(class_weight_to_sample_weight(np.array([[1.0], [0.0]]), {1: 3}), [3, 1])
    y = {"a": np.zeros(3), "b": np.zeros(3)}
    ((_, _, spread),) = get_data_adapter(np.zeros(3), y, np.arange(3.0)).batches()
    np.testing.assert_array_equal(spread["b"], [0, 1, 2])
    with pytest.raises(ValueError, match="models with one output"):
        get_data_adapter(np.zeros(3), y, class_weight={0: 1.0})
    with pytest.raises(ValueError, match="either class_weight or sample_weight"):
        get_data_adapter(np.zeros(3), np.zeros(3), np.zeros(3), class_weight={0: 1.0})
    with pytest.raises(ValueError, match="one array per array of y"):
        get_data_adapter(np.zeros(3), y, {"a": np.zeros(3)})
    with pytest.raises(ValueError, match=r"shape \(3, 2\)"):
        get_data_adapter(np.zeros(3), y, np.zeros((3, 2)))
    (batch,) = get_data_adapter(iter([(np.zeros(2), np.array([0, 1]))]), class_weight={1: 4.0}).batches()
    np.testing.assert_array_equal(batch[2], [1, 4])


def test_validation_split_takes_the_end():
    data = np.arange(10), {"y": pd.DataFrame(np.arange(10.0))}, None
    (x, _, weight), (val_x, val_y, _) = split_arrays(data, 0.25)
    assert x.tolist() == list(range(7)) and val_x.tolist() == [7, 8, 9] and weight is None
    assert val_y["y"].shape == (3, 1)
    (sparse, *_), _ = split_arrays((scipy.sparse.eye(10), None, None), 0.5)
    assert next(iter(get_data_adapter(sparse).batches())).shape == (5, 10)
    with pytest.raises(ValueError, match="between 0 and 1"):
        split_arrays(data, 1.5)
    with pytest.raises(ValueError, match="one of the two parts of 1 samples empty"):
        split_arrays((np.zeros(1), None, None), 0.5)
    with pytest.raises(ValueError, match="hold a generator"):
        split_arrays(((i for i in range(3)), None, None), 0.5)


def test_packing():
    assert unpack_x_y_sample_weight({"a": 1}) == ({"a": 1}, None, None)
    assert unpack_x_y_sample_weight([1, 2]) == (1, 2, None)
    assert pack_x_y_sample_weight([1]) == ([1],) and pack_x_y_sample_weight(1, 2, 3) == (1, 2, 3)
    with pytest.raises(ValueError, match="a tuple of 4 parts"):
        unpack_x_y_sample_weight((1, 2, 3, 4))


@pytest.mark.parametrize(
    "x, error, message",
    [
        ([1.0, 2.0], TypeError, r"numpy.array\(\.\.\.\)"),
        (lambda: None, TypeError, "x is a function"),
        (3, TypeError, "x holds a int"),
        (None, ValueError, "x is None"),
        (np.array(["a", "b"]), TypeError, "cannot be fed to a model"),
        (np.array([[1], [1, 2]], dtype=object), TypeError, "unequal length"),
        (np.float32(3.0), ValueError, "leading axis of samples"),
        ([[1, 2], [3]], TypeError, "different lengths with utils.pad_sequences"),
        ([list(np.arange(2)), list(np.arange(3))], ValueError, "different lengths with utils.pad_sequences"),
        (np.zeros((0, 3)), ValueError, "no samples"),
        ([np.zeros(3), np.zeros(4)], ValueError, r"x\[0\] has 3, x\[1\] has 4"),
    ],
)
def test_what_cannot_be_read(x, error, message):
    with pytest.raises(error, match=message):
        get_data_adapter(x)


def test_other_refusals():
    with pytest.raises(TypeError, match="symbolic tensor"):
        get_data_adapter(lapis.Input((3,)))
    with pytest.raises(TypeError, match="got a int"):
        get_data_adapter(np.zeros(2), [1, 2])
    with pytest.raises(ValueError, match="y cannot be given apart"):
        get_data_adapter((batch for batch in ()), np.zeros(3))
    with pytest.raises(ValueError, match="batch_size is 0"):
        get_data_adapter(np.zeros(3), batch_size=0)
    with pytest.raises(ValueError, match="leading axis"):
        list(get_data_adapter(iter([3.0])).batches())


class FakeLoader:
    """What a torch DataLoader looks like from outside: it can be read again, and yields lists."""

    def __init__(self, batches):
        self._batches = batches

    def __len__(self):
        return len(self._batches)

    def __iter__(self):
        return iter([[FakeTorchTensor(x), FakeTorchTensor(y)] for x, y in self._batches])


class FakeTFDataset(FakeLoader):
    """What a tf.data Dataset looks like from outside."""

    def __len__(self):
        raise TypeError("the length is unknown")

    def cardinality(self):
        return np.int64(-2)

    def as_numpy_iterator(self):
        return iter(self._batches)


def test_loaders_and_datasets():
    batches = [(np.zeros((2, 3)), np.ones(2)), (np.zeros((1, 3)), np.ones(1))]
    loader = get_data_adapter(FakeLoader(batches))
    assert isinstance(loader, IterableAdapter) and loader.num_batches == 2 and not loader.one_pass
    assert lengths(loader) == lengths(loader) == [2, 1]
    dataset = get_data_adapter(FakeTFDataset(batches))
    assert dataset.num_batches is None and lengths(dataset) == [2, 1]
    assert get_data_adapter(iter(batches)).one_pass


class Numbers(PyDataset):
    def __init__(self, count=5, **kwargs):
        super().__init__(**kwargs)
        self.count, self.events = count, []

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        time.sleep(0.002 * (index % 3))
        return np.full(2, index), np.full(2, os.getpid())

    def on_epoch_begin(self):
        self.events.append("begin")

    def on_epoch_end(self):
        self.events.append("end")


def test_py_dataset_in_order_with_and_without_workers():
    for options in ({}, {"workers": 3, "max_queue_size": 2}):
        adapter = get_data_adapter(Numbers(**options))
        assert [int(x[0]) for x, _ in adapter.batches()] == [0, 1, 2, 3, 4]
    lapis.utils.set_random_seed(0)
    shuffled = get_data_adapter(Numbers(workers=2), shuffle=True)
    first, second = ([int(x[0]) for x, _ in shuffled.batches()] for _ in range(2))
    assert first != second and sorted(first) == sorted(second) == [0, 1, 2, 3, 4]


@pytest.mark.slow
def test_py_dataset_in_processes():
    adapter = get_data_adapter(Numbers(workers=2, use_multiprocessing=True))
    found = [(int(x[0]), int(pid[0])) for x, pid in adapter.batches()]
    assert [index for index, _ in found] == [0, 1, 2, 3, 4]
    assert os.getpid() not in {pid for _, pid in found}


def test_py_dataset_errors_and_hooks():
    class Broken(Numbers):
        def __getitem__(self, index):
            raise OSError("no such file")

    with pytest.raises(OSError, match="no such file"):
        list(get_data_adapter(Broken(workers=2)).batches())
    adapter = get_data_adapter(Numbers(workers=2))  # a pass that is broken off leaves the next one whole
    next(adapter.batches())
    assert lengths(adapter) == [2] * 5
    with pytest.raises(ValueError, match="length is 0"):
        get_data_adapter(Numbers(0))
    dataset = Numbers(2)
    epochs = Epochs(get_data_adapter(dataset))
    epochs.peek()
    for _ in range(2):
        list(epochs.epoch())
    assert dataset.events == ["begin", "end"] * 2


class Forgetful(PyDataset):
    def __init__(self):  # does not call the base class
        pass

    num_batches = None

    def __getitem__(self, index):
        return np.full(1, index)


def test_endless_py_dataset():
    epochs = Epochs(get_data_adapter(Forgetful(), shuffle=True), steps=3)
    seen = [[int(batch[0]) for _, _, (batch,) in epochs.epoch()] for _ in range(2)]
    assert seen == [[0, 1, 2], [3, 4, 5]]


def steps_of(epochs):
    return [(first, last) for first, last, _ in epochs.epoch()]


def test_epochs_in_chunks():
    epochs = Epochs(get_data_adapter(np.arange(10), batch_size=2), chunk=2)
    assert epochs.num_batches == 5
    assert steps_of(epochs) == steps_of(epochs) == [(0, 1), (2, 3), (4, 4)]
    epochs = Epochs(get_data_adapter(np.arange(10), batch_size=2), steps=3, chunk=2)
    assert steps_of(epochs) == [(0, 1), (2, 2)]


def test_epochs_hold_few_large_batches(monkeypatch):
    monkeypatch.setattr(lapis.data.epochs, "_MOST_BYTES", 90)
    batches = [(np.zeros((10, 1)), {"a": np.zeros(2)})] * 3 + [(np.zeros((1, 1)), None)] * 4
    epochs = Epochs(get_data_adapter(batches[i] for i in range(7)), chunk=4)
    assert steps_of(epochs) == [(0, 0), (1, 1), (2, 2), (3, 6)]
    assert epochs.num_batches == 7


def test_epochs_with_steps_go_on_where_they_stopped():
    epochs = Epochs(get_data_adapter(np.arange(8), batch_size=2), steps=2)
    assert int(epochs.peek()[0]) == 0
    seen = [[int(batch[0]) for _, _, (batch,) in epochs.epoch()] for _ in range(3)]
    assert seen == [[0, 2], [4, 6], [0, 2]]
    epochs = Epochs(get_data_adapter(np.arange(6), batch_size=2), steps=2)
    steps_of(epochs)
    with pytest.warns(UserWarning, match="ended after 1 of the 2 steps"):
        assert steps_of(epochs) == [(0, 0)]
    assert steps_of(epochs) == [(0, 0), (1, 1)]


def test_epochs_of_a_generator():
    generator = (np.full(1, i) for i in range(5))
    epochs = Epochs(get_data_adapter(generator), steps=2)
    assert int(epochs.peek()[0]) == 0
    assert [int(batch[0]) for _, _, (batch,) in epochs.epoch()] == [0, 1]
    assert int(next(generator)[0]) == 2  # no batch was taken in vain
    epochs = Epochs(get_data_adapter(np.full(1, i) for i in range(3)))
    assert epochs.num_batches is None
    assert steps_of(epochs) == [(0, 0), (1, 1), (2, 2)] and epochs.num_batches == 3
    assert steps_of(epochs) == []
    with pytest.raises(ValueError, match="no batches"):
        Epochs(get_data_adapter(iter([]))).peek()
    with pytest.raises(ValueError, match="number of steps is 0"):
        Epochs(get_data_adapter(np.zeros(3)), steps=0)
