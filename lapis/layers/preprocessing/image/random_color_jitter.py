"""Brightness, contrast, saturation and hue, one after the other."""

from typing import Any, Unpack

from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.color import RandomHue, RandomSaturation
from lapis.layers.preprocessing.image.color_layer import RandomColorLayer, checked_range
from lapis.layers.preprocessing.image.tone import RandomBrightness, RandomContrast


@builtin("keras.layers")
class RandomColorJitter(RandomColorLayer):
    """In training, applies `RandomBrightness`, `RandomContrast`, `RandomSaturation` and `RandomHue`, in this order.

    Args:
        value_range: the least and the greatest value of a pixel.
        brightness_factor: the factor of `RandomBrightness`; `None` leaves it out.
        contrast_factor: the factor of `RandomContrast`; `None` leaves it out.
        saturation_factor: the factor of `RandomSaturation`; `None` leaves it out.
        hue_factor: the factor of `RandomHue`; `None` leaves it out.
        seed: an integer; `None` draws one.
        data_format: "channels_last" or "channels_first"; by default the global setting.

    >>> import numpy as np
    >>> RandomColorJitter(brightness_factor=0.2, hue_factor=0.1)(np.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    _arguments = ("value_range", "brightness_factor", "contrast_factor", "saturation_factor", "hue_factor", "seed")

    def __init__(
        self,
        value_range: tuple[float, float] = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.value_range = checked_range("RandomColorJitter", value_range)
        self.brightness_factor = brightness_factor
        self.contrast_factor = contrast_factor
        self.saturation_factor = saturation_factor
        self.hue_factor = hue_factor
        self.random_brightness = self._part(RandomBrightness, brightness_factor)
        self.random_contrast = self._part(RandomContrast, contrast_factor)
        self.random_saturation = self._part(RandomSaturation, saturation_factor)
        self.random_hue = self._part(RandomHue, hue_factor)

    def _part(self, kind: Any, factor: Any) -> Any:
        if factor is None:
            return None
        return kind(
            factor, value_range=self.value_range, seed=self.seed, data_format=self.data_format, dtype=self.dtype_policy
        )

    @property
    def _parts(self) -> dict[str, Any]:
        """The layers inside by name, in the order in which they act."""
        names = ("random_brightness", "random_contrast", "random_saturation", "random_hue")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def _draw(self, shape: tuple, seed: Any) -> dict:
        return {name: part._draw(shape, seed) for name, part in self._parts.items()}

    def _change(self, images: Any, transformation: Any) -> Any:
        for name, part in self._parts.items():
            images = part.transform_images(images, transformation[name])
        return images
