"""Every test starts with names counted from the start, no policy set, and the same random seed, in Keras as well."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["KERAS_BACKEND"] = "jax"
# Most of a test is compilation, of which this older generator of code takes half; users have the other one.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")
os.environ["LAPIS_COMPILATION_CACHE"] = "0"  # tests write nothing into the home folder

import ctypes
import itertools
import pathlib
import platform
import sys
from collections.abc import Iterator

import jax
import pytest

import lapis

collect_ignore_glob = ["fixtures/*", "typing/*"]  # programs that tests run or read
lapis.config.disable_traceback_filtering()  # a test that fails shows where

# Compiled programs, a megabyte each, stay until they fill a worker's share of a quarter of the memory.
_STATM = pathlib.Path("/proc/self/statm")
_ROOM = os.sysconf("SC_PHYS_PAGES") // (4 * (os.cpu_count() or 1)) if _STATM.exists() else 0  # pages
_PROGRAMS_KEPT = 200  # tests between two clearings where the memory in use cannot be looked at
_count = itertools.count(1)
_most = 0  # pages


def _resident() -> int:
    return int(_STATM.read_text().split()[1])


def _clear() -> None:
    jax.clear_caches()
    lapis.utils.clear_session()
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)  # which gives nothing back to the system by itself


@pytest.fixture(autouse=True)
def _fresh_session() -> Iterator[None]:
    global _most
    lapis.utils.clear_session(free_memory=False)
    if "keras" in sys.modules:
        sys.modules["keras"].utils.clear_session(free_memory=False)
    lapis.utils.set_random_seed(0)
    yield
    if _STATM.exists():
        _most = _most or _resident() + _ROOM
        full = _resident() > _most
    else:
        full = next(_count) % _PROGRAMS_KEPT == 0
    if full:
        _clear()
        _most = 0


@pytest.fixture
def quick_compilation() -> Iterator[None]:
    """Programs are made without XLA's optimizations, for tests of many small ones."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
