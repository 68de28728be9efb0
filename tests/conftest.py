"""Every test starts with names counted from the start and the same random seed."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["KERAS_BACKEND"] = "jax"
# Most of a test is compilation, of which this older generator of code takes half; users have the other one.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")
os.environ["LAPIS_COMPILATION_CACHE"] = "0"  # tests write nothing into the home folder

import itertools
import pathlib
from collections.abc import Iterator

import jax
import pytest

import lapis

lapis.config.disable_traceback_filtering()  # a test that fails shows where

_STATM = pathlib.Path("/proc/self/statm")
_GROWTH = 1 << 30  # bytes of memory between two clearings of compiled programs, which would fill it otherwise
_PROGRAMS_KEPT = 200  # tests between two clearings where the memory cannot be looked at
_count = itertools.count(1)
_largest = 0


def _programs_fill_memory() -> bool:
    global _largest
    if not _STATM.exists():
        return next(_count) % _PROGRAMS_KEPT == 0
    resident = int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    _largest = _largest or resident + _GROWTH
    return resident > _largest


@pytest.fixture(autouse=True)
def _fresh_session() -> Iterator[None]:
    global _largest
    lapis.utils.clear_session(free_memory=False)
    lapis.utils.set_random_seed(0)
    yield
    if _programs_fill_memory():
        jax.clear_caches()
        lapis.utils.clear_session()
        _largest = 0


@pytest.fixture
def quick_compilation() -> Iterator[None]:
    """Programs are made without XLA's optimizations, for tests of many small ones."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
