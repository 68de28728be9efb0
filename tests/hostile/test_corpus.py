"""Every hostile file is refused with a sentence, quickly, in little memory, and without a trace.

Looking into one builds nothing, so that it may tell more of it; it is held to the same bounds.
"""

from contextlib import suppress

import numpy as np
import pytest

import lapis
from tests.hostile.archives import ARCHIVES
from tests.hostile.arrays import ARRAYS
from tests.hostile.configs import CONFIGS
from tests.hostile.hdf5_files import WEIGHTS
from tests.hostile.making import Good, Hostile
from tests.hostile.watching import watched

CORPUS = [*ARCHIVES, *CONFIGS, *WEIGHTS, *ARRAYS]


def small() -> lapis.Sequential:
    layers = [lapis.Input((4,)), lapis.layers.Dense(3, name="dense"), lapis.layers.Dense(2, name="dense_1")]
    return lapis.Sequential(layers, name="small")


@pytest.fixture(scope="module")
def model() -> lapis.Sequential:
    return small()


@pytest.fixture(scope="module")
def good(tmp_path_factory, model) -> Good:
    folder = tmp_path_factory.mktemp("good")
    model.save(folder / "a.keras")
    model.save(folder / "a.h5")
    model.save_weights(folder / "a.weights.h5")
    lapis.saving.inspect(folder / "a.keras")
    for name in ("a.keras", "a.h5"):  # what is read for the first time is imported and compiled for the first time
        lapis.saving.load_model(folder / name)
    model.load_weights(folder / "a.weights.h5")
    return Good({suffix: (folder / f"a{suffix}").read_bytes() for suffix in (".keras", ".h5", ".weights.h5")})


def test_the_corpus_is_large_and_its_names_differ():
    assert len({row.name for row in CORPUS}) == len(CORPUS) >= 60
    assert {row.suffix for row in CORPUS} >= {".keras", ".h5", ".weights.h5", ".npz", ".safetensors"}


@pytest.mark.parametrize("row", CORPUS, ids=lambda row: row.name)
def test_refused(row: Hostile, good: Good, model, tmp_path):
    path = tmp_path / f"bad{row.suffix}"
    row.make(good, path)
    with watched(path), suppress(ValueError):
        lapis.saving.inspect(path)
    if row.suffix in (".keras", ".h5"):
        with watched(path), pytest.raises(ValueError, match=row.says) as caught:
            lapis.saving.load_model(path)
        assert_is_a_sentence(str(caught.value))
    if row.suffix in (".weights.h5", ".npz", ".safetensors") or row in WEIGHTS:
        before = model.get_weights()
        with watched(path), pytest.raises(ValueError, match=row.says) as caught:
            model.load_weights(path)
        assert_is_a_sentence(str(caught.value))
        for one, other in zip(before, model.get_weights()):
            np.testing.assert_array_equal(one, other)


def assert_is_a_sentence(text: str) -> None:
    assert text.endswith((".", "?")) and len(text.split()) > 4 and len(text) < 3000


def test_good_files_are_still_read(good: Good, tmp_path):
    for suffix, content in good.content.items():
        path = tmp_path / f"good{suffix}"
        path.write_bytes(content)
        with watched(path, may_draw=True):
            small().load_weights(path) if suffix == ".weights.h5" else lapis.saving.load_model(path)
