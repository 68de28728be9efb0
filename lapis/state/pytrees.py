"""Nested structures of every class that JAX knows, such as those of models written for JAX alone."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import jax


def map_pytree(fn: Callable, tree: Any) -> Any:
    """The structure with `fn` of each leaf in its place; `None` holds no leaf.

    >>> map_pytree(lambda x: x + 1, {"a": (1, None)})
    {'a': (2, None)}
    """
    return jax.tree.map(fn, tree)


def pytree_leaves(tree: Any) -> list[Any]:
    """The leaves in JAX's order."""
    return jax.tree.leaves(tree)


def same_pytree(a: Any, b: Any) -> bool:
    """Whether two structures differ at most in their leaves."""
    return jax.tree.structure(a) == jax.tree.structure(b)


def outside_traces() -> AbstractContextManager:
    """Within the context, what depends on no traced value is computed at once, even while a function is traced."""
    return jax.ensure_compile_time_eval()
