"""What a process starts with and can start again."""

import random

import numpy as np

from lapis.core import naming
from lapis.state.seeds import reset_global_seed_generator


def clear_session(free_memory: bool = True) -> None:
    """Count names of layers from the start again, and let the global random seed be drawn anew."""
    naming.reset()
    reset_global_seed_generator()


def set_random_seed(seed: int) -> None:
    """Seed Python, NumPy and Lapis at once: the same seed gives the same numbers in every run.

    >>> import lapis
    >>> set_random_seed(1)
    >>> a = lapis.random.normal((2,))
    >>> set_random_seed(1)
    >>> bool((a == lapis.random.normal((2,))).all())
    True
    """
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"set_random_seed takes a non-negative integer; got {seed!r}.")
    random.seed(seed)
    np.random.seed(seed % 2**32)
    reset_global_seed_generator()
