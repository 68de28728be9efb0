"""Memory that one run of a program frees stays with the process for the next run.

XLA takes a program's working memory anew at each run. The C library gives large blocks back to the system as soon as
they are freed, and then every page has to be fetched and cleared again, which costs up to half of a step on a CPU.
"""

import ctypes
import functools
import os
import sys
from collections.abc import Callable

_SWITCH = "LAPIS_KEEP_MEMORY"
_USERS = ("MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # as numbered in malloc.h
_MOST = 1 << 30


def share_one_heap() -> bool:
    """Let all threads allocate from the first heap, which alone may hold large blocks; whether they do.

    It is for the time before JAX starts its threads, and what `keep_freed_memory` stands on.
    """
    setting = _setting()
    return setting is not None and setting(_ARENA_MAX, 1) == 1


def keep_freed_memory() -> bool:
    """Let the C library keep up to a gigabyte of what is freed, in blocks of up to a gigabyte; whether it does.

    It does not where it is not glibc, where the environment variable `LAPIS_KEEP_MEMORY` is 0, or another one says how
    memory is allocated.
    """
    setting = _setting()
    return setting is not None and setting(_MMAP_THRESHOLD, _MOST) == 1 and setting(_TRIM_THRESHOLD, _MOST) == 1


@functools.cache
def _setting() -> Callable[[int, int], int] | None:
    if not sys.platform.startswith("linux") or os.environ.get(_SWITCH) == "0" or any(map(os.environ.get, _USERS)):
        return None
    try:
        return ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return None
