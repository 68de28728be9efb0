"""Histogram equalization of tiles, with limited contrast."""

from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.image.color_layer import ColorLayer, checked_range
from lapis.state import claim_memory

LEVELS = 256


@builtin("keras.layers")
class ContrastLimitedAdaptiveHistogramEqualization(ColorLayer):
    """Equalizes the histogram of each tile of each channel, and blends the results of neighbouring tiles.

    It does so in training and outside, and keeps the type of the images. From Zuiderveld, "Contrast Limited Adaptive
    Histogram Equalization", Graphics Gems IV, 1994.

    Args:
        value_range: the least and the greatest value of a pixel.
        clip_limit: how often a level may occur in a tile, in multiples of the mean over all 256 levels; what is above
            is spread over all levels. 0 for no limit.
        tile_grid_size: how many tiles lie (below, beside) one another.
        data_format: "channels_last" or "channels_first"; by default the global setting.

    >>> import numpy as np
    >>> layer = ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))
    >>> layer(np.zeros((8, 8, 3), "uint8")).dtype
    dtype('uint8')
    """

    def __init__(
        self,
        value_range: tuple[float, float] = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: tuple[int, int] = (8, 8),
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = checked_range("ContrastLimitedAdaptiveHistogramEqualization", value_range)
        self.clip_limit = clip_limit
        self.tile_grid_size = tile_grid_size

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images with their tiles equalized."""
        levels = self._transform_value_range(images, self.value_range, (0, 255))
        levels = ops.moveaxis(ops.cast(levels, "float32"), self._channel_axis, -3)
        equalized = ops.moveaxis(self._equalize(levels), -3, self._channel_axis)
        equalized = self._transform_value_range(equalized, (0, 255), self.value_range)
        return ops.cast(equalized, images.dtype)

    def _equalize(self, planes: Any) -> Any:
        """All planes `(..., height, width)`, with values from 0 to 255."""
        *_, height, width = shape = planes.shape
        rows, columns = self.tile_grid_size
        claim_memory(f"{self.path}/tiles", (64, rows + columns), "int64")
        tile_height, tile_width = -(-height // rows), -(-width // columns)
        margins = ((0, 0), (0, rows * tile_height - height), (0, columns * tile_width - width))
        planes = ops.pad(ops.reshape(planes, (-1, height, width)), margins, mode="symmetric")
        pixels = ops.cast(ops.clip(planes, 0, LEVELS - 1), "int32")
        tiles = ops.reshape(pixels, (-1, rows, tile_height, columns, tile_width))
        tiles = ops.reshape(ops.transpose(tiles, (0, 1, 3, 2, 4)), (-1, tile_height * tile_width))
        tables = ops.reshape(self._tables(tiles), (-1, rows, columns, LEVELS))
        above, below, down = _neighbours(tile_height * rows, tile_height, rows)
        left, right, across = _neighbours(tile_width * columns, tile_width, columns)
        plane = ops.arange(pixels.shape[0])[:, None, None]

        def looked_up(row: Any, column: Any) -> Any:
            tile = (plane * rows + row[:, None]) * columns + column
            return ops.take(tables.ravel(), tile * LEVELS + pixels)

        upper = looked_up(above, left) * (1 - across) + looked_up(above, right) * across
        lower = looked_up(below, left) * (1 - across) + looked_up(below, right) * across
        blended = upper * (1 - down[:, None]) + lower * down[:, None]
        return ops.reshape(blended[:, :height, :width], shape)

    def _tables(self, tiles: Any) -> Any:
        """What each level becomes in each tile, `(tiles, levels)`, from pixels `(tiles, pixels)`."""
        count, size = tiles.shape
        numbered = tiles + LEVELS * ops.arange(count)[:, None]
        frequency = ops.segment_sum(ops.ones(numbered.shape, "float32").ravel(), numbered.ravel(), count * LEVELS)
        frequency = ops.reshape(frequency, (count, LEVELS))
        if self.clip_limit > 0:
            clipped = ops.minimum(frequency, self.clip_limit * size / LEVELS)
            frequency = clipped + ops.sum(frequency - clipped, axis=1, keepdims=True) / LEVELS
        cumulated = ops.cumsum(frequency, axis=1)
        least = cumulated[:, :1]
        rest = size - least
        return ops.clip((cumulated - least) * 255 / ops.where(rest == 0, 1.0, rest), 0, 255)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "value_range": self.value_range,
            "clip_limit": self.clip_limit,
            "tile_grid_size": self.tile_grid_size,
        }


def _neighbours(length: int, tile: int, count: int) -> tuple[Any, Any, Any]:
    """For each place along an axis the tiles whose middles lie before and after it, and how near the second is."""
    place = (ops.arange(length, dtype="float32") - tile / 2) / tile
    before = ops.floor(place)
    first = ops.cast(ops.clip(before, 0, count - 1), "int32")
    second = ops.cast(ops.clip(before + 1, 0, count - 1), "int32")
    return first, second, place - before
