"""Axes rearranged by a pattern of names."""

import math
import re
from typing import Any

import jax.numpy as jnp

from lapis.graph import op
from lapis.ops.arrays import Tensor


def _groups(side: str) -> list[list[str]]:
    """The axes of one side of a pattern, each as the names that it is made of."""
    return [token.strip("()").split() for token in re.findall(r"\([^)]*\)|\w+", side)]


@op
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Tensor:
    """`tensor` with its axes split, moved and joined as a pattern of names says; parentheses join axes.

    The sizes of axes that are split are given by name; one of each group may be left out.

    >>> rearrange(jnp.ones((2, 6, 3)), "b (h w) c -> b c h w", h=2).shape
    (2, 3, 2, 3)
    """
    x = jnp.asarray(tensor)
    before, arrow, after = pattern.partition("->")
    groups_in, groups_out = _groups(before), _groups(after)
    names = [name for group in groups_in for name in group]
    if not arrow or sorted(names) != sorted(name for group in groups_out for name in group):
        raise ValueError(f"rearrange takes a pattern with the same names on both sides of '->', and got {pattern!r}.")
    if len(groups_in) != x.ndim:
        raise ValueError(f"The pattern {pattern!r} names {len(groups_in)} axes, and the array has shape {x.shape}.")
    sizes: dict[str, Any] = dict(axes_lengths)
    for group, length in zip(groups_in, x.shape):
        unknown = [name for name in group if name not in sizes]
        if len(unknown) > 1:
            raise ValueError(f"rearrange cannot tell the sizes of {unknown}; give all of them but one.")
        for name in unknown:
            sizes[name] = length // math.prod(sizes[other] for other in group if other != name)
    split = x.reshape([sizes[name] for name in names])
    moved = split.transpose([names.index(name) for group in groups_out for name in group])
    return moved.reshape([math.prod(sizes[name] for name in group) for group in groups_out])
