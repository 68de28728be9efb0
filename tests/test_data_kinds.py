"""`fit`, `evaluate` and `predict` give the same numbers for every kind of data, and no kind fills the memory."""

import os
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import lapis
from lapis.data import get_data_adapter

ROWS, SIZE = 10, 4
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(ROWS, 3)).astype("float32")
Y = RANDOM.normal(size=(ROWS, 1)).astype("float32")
BATCHES = [(X[start : start + SIZE], Y[start : start + SIZE]) for start in range(0, ROWS, SIZE)]
STEPS = 10_000
STATM = Path("/proc/self/statm")


class Listed(lapis.utils.PyDataset):
    """The batches of a list."""

    def __init__(self, batches, **options):
        super().__init__(**options)
        self._batches = batches

    def __len__(self):
        return len(self._batches)

    def __getitem__(self, index):
        return self._batches[index]


def lapis_dataset():
    def take(rows):
        return X[rows], Y[rows]

    return lapis.data.dataset.chosen_rows(take, ROWS, SIZE, shuffle=False, seed=None)


def torch_tensors():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    return torch.from_numpy(X), torch.from_numpy(Y).requires_grad_()


def torch_loader():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*torch_tensors()), SIZE), None


def tf_dataset():
    tensorflow = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    return tensorflow.data.Dataset.from_tensor_slices((X, Y)).batch(SIZE), None


def grain_map():
    grain = pytest.importorskip("grain", reason="grain is not installed")
    return grain.MapDataset.source(list(zip(X, Y))).batch(SIZE)


def grain_loader():
    grain = pytest.importorskip("grain", reason="grain is not installed")
    sampler = grain.samplers.IndexSampler(ROWS, shard_options=grain.sharding.NoSharding(), num_epochs=1)
    batches = grain.transforms.Batch(SIZE)
    return grain.DataLoader(data_source=list(zip(X, Y)), sampler=sampler, operations=[batches], worker_count=0)


KINDS = {
    "JAX": lambda: (jnp.asarray(X), jnp.asarray(Y)),
    "pandas": lambda: (pd.DataFrame(X), pd.Series(Y[:, 0])),
    "sparse": lambda: (scipy.sparse.csr_matrix(X), Y),
    "torch": torch_tensors,
    "PyDataset": lambda: (Listed(BATCHES), None),
    "PyDataset with workers": lambda: (Listed(BATCHES, workers=3, max_queue_size=2), None),
    "generator": lambda: ((batch for _ in range(2) for batch in BATCHES), None),
    "generator of lists": lambda: ((list(map(jnp.asarray, batch)) for _ in range(2) for batch in BATCHES), None),
    "Lapis": lambda: (lapis_dataset(), None),
    "torch loader": torch_loader,
    "tf.data": tf_dataset,
    "grain MapDataset": lambda: (grain_map(), None),
    "grain endless": lambda: (grain_map().repeat(), None),
    "grain IterDataset": lambda: (grain_map().to_iter_dataset(), None),
    "grain loader": lambda: (grain_loader(), None),
}


@pytest.fixture(scope="module")
def new_model():
    """Makes equal models, which share their programs."""

    def new_model():
        lapis.utils.set_random_seed(1)
        model = lapis.Sequential([lapis.Input((3,)), lapis.layers.Dense(1)])
        model.compile("sgd", "mse", metrics=["mae"])
        return model

    return new_model


@pytest.fixture(scope="module")
def expected(new_model):
    model = new_model()
    history = model.fit(X, Y, batch_size=SIZE, epochs=2, shuffle=False, verbose=0).history
    return history, model.evaluate(X, Y, batch_size=SIZE, verbose=0), model.predict(X, verbose=0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_numbers(kind, new_model, expected):
    history, evaluation, prediction = expected
    x, y = KINDS[kind]()
    size = {} if y is None else {"batch_size": SIZE}
    steps = len(BATCHES) if "generator" in kind or "endless" in kind else None
    model = new_model()
    found = model.fit(x, y, epochs=2, steps_per_epoch=steps, shuffle=False, verbose=0, **size).history
    for name, values in history.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, err_msg=name)
    x, y = KINDS[kind]()
    np.testing.assert_allclose(model.evaluate(x, y, steps=steps, verbose=0, **size), evaluation, rtol=1e-5)
    x, _ = KINDS[kind]()
    np.testing.assert_allclose(model.predict(x, steps=steps, verbose=0, **size), prediction, rtol=1e-5)


def test_grain_lengths():
    assert get_data_adapter(grain_map()).num_batches == len(BATCHES)
    assert get_data_adapter(grain_map().repeat()).num_batches is None
    assert get_data_adapter(grain_map().to_iter_dataset()).num_batches is None


def resident():
    """The megabytes of memory that the process holds now."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class Resident(lapis.callbacks.Callback):
    """Takes down the resident memory at the ends of epochs."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(resident())


class Fresh(lapis.utils.PyDataset):
    """Batches of 512 KiB that are made when they are asked for."""

    def __len__(self):
        return STEPS // 10

    def __getitem__(self, index):
        return np.full((128, 1024), index, "float32"), np.zeros((128, 1), "float32")


def endless():
    while True:
        yield Fresh()[0]


@pytest.mark.slow
@pytest.mark.skipif(not STATM.exists(), reason="the resident memory is read from /proc")
@pytest.mark.parametrize(
    "kind, make",
    [
        ("arrays", lambda: (np.zeros((128 * 20, 1024), "float32"), np.zeros((128 * 20, 1), "float32"))),
        ("generator", lambda: (endless(), None)),
        ("PyDataset", lambda: (Fresh(), None)),
        ("PyDataset with workers", lambda: (Fresh(workers=2), None)),
        ("time series", lambda: (series(), None)),
    ],
)
def test_resident_memory_is_flat_over_10_000_steps(kind, make):
    model = lapis.Sequential([lapis.Input((1024,)), lapis.layers.Dense(1)])
    model.compile("sgd", "mse")
    memory = Resident()
    x, y = make()
    size = {} if y is None else {"batch_size": 128}
    steps = 20 if kind == "arrays" else STEPS // 10
    model.fit(x, y, epochs=STEPS // steps, steps_per_epoch=steps, callbacks=[memory], verbose=0, **size)
    tenth = len(memory.seen) // 10
    tenths = memory.seen[tenth - 1 :: tenth]
    print(f"{kind}: " + ", ".join(f"{megabytes:.0f}" for megabytes in tenths) + " MiB")
    # The first fifth makes programs, threads and buffers, and the C library keeps some of what is freed; if batches
    # stayed, they would come to 5 GB.
    assert max(tenths) - tenths[1] < 400


def series():
    steps = np.zeros((128 * (STEPS // 10) + 1023,), "float32")
    return lapis.utils.timeseries_dataset_from_array(steps, np.zeros((128 * (STEPS // 10), 1), "float32"), 1024)
