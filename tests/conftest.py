"""Every test starts with names counted from the start and the same random seed."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["KERAS_BACKEND"] = "jax"
# Most of a test is compilation, of which this older generator of code takes half; users have the other one.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")
os.environ["LAPIS_COMPILATION_CACHE"] = "0"  # tests write nothing into the home folder

import itertools
from collections.abc import Iterator

import jax
import pytest

import lapis

lapis.config.disable_traceback_filtering()  # a test that fails shows where

_PROGRAMS_KEPT = 200  # tests between two clearings of compiled programs, which would fill the memory otherwise
_count = itertools.count(1)


@pytest.fixture(autouse=True)
def _fresh_session() -> Iterator[None]:
    lapis.utils.clear_session(free_memory=False)
    lapis.utils.set_random_seed(0)
    yield
    if next(_count) % _PROGRAMS_KEPT == 0:
        jax.clear_caches()
        lapis.utils.clear_session()


@pytest.fixture
def quick_compilation() -> Iterator[None]:
    """Programs are made without XLA's optimizations, for tests of many small ones."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
