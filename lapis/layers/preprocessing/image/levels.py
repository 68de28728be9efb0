"""Fewer levels of colour: posterization and solarization."""

from typing import Any, Unpack

import lapis.ops as ops
import lapis.random as random
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.base import images_in
from lapis.layers.preprocessing.image.color_layer import RandomColorLayer, checked_range, per_image


@builtin("keras.layers")
class RandomPosterization(RandomColorLayer):
    """In training, keeps only the highest bits of each value, taken as a whole number from 0 to 255.

    Args:
        factor: how many bits are kept, from 1 to 8: a pair of bounds to draw it between, the upper one left out
            unless they agree, or a number `f` for `(1, f)`.
        value_range: the least and the greatest value of a pixel, in any order.
        data_format: "channels_last" or "channels_first"; by default the global setting.
        seed: an integer; `None` draws one.

    >>> import numpy as np
    >>> RandomPosterization((1, 1))(np.array([[[100.0], [200.0]]]), training=True).ravel().tolist()
    [0.0, 128.0]
    """

    _FACTOR_BOUNDS = (1, 8)

    def __init__(
        self,
        factor: Any,
        value_range: tuple[float, float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self._set_factor(factor)
        self.value_range = sorted(checked_range("RandomPosterization", value_range))

    def _draw(self, shape: tuple, seed: Any) -> dict:
        low, high = self.factor
        if low == high:
            bits = ops.full((images_in(shape),), low, dtype="uint8")
        else:
            bits = random.randint((images_in(shape),), low, high, dtype="uint8", seed=seed)
        return {"shift_factor": 8 - bits}

    def _change(self, images: Any, transformation: Any) -> Any:
        shift = ops.reshape(transformation["shift_factor"], (-1, 1, 1, 1))
        images = self._transform_value_range(images, self.value_range, (0, 255), dtype=self.compute_dtype)
        images = ops.cast(images, "uint8")
        images = ops.left_shift(ops.right_shift(images, shift), shift)
        images = ops.cast(images, self.compute_dtype)
        return self._transform_value_range(images, (0, 255), self.value_range, dtype=self.compute_dtype)


@builtin("keras.layers")
class Solarization(RandomColorLayer):
    """In training, adds to all values of an image, and inverts those that are at least as large as a threshold.

    Values are taken from 0 to 255. Additions are drawn between `addition_factor[0]` and `255 * addition_factor[1]`,
    thresholds in the same way.

    Args:
        addition_factor: a pair of numbers from 0 to 1, or a number `f` for `(0, f)`.
        threshold_factor: likewise.
        value_range: the least and the greatest value of a pixel, in any order.
        seed: an integer; `None` draws one.

    >>> import numpy as np
    >>> Solarization()(np.array([[[100.0], [200.0]]]), training=True).ravel().tolist()
    [155.0, 55.0]
    """

    _arguments = ("value_range", "addition_factor", "threshold_factor", "seed")

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: tuple[float, float] = (0, 255),
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, **kwargs)
        self.addition_factor = _bounds("addition_factor", addition_factor)
        self.threshold_factor = _bounds("threshold_factor", threshold_factor)
        self.value_range = sorted(checked_range("Solarization", value_range))

    def _draw(self, shape: tuple, seed: Any) -> dict:
        def drawn(factor: tuple) -> Any:
            low, high = factor
            return random.uniform(per_image(shape), low, high * 255, dtype=self.compute_dtype, seed=seed)

        return {"additions": drawn(self.addition_factor), "thresholds": drawn(self.threshold_factor)}

    def _change(self, images: Any, transformation: Any) -> Any:
        images = self._transform_value_range(images, self.value_range, (0, 255), dtype=self.compute_dtype)
        images = ops.clip(images + transformation["additions"], 0, 255)
        images = ops.where(images < transformation["thresholds"], images, 255 - images)
        return self._transform_value_range(images, (0, 255), self.value_range, dtype=self.compute_dtype)


def _bounds(name: str, factor: Any) -> tuple:
    """The least and the greatest factor, from a pair or from the greatest."""
    ends = sorted(factor) if isinstance(factor, (tuple, list)) and len(factor) == 2 else [0, factor]
    if not all(isinstance(end, (int, float)) and 0 <= end <= 1 for end in ends):
        raise ValueError(f"Solarization got {name}={factor!r}; expected a number from 0 to 1, or a pair of them.")
    return tuple(ends)
