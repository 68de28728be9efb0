"""Blocks of images as channels or columns, and back."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from lapis.core.config import standardize_data_format
from lapis.graph import op
from lapis.ops.arrays import Tensor


def _pair(x: Any) -> tuple[int, int]:
    return (x, x) if isinstance(x, int) else tuple(x)


def _check_axes(name: str, x: Any, count: int) -> None:
    if x.ndim != count:
        raise ValueError(f"{name} takes an array of {count} axes, and got shape {x.shape}.")


@op
def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Every window of an image as a column: `(batch, channels, height, width)` to
    `(batch, channels * kernel height * kernel width, windows)`.

    Each option is a number, or one for the height and one for the width.

    >>> unfold(jnp.ones((1, 3, 4, 4)), 2).shape
    (1, 12, 9)
    """
    x = jnp.asarray(x)
    _check_axes("unfold", x, 4)
    windows = jax.lax.conv_general_dilated_patches(
        x,
        filter_shape=_pair(kernel_size),
        window_strides=_pair(stride),
        padding=[(p, p) for p in _pair(padding)],
        rhs_dilation=_pair(dilation),
    )
    return windows.reshape(*windows.shape[:2], -1)


@op
def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Columns of windows put back into an image, overlapping ones added up: the transpose of `unfold`.

    >>> fold(jnp.ones((1, 12, 9)), 4, 2).shape
    (1, 3, 4, 4)
    """
    x = jnp.asarray(x)
    _check_axes("fold", x, 3)
    channels = x.shape[1] // math.prod(_pair(kernel_size))
    image = jax.ShapeDtypeStruct((x.shape[0], channels, *_pair(output_size)), x.dtype)
    (folded,) = jax.linear_transpose(lambda i: unfold(i, kernel_size, dilation, padding, stride), image)(x)
    return folded


@op
def depth_to_space(x: Any, block_size: int, data_format: str | None = "channels_last") -> Tensor:
    """Channels laid out as blocks of `block_size` by `block_size` pixels.

    `(batch, height, width, channels)` becomes `(batch, height * b, width * b, channels / b**2)`.

    >>> depth_to_space(jnp.ones((1, 2, 2, 12)), 2).shape
    (1, 4, 4, 3)
    """
    x, b = jnp.asarray(x), block_size
    _check_axes("depth_to_space", x, 4)
    if standardize_data_format(data_format) == "channels_last":
        n, h, w, c = x.shape
        return x.reshape(n, h, w, b, b, c // b**2).transpose(0, 1, 3, 2, 4, 5).reshape(n, h * b, w * b, c // b**2)
    n, c, h, w = x.shape
    return x.reshape(n, c // b**2, b, b, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c // b**2, h * b, w * b)


@op
def space_to_depth(x: Any, block_size: int, data_format: str | None = "channels_last") -> Tensor:
    """Blocks of `block_size` by `block_size` pixels as channels, the inverse of `depth_to_space`.

    >>> space_to_depth(jnp.ones((1, 4, 4, 3)), 2).shape
    (1, 2, 2, 12)
    """
    x, b = jnp.asarray(x), block_size
    _check_axes("space_to_depth", x, 4)
    if standardize_data_format(data_format) == "channels_last":
        n, h, w, c = x.shape
        return x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h // b, w // b, c * b**2)
    n, c, h, w = x.shape
    return x.reshape(n, c, h // b, b, w // b, b).transpose(0, 1, 3, 5, 2, 4).reshape(n, c * b**2, h // b, w // b)
