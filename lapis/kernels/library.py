"""The shared library of native kernels: found, loaded once, its handlers made known to XLA."""

import contextlib
import ctypes
import functools
import os
import pathlib
import threading
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp

from lapis.core import logging
from lapis.kernels.build import LIBRARY, find_file, missing

_SWITCH = "LAPIS_KERNELS"
# Read by the OpenMP runtime when it is loaded. Threads that spin between two kernels would take the cores from XLA's.
_WAITING = {"GOMP_SPINCOUNT": "10000"}
# Half precision is brought to float32 and back where that is the faster way.
COMPUTED_IN_FLOAT32 = (jnp.float32, jnp.bfloat16, jnp.float16)
_lock = threading.Lock()


class Library:
    """The loaded library, or the reason why there is none."""

    def __init__(self) -> None:
        self.functions: ctypes.CDLL | None = None
        self.path = pathlib.Path(__file__).parent / LIBRARY
        try:
            self.reason = self._load()
        except OSError as error:
            self.reason = f"it cannot be loaded: {error}"

    def _load(self) -> str | None:
        if os.environ.get(_SWITCH) == "0":
            return f"the environment variable {_SWITCH} is 0"
        if not self.path.exists():
            return f"it was not built: {missing() or 'run `python -m lapis.kernels.build`'}"
        onednn = find_file("onednn-cpu-gomp", "libdnnl.so.3")
        if onednn is None:
            return "onednn-cpu-gomp is not installed"
        with _environment(_WAITING):
            # Loaded under its own name first, so that ours finds it wherever it lies.
            ctypes.CDLL(str(onednn))
        self.functions = ctypes.CDLL(str(self.path))
        return None


@contextlib.contextmanager
def _environment(wanted: dict[str, str]) -> Iterator[None]:
    """Environment variables for a moment, without those that the user has set or that another rules out."""
    if "OMP_WAIT_POLICY" in os.environ:
        wanted = {}
    ours = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            del os.environ[name]


@functools.cache
def _load_once() -> Library:
    library = Library()
    if library.reason is not None and jax.default_backend() == "cpu":
        logging.note(f"Lapis computes with XLA alone, without its native CPU kernels: {library.reason}.")
    return library


def library() -> Library:
    """The library, loaded at the first call; where it cannot be, that is said once."""
    with _lock:
        return _load_once()


def available() -> bool:
    """Whether native kernels serve in this process.

    >>> available() in (True, False)
    True
    """
    return library().functions is not None


def handler(name: str) -> bool:
    """Whether XLA knows the native function `name`, which is made known to it at the first call.

    >>> handler("lapis_nothing_v1")
    False
    """
    with _lock:
        return _register(name)


def serves_here(*names: str) -> bool:
    """Whether programs of this process run on a single CPU device, with these native functions.

    >>> serves_here("lapis_nothing_v1")
    False
    """
    # XLA cannot split a foreign function among several devices.
    single = jax.default_backend() == "cpu" and jax.device_count() == 1
    return single and available() and all(map(handler, names))


def implementation(function: str, *arguments: int | Sequence[int]) -> str:
    """The name of oneDNN's implementation that a native function of the library tells, empty where it has none.

    >>> implementation("lapis_nothing")
    ''
    """
    call = getattr(library().functions, function, None)
    if call is None:
        return ""
    name = ctypes.create_string_buffer(128)
    given = [(ctypes.c_int64 * len(a))(*a) if isinstance(a, Sequence) else ctypes.c_int64(a) for a in arguments]
    call.restype = None
    call(*given, name, ctypes.c_int64(len(name) - 1))
    return name.value.decode()


@functools.cache
def _register(name: str) -> bool:
    functions = _load_once().functions
    if functions is None or not hasattr(functions, name):
        return False
    jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(getattr(functions, name)), platform="cpu")
    return True
