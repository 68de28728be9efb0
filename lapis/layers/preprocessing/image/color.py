"""Hue, saturation, and shades of grey."""

from typing import Any, Unpack

import lapis.ops as ops
import lapis.random as random
from lapis.core.config import epsilon
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.base import images_in
from lapis.layers.preprocessing.image.color_layer import RandomColorLayer, checked_range


@builtin("keras.layers")
class RandomHue(RandomColorLayer):
    """In training, turns the hue of each image.

    Args:
        factor: by how much, in halves of the whole circle and in either direction: a pair of bounds from 0 to 1 to
            draw it between, or a number `f` for `(0, f)`.
        value_range: the least and the greatest value of a pixel.
        data_format: "channels_last" or "channels_first"; by default the global setting.
        seed: an integer; `None` draws one.

    >>> import numpy as np
    >>> RandomHue(0.0)(np.array([[[255.0, 0.0, 0.0]]]), training=True).ravel().tolist()
    [255.0, 0.0, 0.0]
    """

    _FACTOR_BOUNDS = (0, 1)

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
        self.value_range = checked_range("RandomHue", value_range)

    def _draw(self, shape: tuple, seed: Any) -> dict:
        count = (images_in(shape),)
        sign = ops.where(random.uniform(count, seed=seed) > 0.5, -1.0, 1.0)
        return {"factor": sign * random.uniform(count, *self.factor, seed=seed) * 0.5}

    def _change(self, images: Any, transformation: Any) -> Any:
        images = self._transform_value_range(images, self.value_range, (0, 1))
        turn = ops.cast(ops.reshape(transformation["factor"], (-1, 1, 1)), images.dtype)
        axis = self._channel_axis
        hue, saturation, value = ops.unstack(ops.image.rgb_to_hsv(images, self.data_format), 3, axis=axis)
        hue = hue + turn
        hue = ops.where(hue > 1, hue - 1, hue)
        hue = ops.where(hue < 0, hue + 1, hue)
        images = ops.image.hsv_to_rgb(ops.stack([hue, saturation, value], axis=axis), self.data_format)
        return self._transform_value_range(ops.clip(images, 0, 1), (0, 1), self.value_range)


@builtin("keras.layers")
class RandomSaturation(RandomColorLayer):
    """In training, multiplies the saturation of each image by `f / (1 - f)`.

    Args:
        factor: bounds from -1 to 1 to draw `f` between, or a number `f` for `(-f, f)`; 0.5 changes nothing, and what
            is not above 0 takes all colour away.
        value_range: the least and the greatest value of a pixel, in any order; saturations are held between them.
        data_format: "channels_last" or "channels_first"; by default the global setting.
        seed: an integer; `None` draws one.

    >>> import numpy as np
    >>> RandomSaturation((0.0, 0.0))(np.array([[[200.0, 100.0, 50.0]]]), training=True).ravel().tolist()
    [200.0, 200.0, 200.0]
    """

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
        self.value_range = sorted(checked_range("RandomSaturation", value_range))

    def _draw(self, shape: tuple, seed: Any) -> dict:
        factor = random.uniform((images_in(shape),), *self.factor, seed=seed)
        return {"factor": factor / (1 - factor + epsilon())}

    def _change(self, images: Any, transformation: Any) -> Any:
        factor = ops.cast(ops.reshape(transformation["factor"], (-1, 1, 1)), self.compute_dtype)
        axis = self._channel_axis
        hue, saturation, value = ops.unstack(ops.image.rgb_to_hsv(images, self.data_format), 3, axis=axis)
        saturation = ops.clip(saturation * factor, *self.value_range)
        return ops.image.hsv_to_rgb(ops.stack([hue, saturation, value], axis=axis), self.data_format)


@builtin("keras.layers")
class RandomColorDegeneration(RandomColorLayer):
    """In training, moves each image towards its shades of grey: `x + f * (grey - x)`.

    Args:
        factor: bounds from -1 to 1 to draw `f` between, or a number `f` for `(-f, f)`; 1 is grey, and below 0 colours
            become stronger.
        value_range: the least and the greatest value of a pixel, in any order; results are held between them.
        data_format: "channels_last" or "channels_first"; by default the global setting.
        seed: an integer; `None` draws one.

    >>> import numpy as np
    >>> image = RandomColorDegeneration((1.0, 1.0))(np.array([[[0.0, 100.0, 0.0]]]), training=True)
    >>> [round(value, 1) for value in image.ravel().tolist()]
    [58.7, 58.7, 58.7]
    """

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
        self.value_range = sorted(checked_range("RandomColorDegeneration", value_range))

    def _draw(self, shape: tuple, seed: Any) -> dict:
        return {"factor": random.uniform((images_in(shape), 1, 1, 1), *self.factor, seed=seed)}

    def _change(self, images: Any, transformation: Any) -> Any:
        factor = ops.cast(transformation["factor"], self.compute_dtype)
        grey = ops.image.rgb_to_grayscale(images, self.data_format)
        return ops.clip(images + factor * (grey - images), *self.value_range)


@builtin("keras.layers")
class RandomGrayscale(RandomColorLayer):
    """In training, turns some images grey, their three channels alike; the type stays that of the images.

    Args:
        factor: the chance that an image turns grey, from 0 to 1.
        data_format: "channels_last" or "channels_first"; by default the global setting.
        seed: an integer; `None` draws one.

    >>> import numpy as np
    >>> RandomGrayscale(1.0)(np.array([[[0, 100, 0]]], "uint8"), training=True).ravel().tolist()
    [58, 58, 58]
    """

    _arguments = ("factor", "seed")
    factor: Any

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        if not 0 <= factor <= 1:
            raise ValueError(f"RandomGrayscale got factor={factor!r}; expected a number from 0 to 1.")
        self.factor = factor

    def _draw(self, shape: tuple, seed: Any) -> Any:
        return random.uniform((images_in(shape), 1, 1, 1), seed=seed) < self.factor

    # Arguments of other names than elsewhere, as in Keras.

    def get_random_transformation(self, images: Any, training: bool = True, seed: Any = None) -> Any:
        """Which images turn grey, `(batch, 1, 1, 1)`; `None` outside training."""
        return super().get_random_transformation(images, training, seed)

    def transform_labels(self, labels: Any, transformations: Any = None, **kwargs: Any) -> Any:
        """The labels as they are."""
        return labels

    def transform_segmentation_masks(self, segmentation_masks: Any, transformations: Any = None, **kwargs: Any) -> Any:
        """The masks as they are."""
        return segmentation_masks

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images, those grey that were drawn."""
        if not training or transformation is None:
            return images
        return ops.where(transformation, ops.image.rgb_to_grayscale(images, self.data_format), images)
