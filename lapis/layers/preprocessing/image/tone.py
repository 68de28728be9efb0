"""Brightness, contrast and inversion."""

from typing import Any, Unpack

import lapis.ops as ops
import lapis.random as random
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.color_layer import RandomColorLayer, checked_range, per_image


@builtin("keras.layers")
class RandomBrightness(RandomColorLayer):
    """In training, makes each image brighter or darker: adds one number to all of its values.

    Args:
        factor: the part of the value range that is added, from -1 to 1: a pair of bounds to draw it between, or a
            number `f` for `(-f, f)`.
        value_range: the least and the greatest value of a pixel, in any order; results are held between them.
        seed: an integer; `None` draws one.

    >>> import numpy as np
    >>> RandomBrightness((0.5, 0.5))(np.full((2, 2, 1), 100.0), training=True).ravel().tolist()
    [227.5, 227.5, 227.5, 227.5]
    """

    _USE_BASE_FACTOR = True

    def __init__(
        self,
        factor: Any,
        value_range: tuple[float, float] = (0, 255),
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, factor=factor, **kwargs)
        self.value_range = sorted(checked_range("RandomBrightness", value_range))

    def _draw(self, shape: tuple, seed: Any) -> dict:
        low, high = self.value_range
        delta = random.uniform(per_image(shape), *self.factor, seed=seed)
        return {"rgb_delta": delta * (high - low)}

    def _change(self, images: Any, transformation: Any) -> Any:
        delta = ops.cast(transformation["rgb_delta"], self.compute_dtype)
        return ops.clip(images + delta, *self.value_range)


@builtin("keras.layers")
class RandomContrast(RandomColorLayer):
    """In training, `(x - mean) * contrast + mean` with the mean of each image and channel.

    Args:
        factor: contrasts are drawn between `1 - factor[0]` and `1 + factor[1]`; a number `f` from 0 to 1 means the
            pair `(0, f)`.
        value_range: the least and the greatest value of a pixel; results are held between them.
        seed: an integer; `None` draws one.

    >>> import numpy as np
    >>> RandomContrast(0.0)(np.array([[[1.0], [3.0]]]), training=True).ravel().tolist()
    [1.0, 3.0]
    """

    _FACTOR_BOUNDS = (0, 1)

    def __init__(
        self,
        factor: Any,
        value_range: tuple[float, float] = (0, 255),
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, **kwargs)
        self._set_factor(factor)
        self.value_range = checked_range("RandomContrast", value_range)

    def _draw(self, shape: tuple, seed: Any) -> dict:
        low, high = self.factor
        drawn = random.uniform(per_image(shape), 1.0 - low, 1.0 + high, dtype=self.compute_dtype, seed=seed)
        return {"contrast_factor": drawn}

    def _change(self, images: Any, transformation: Any) -> Any:
        mean = ops.mean(images, axis=self._spatial_axes, keepdims=True)
        factor = ops.cast(transformation["contrast_factor"], self.compute_dtype)
        return ops.clip((images - mean) * factor + mean, *self.value_range)


@builtin("keras.layers")
class RandomInvert(RandomColorLayer):
    """In training, replaces the values `x` of some images by `value_range[1] - x`.

    Args:
        factor: the chance that an image is inverted, from 0 to 1: a pair of bounds to draw the chance between, or a
            number `f` for `(0, f)`.
        value_range: the least and the greatest value of a pixel.
        seed: an integer; `None` draws one.
        data_format: "channels_last" or "channels_first"; by default the global setting.

    >>> import numpy as np
    >>> RandomInvert((1.0, 1.0))(np.array([[[0.0], [55.0]]]), training=True).ravel().tolist()
    [255.0, 200.0]
    """

    _FACTOR_BOUNDS = (0, 1)

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: tuple[float, float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self._set_factor(factor)
        self.value_range = checked_range("RandomInvert", value_range)

    def _draw(self, shape: tuple, seed: Any) -> dict:
        return {"apply_inversion": self._chosen(shape, seed)}

    def _change(self, images: Any, transformation: Any) -> Any:
        chosen = ops.reshape(transformation["apply_inversion"], (-1, 1, 1, 1))
        return ops.where(chosen, self.value_range[1] - images, images)
