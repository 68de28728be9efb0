"""Damaged files are read or refused: no other error, no crash, within bounds of time and memory.

A short search by default; `LAPIS_FUZZ_MINUTES=30` makes it long, in minutes of the processor. What a search finds is
kept in `seeds.py`.
"""

import os
import time
import warnings
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import lapis
from tests.hostile.edits import OF_WEIGHTS, PARTS, bases, edited, edits, parts_of
from tests.hostile.seeds import SEEDS
from tests.hostile.watching import watched


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    found = bases()
    for name, base in found.items():
        base.update(parts_of(base["model"], tmp_path_factory.mktemp(name)))
    return found


@pytest.fixture(scope="module")
def read(files, tmp_path_factory):
    """Reads one damaged file."""
    folder = tmp_path_factory.mktemp("damaged")

    def read(edit) -> None:
        read.count += 1
        name, part, changes = edit
        path = folder / f"bad{PARTS[part]}"
        path.write_bytes(edited(files[name], part, changes))
        lapis.utils.clear_session(free_memory=False)
        model = files[name]["model"]
        before = model.get_weights()
        with warnings.catch_warnings(), watched(path, may_draw=True):
            warnings.simplefilter("ignore")
            with suppress(ValueError):
                lapis.saving.inspect(path)
            try:
                model.load_weights(path) if part in OF_WEIGHTS else lapis.saving.load_model(path)
            except ValueError:
                assert all(map(np.array_equal, model.get_weights(), before)), "a refused file has changed weights"
            else:
                model.set_weights(before)

    read.count = 0
    return read


@pytest.mark.parametrize("number", range(len(SEEDS)))
def test_seeds(read, number):
    read(SEEDS[number])


@pytest.mark.slow
def test_damaged_files(read):
    minutes = float(os.environ.get("LAPIS_FUZZ_MINUTES", "0"))
    relaxed = settings(
        max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False
    )
    search = relaxed(given(edits())(read))
    end = time.process_time() + 60 * minutes
    search()
    while time.process_time() < end:
        search()
        print(f"{read.count:,} damaged files, {(end - time.process_time()) / 60:.1f} minutes to go", flush=True)
