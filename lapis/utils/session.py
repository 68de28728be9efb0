"""The process-wide state: seeds, names, policies."""

import gc
import random

import numpy as np

from lapis.core import dtype_policies, naming
from lapis.core.config import floatx
from lapis.state import remember_process_seed, reset_global_seed_generator
from lapis.training.eager import clear_programs
from lapis.training.program import forget_shared_programs


def set_random_seed(seed: int) -> None:
    """Seed every source of random numbers: Python's, NumPy's and Lapis's.

    Weights, dropout and shuffling repeat after this, whether layers were given seeds or not.

    Args:
        seed: an integer from 0 to 2**32 - 1.

    >>> import lapis
    >>> set_random_seed(7)
    >>> first = lapis.random.normal((2,))
    >>> set_random_seed(7)
    >>> bool((first == lapis.random.normal((2,))).all())
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise ValueError(f"`seed` must be an integer; got {seed!r}, a {type(seed).__name__}.")
    random.seed(int(seed))
    np.random.seed(int(seed))
    remember_process_seed(int(seed))
    reset_global_seed_generator()


def clear_session(free_memory: bool = True) -> None:
    """Forget the process-wide state: names given to layers, the global seed, the dtype policy.

    Args:
        free_memory: whether to drop compiled programs that models share and to collect garbage at once.
    """
    naming.reset()
    reset_global_seed_generator()
    dtype_policies.set_dtype_policy(floatx())
    if free_memory:
        clear_programs()
        forget_shared_programs()
        gc.collect()
