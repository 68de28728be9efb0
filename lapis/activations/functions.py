"""The activations that differ from the operation of the same name, or have none."""

from typing import Any

import lapis.ops as ops


def linear(x: Any) -> Any:
    """`x` itself.

    >>> linear(3.0)
    3.0
    """
    return x


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """`x` above `threshold`, at most `max_value`; below, `negative_slope * (x - threshold)`.

    >>> relu([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """
    if not negative_slope and max_value is None and not threshold:
        return ops.relu(x)
    if threshold:
        above = ops.where(ops.greater(x, threshold), x, 0)
    else:
        above = ops.relu(x)
    if max_value is not None:
        above = ops.clip(above, 0, max_value)
    if not negative_slope:
        return above
    return ops.subtract(above, ops.multiply(negative_slope, ops.relu(ops.subtract(threshold, x))))


def gelu(x: Any, approximate: bool = False) -> Any:
    """`x` times the normal distribution's mass below `x`; `approximate` uses the formula with `tanh`.

    Source: https://arxiv.org/abs/1606.08415.

    >>> gelu([0.0]).tolist()
    [0.0]
    """
    return ops.gelu(x, approximate=approximate)


def exponential(x: Any) -> Any:
    """`exp(x)`.

    >>> exponential([0.0]).tolist()
    [1.0]
    """
    return ops.exp(x)


def mish(x: Any) -> Any:
    """`x * tanh(softplus(x))` (https://arxiv.org/abs/1908.08681).

    >>> mish([0.0]).tolist()
    [0.0]
    """
    return ops.multiply(x, ops.tanh(ops.softplus(x)))
