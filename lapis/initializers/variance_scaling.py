"""Initializers whose spread follows from how many units a weight connects."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import lapis.initializers.draw as draw
from lapis.core.serialization import builtin
from lapis.initializers.random import RandomInitializer
from lapis.state import SeedGenerator

_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")
# The standard deviation of the unit normal distribution cut at -2 and 2.
_TRUNCATED_STDDEV = 0.87962566103423978

Seed = int | SeedGenerator | dict | None
Axes = Sequence[int] | None


def compute_fans(shape: Sequence[int], input_axes: Axes = None, output_axes: Axes = None) -> tuple[int, int]:
    """How many inputs feed one output unit, and how many outputs one input unit feeds.

    Kernels are `(*window, inputs, outputs)` unless the axes are named.

    >>> compute_fans((3, 3, 16, 32))
    (144, 288)
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        size = int(math.prod(shape))
        return size, size
    window = math.prod(shape[:-2])
    return int(shape[-2] * window), int(shape[-1] * window)


@builtin("keras.initializers")
class VarianceScaling(RandomInitializer):
    """Draws with variance `scale / n`, where `n` counts input units, output units or their mean.

    `mode` is `"fan_in"`, `"fan_out"` or `"fan_avg"`; `distribution` is `"truncated_normal"` (also `"normal"`),
    `"untruncated_normal"` or `"uniform"`, which draws from `±sqrt(3 * scale / n)`. `input_axes` and `output_axes`
    say which axes of the weight hold input and output units where it is no `(*window, inputs, outputs)` kernel.

    >>> VarianceScaling(2.0, mode="fan_in", seed=1)((64, 32)).shape
    (64, 32)
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
    ) -> None:
        if scale <= 0.0:
            raise ValueError(f"scale is {scale!r}; expected a positive number.")
        if mode not in _MODES:
            raise ValueError(f"mode is {mode!r}; expected one of {', '.join(_MODES)}.")
        distribution = distribution.lower()
        if distribution == "normal":
            distribution = "truncated_normal"
        if distribution not in _DISTRIBUTIONS:
            raise ValueError(f"distribution is {distribution!r}; expected one of {', '.join(_DISTRIBUTIONS)}.")
        super().__init__(seed)
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        units = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, units))
        if self.distribution == "truncated_normal":
            return draw.truncated_normal(self.seed, shape, 0.0, stddev / _TRUNCATED_STDDEV, dtype)
        if self.distribution == "untruncated_normal":
            return draw.normal(self.seed, shape, 0.0, stddev, dtype)
        limit = math.sqrt(3.0) * stddev
        return draw.uniform(self.seed, shape, -limit, limit, dtype)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }

    def can_wait(self, shape: Sequence[int], dtype: str) -> bool:
        return super().can_wait(shape, dtype) and self.input_axes is None and self.output_axes is None


class _NamedScaling(VarianceScaling):
    """A `VarianceScaling` with its scale, mode and distribution fixed by the class."""

    _recipe: tuple[float, str, str]

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(*self._recipe, seed=seed, input_axes=input_axes, output_axes=output_axes)

    def get_config(self) -> dict:
        config = super().get_config()
        return {key: config[key] for key in ("seed", "input_axes", "output_axes")}


@builtin("keras.initializers")
class GlorotUniform(_NamedScaling):
    """Draws evenly from `±sqrt(6 / (fan_in + fan_out))`, the default for kernels.

    From [Glorot and Bengio, 2010](https://proceedings.mlr.press/v9/glorot10a.html).

    >>> bool(abs(GlorotUniform(seed=1)((3, 3))).max() <= 1.0)
    True
    """

    _recipe = (1.0, "fan_avg", "uniform")


@builtin("keras.initializers")
class GlorotNormal(_NamedScaling):
    """Draws from a truncated normal distribution with variance `2 / (fan_in + fan_out)`.

    From [Glorot and Bengio, 2010](https://proceedings.mlr.press/v9/glorot10a.html).

    >>> GlorotNormal(seed=1)((4, 5)).shape
    (4, 5)
    """

    _recipe = (1.0, "fan_avg", "truncated_normal")


@builtin("keras.initializers")
class LecunNormal(_NamedScaling):
    """Draws from a truncated normal distribution with variance `1 / fan_in`.

    From [Klambauer et al., 2017](https://arxiv.org/abs/1706.02515).

    >>> LecunNormal(seed=1)((4, 5)).shape
    (4, 5)
    """

    _recipe = (1.0, "fan_in", "truncated_normal")


@builtin("keras.initializers")
class LecunUniform(_NamedScaling):
    """Draws evenly from `±sqrt(3 / fan_in)`.

    From [Klambauer et al., 2017](https://arxiv.org/abs/1706.02515).

    >>> LecunUniform(seed=1)((4, 5)).shape
    (4, 5)
    """

    _recipe = (1.0, "fan_in", "uniform")


@builtin("keras.initializers")
class HeNormal(_NamedScaling):
    """Draws from a truncated normal distribution with variance `2 / fan_in`, made for ReLU networks.

    From [He et al., 2015](https://arxiv.org/abs/1502.01852).

    >>> HeNormal(seed=1)((4, 5)).shape
    (4, 5)
    """

    _recipe = (2.0, "fan_in", "truncated_normal")


@builtin("keras.initializers")
class HeUniform(_NamedScaling):
    """Draws evenly from `±sqrt(6 / fan_in)`, made for ReLU networks.

    From [He et al., 2015](https://arxiv.org/abs/1502.01852).

    >>> HeUniform(seed=1)((4, 5)).shape
    (4, 5)
    """

    _recipe = (2.0, "fan_in", "uniform")
