"""Where an image's axes lie, and the checks that all functions on images share."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from lapis.core.config import standardize_data_format

INTERPOLATION_ORDER = {"nearest": 0, "bilinear": 1}
FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


def images_array(name: str, images: Any, data_format: str | None) -> tuple[Any, bool]:
    """The images as an array, and whether channels come last."""
    images = jnp.asarray(images)
    if images.ndim not in (3, 4):
        raise ValueError(f"{name} takes one image (3 axes) or a batch of them (4 axes), and got shape {images.shape}.")
    return images, standardize_data_format(data_format) == "channels_last"


def one_of(name: str, argument: str, value: Any, allowed: Any) -> Any:
    """`value`, or a `ValueError` where it is none of those allowed."""
    if value not in allowed:
        raise ValueError(f"{name} got {argument}={value!r}; expected one of {', '.join(map(repr, allowed))}.")
    return value


def over_planes(function: Callable, images: Any, channels_last: bool) -> Any:
    """`function` on the images as `(batch, channels, height, width)`, the result laid out as the images were."""
    single = images.ndim == 3
    planes = images[None] if single else images
    planes = jnp.moveaxis(planes, -1, 1) if channels_last else planes
    result = function(planes)
    result = jnp.moveaxis(result, 1, 3) if channels_last else result
    return result[0] if single else result
