"""Batch renormalization: normalize with batch statistics, corrected to what moving ones would give.

`(x - moving_mean) / moving_stddev = (x - mean) / stddev * r + d` with `r = stddev / moving_stddev` and
`d = (mean - moving_mean) / moving_stddev`; `r` and `d` are clipped and taken as constants
([Ioffe, 2017](https://arxiv.org/abs/1702.03275)).
"""

from typing import Any

import lapis.ops as ops

_BOUNDS = ("rmin", "rmax", "dmax")


def check_clipping(clipping: dict[str, float] | None) -> dict[str, float]:
    """The bounds, after a look at their names and signs."""
    clipping = clipping or {}
    unknown = sorted(set(clipping) - set(_BOUNDS))
    if unknown:
        raise ValueError(f"`renorm_clipping` may hold {', '.join(_BOUNDS)}; received {unknown} besides.")
    rmin, rmax, dmax = (clipping.get(name) for name in _BOUNDS)
    if rmin is not None and rmax is not None and rmax < rmin:
        raise ValueError(f"`renorm_clipping` needs rmin <= rmax; received rmin={rmin} and rmax={rmax}.")
    if dmax is not None and dmax < 0:
        raise ValueError(f"`renorm_clipping` needs dmax >= 0; received dmax={dmax}.")
    return clipping


def corrections(mean: Any, stddev: Any, moving_mean: Any, moving_stddev: Any, clipping: Any) -> tuple[Any, Any]:
    """`r` and `d`, clipped, without gradient."""
    ratio = stddev / moving_stddev
    shift = (mean - moving_mean) / moving_stddev
    rmin, rmax, dmax = (clipping.get(name) for name in _BOUNDS)
    if rmin is not None:
        ratio = ops.maximum(ratio, rmin)
    if rmax is not None:
        ratio = ops.minimum(ratio, rmax)
    if dmax is not None:
        shift = ops.clip(shift, -dmax, dmax)
    return ops.stop_gradient(ratio), ops.stop_gradient(shift)


def compose(ratio: Any, shift: Any, gamma: Any, beta: Any) -> tuple[Any, Any]:
    """Scale and shift of `(x * ratio + shift) * gamma + beta`."""
    if gamma is not None:
        ratio, shift = ratio * gamma, shift * gamma
    return ratio, shift if beta is None else shift + beta
