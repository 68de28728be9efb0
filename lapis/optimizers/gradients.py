"""Gradients kept within bounds."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp


def clip_by_norm(gradient: Any, norm: float) -> Any:
    """The gradient, shortened to the Euclidean norm `norm` where it is longer.

    >>> clip_by_norm(jnp.array([3.0, 4.0]), 1.0).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    squares = jnp.sum(jnp.square(gradient))
    length = jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1)), 0)
    return gradient * norm / jnp.maximum(length, norm)


def global_norm(gradients: Sequence[Any]) -> Any:
    """The Euclidean norm of all gradients taken as one vector.

    >>> float(global_norm([jnp.array([3.0]), jnp.array([4.0])]))
    5.0
    """
    return jnp.sqrt(sum(jnp.sum(jnp.square(gradient)) for gradient in gradients))


def clip_by_global_norm(gradients: Sequence[Any], norm: float) -> list[Any]:
    """All gradients by one factor, so that their global norm is at most `norm`; NaN where it is infinite.

    >>> [g.tolist() for g in clip_by_global_norm([jnp.array([3.0]), jnp.array([4.0])], 10.0)]
    [[3.0], [4.0]]
    """
    length = global_norm(gradients)
    scale = norm * jnp.minimum(1.0 / length, 1.0 / norm) + (length - length)
    return [gradient * scale for gradient in gradients]
