"""`tf.image`."""

from typing import Any

import lapis.ops as ops
from lapis.compat.tensorflow.refusals import refusal as _refusal
from lapis.ops.image import hsv_to_rgb as hsv_to_rgb
from lapis.ops.image import rgb_to_grayscale as rgb_to_grayscale
from lapis.ops.image import rgb_to_hsv as rgb_to_hsv


def resize(
    images: Any,
    size: Any,
    method: str = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
    name: str | None = None,
) -> Any:
    """Images `(..., height, width, channels)` scaled to `size`, as floats; `preserve_aspect_ratio` must be false."""
    if preserve_aspect_ratio:
        raise ValueError("tf.image.resize keeps no proportions here; lapis.ops.image.resize can crop or pad.")
    return ops.image.resize(ops.cast(images, "float32"), size, method, antialias, data_format="channels_last")


def flip_left_right(image: Any) -> Any:
    """Images mirrored left to right."""
    return ops.flip(image, axis=-2)


def flip_up_down(image: Any) -> Any:
    """Images mirrored upside down."""
    return ops.flip(image, axis=-3)


def __getattr__(name: str) -> Any:
    raise _refusal("tf.image", name, globals())
