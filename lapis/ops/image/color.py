"""Colour spaces."""

from typing import Any

import jax.numpy as jnp

from lapis.core.dtypes import result_type
from lapis.graph import op
from lapis.ops.arrays import Tensor
from lapis.ops.image.layout import images_array


def _planes(name: str, images: Any, data_format: str | None) -> tuple[Any, int]:
    """The three colour planes as one array each, and the axis that they came from."""
    images, last = images_array(name, images, data_format)
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(f"{name} takes floats between 0 and 1, and got {images.dtype}; divide whole numbers by 255.")
    axis = -1 if last else -3
    if images.shape[axis] != 3:
        raise ValueError(f"{name} takes three channels on axis {axis}, and got shape {images.shape}.")
    return jnp.moveaxis(images, axis, 0), axis


@op
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Tensor:
    """Brightness, `0.2989 red + 0.587 green + 0.114 blue`, in one channel; grey images stay as they are.

    >>> rgb_to_grayscale(jnp.ones((1, 2, 2, 3))).shape
    (1, 2, 2, 1)
    """
    images, last = images_array("rgb_to_grayscale", images, data_format)
    axis = -1 if last else -3
    if images.shape[axis] not in (1, 3):
        raise ValueError(f"rgb_to_grayscale takes one or three channels on axis {axis}, and got shape {images.shape}.")
    if images.shape[axis] == 1:
        return images
    weights = jnp.array([0.2989, 0.587, 0.114], result_type(images.dtype, float))
    grey = jnp.tensordot(images.astype(weights.dtype), weights, axes=(axis, 0))
    return jnp.expand_dims(grey, axis).astype(images.dtype)


@op
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Tensor:
    """Red, green and blue as hue, saturation and value, all between 0 and 1.

    >>> [round(v, 3) for v in rgb_to_hsv([[[0.0, 1.0, 0.0]]]).ravel().tolist()]
    [0.333, 1.0, 1.0]
    """
    planes, axis = _planes("rgb_to_hsv", images, data_format)
    red, green, blue = jnp.where(jnp.abs(planes) < jnp.finfo(planes.dtype).eps, 0.0, planes)
    value = jnp.maximum(jnp.maximum(red, green), blue)
    spread = value - jnp.minimum(jnp.minimum(red, green), blue)
    saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, 1.0), 0.0)
    sixth = 1.0 / (6.0 * jnp.where(spread > 0, spread, 1.0))
    of_green_or_blue = jnp.where(value == green, sixth * (blue - red) + 1 / 3, sixth * (red - green) + 2 / 3)
    hue = jnp.where(value == red, sixth * (green - blue), of_green_or_blue)
    hue = jnp.where(spread > 0, hue, 0.0)
    return jnp.stack([jnp.where(hue < 0, hue + 1.0, hue), saturation, value], axis=axis)


@op
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Tensor:
    """Hue, saturation and value as red, green and blue, all between 0 and 1.

    >>> [round(v, 3) for v in hsv_to_rgb([[[1 / 3, 1.0, 1.0]]]).ravel().tolist()]
    [0.0, 1.0, 0.0]
    """
    (hue, saturation, value), axis = _planes("hsv_to_rgb", images, data_format)
    turn = jnp.mod(hue, 1.0) * 6.0
    ramps = (jnp.abs(turn - 3.0) - 1.0, 2.0 - jnp.abs(turn - 2.0), 2.0 - jnp.abs(turn - 4.0))
    colours = [value * (1.0 - saturation + saturation * jnp.clip(ramp, 0.0, 1.0)) for ramp in ramps]
    return jnp.stack(colours, axis=axis)
