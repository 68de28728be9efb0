"""All values equally often."""

from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.color_layer import ColorLayer, checked_range


@builtin("keras.layers")
class Equalization(ColorLayer):
    """In training, equalizes the histogram of each channel: spreads its values so that all are about equally frequent.

    One histogram counts a channel of all images of the batch, as in Keras. With `cdf(v)`, the number of pixels up to
    the bin of `v`, a value becomes `255 * (cdf(v) - cdf_min) / (cdf_max - cdf_min)`, rounded. A channel of one value
    stays as it is.

    Args:
        value_range: the least and the greatest value of a pixel, in any order.
        bins: how many bins the histogram has.
        data_format: "channels_last" or "channels_first"; by default the global setting.

    >>> import numpy as np
    >>> Equalization()(np.array([[[10.0], [11.0], [11.0], [12.0]]]), training=True).ravel().tolist()
    [0.0, 170.0, 170.0, 255.0]
    """

    def __init__(
        self,
        value_range: tuple[float, float] = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = sorted(checked_range("Equalization", value_range))
        self.bins = bins

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        return training

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images with their channels equalized, in the compute type; only cast outside training."""
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        levels = self._transform_value_range(images, self.value_range, (0, 255))
        planes = ops.moveaxis(levels, self._channel_axis, 0)
        equalized = ops.moveaxis(self._equalize(planes), 0, self._channel_axis)
        return ops.cast(self._transform_value_range(equalized, (0, 255), self.value_range), self.compute_dtype)

    def _equalize(self, planes: Any) -> Any:
        """Channels `(channels, ...)` with values from 0 to 255, each equalized by itself."""
        channels = planes.shape[0]
        bins = ops.cast(ops.clip(planes * (self.bins - 1) / 255, 0, self.bins - 1), "int32")
        # The channels' histograms are counted as one, and their tables read as one, each beginning where the last ends.
        numbered = ops.reshape(bins, (channels, -1)) + self.bins * ops.arange(channels)[:, None]
        counts = ops.segment_sum(ops.ones_like(numbered).ravel(), numbered.ravel(), channels * self.bins)
        counts = ops.reshape(counts, (channels, self.bins))
        cumulated = ops.cumsum(counts, axis=1)
        pixels = cumulated[:, -1:]
        least = ops.min(ops.where(cumulated > 0, cumulated, pixels), axis=1, keepdims=True)
        table = ops.cast(cumulated - least, "float32") * 255 / ops.maximum(pixels - least, 1)
        table = ops.clip(ops.round(table), 0, 255)
        equalized = ops.reshape(ops.take(table.ravel(), numbered), planes.shape)
        one_value = ops.sum(counts > 0, axis=1) <= 1
        return ops.where(ops.reshape(one_value, (-1, *[1] * (planes.ndim - 1))), planes, equalized)

    def get_config(self) -> dict:
        return {**super().get_config(), "bins": self.bins, "value_range": self.value_range}
