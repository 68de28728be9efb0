"""Windows that slide over images: blur, edges, similarity, patches."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lapis.core.config import standardize_data_format
from lapis.core.dtypes import result_type
from lapis.graph import op
from lapis.ops.arrays import Tensor
from lapis.ops.image.layout import images_array, one_of, over_planes


def _slide(planes: Any, kernel: Any, padding: str = "SAME") -> Any:
    """One kernel `(height, width)` over every plane of `(batch, channels, height, width)`."""
    channels = planes.shape[1]
    kernels = jnp.broadcast_to(kernel, (channels, 1, *kernel.shape))
    return jax.lax.conv_general_dilated(planes, kernels, (1, 1), padding, feature_group_count=channels)


def _bell(length: int, sigma: Any, dtype: Any) -> Any:
    """The normal distribution at `length` places around its middle, adding up to 1."""
    place = jnp.arange(length, dtype=dtype) - (length - 1) / 2
    bell = jnp.exp(-0.5 * (place / sigma) ** 2)
    return bell / jnp.sum(bell)


def blur_planes(planes: Any, kernel_size: Sequence[int], sigma: Any) -> Any:
    """`gaussian_blur` of `(batch, channels, height, width)`."""
    across, down = (_bell(n, s, planes.dtype) for n, s in zip(kernel_size, sigma))
    return _slide(planes, jnp.outer(down, across))


@op
def gaussian_blur(
    images: Any, kernel_size: Sequence[int] = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None
) -> Tensor:
    """Images averaged with a bell of `kernel_size` pixels and width `sigma`, each given as (across, down).

    >>> gaussian_blur(jnp.ones((1, 4, 4, 3))).shape
    (1, 4, 4, 3)
    """
    images, last = images_array("gaussian_blur", images, data_format)
    sigma = jnp.asarray(sigma, images.dtype)
    return over_planes(lambda planes: blur_planes(planes, kernel_size, sigma), images, last)


@op
def sobel_edges(images: Any, data_format: str | None = None) -> Tensor:
    """How much a batch of images changes downwards and to the right, on a new last axis of size 2.

    >>> sobel_edges(jnp.ones((1, 4, 4, 3))).shape
    (1, 4, 4, 3, 2)
    """
    images = jnp.asarray(images)
    if images.ndim != 4:
        raise ValueError(f"sobel_edges takes a batch of images (4 axes), and got shape {images.shape}.")
    last = standardize_data_format(data_format) == "channels_last"
    right = jnp.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], images.dtype)
    edges = [over_planes(lambda planes, k=k: _slide(planes, k), images, last) for k in (right.T, right)]
    return jnp.stack(edges, axis=-1)


@op
def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Tensor:
    """The structural similarity of pairs of images, 1 for equal ones: `(batch,)`, or a scalar for single images.

    Means, variances and the covariance are taken in windows with a bell of `filter_size` pixels and width
    `filter_sigma`. Source: https://doi.org/10.1109/TIP.2003.819861.

    >>> round(float(ssim(jnp.ones((12, 12, 1)), jnp.ones((12, 12, 1)))), 4)
    1.0
    """
    image1, last = images_array("ssim", image1, data_format)
    image2, _ = images_array("ssim", image2, data_format)
    dtype = image1.dtype
    wide = result_type(dtype, float)
    bell = _bell(filter_size, filter_sigma, wide)
    kernel = jnp.outer(bell, bell)
    axis = -1 if last else -3
    first, second = (jnp.moveaxis(image.astype(wide), axis, -3) for image in (image1, image2))
    single = first.ndim == 3
    first, second = (first[None], second[None]) if single else (first, second)

    def mean(planes: Any) -> Any:
        return _slide(planes, kernel, "VALID")

    mean1, mean2 = mean(first), mean(second)
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    variance1, variance2 = mean(first * first) - mean1**2, mean(second * second) - mean2**2
    covariance = mean(first * second) - mean1 * mean2
    similarity = (2 * mean1 * mean2 + c1) * (2 * covariance + c2)
    similarity = similarity / ((mean1**2 + mean2**2 + c1) * (variance1 + variance2 + c2))
    result = similarity.mean(axis=(1, 2, 3)).astype(dtype)
    return result[0] if single else result


def _patches(x: Any, size: Any, strides: Any, dilation: Any, padding: str, data_format: Any, n: int) -> Any:
    x = jnp.asarray(x)
    last = standardize_data_format(data_format) == "channels_last"
    one_of("extract_patches", "padding", padding.lower(), ("valid", "same"))
    if x.ndim not in (n + 1, n + 2):
        raise ValueError(f"extract_patches takes an array of {n + 1} or {n + 2} axes, and got shape {x.shape}.")
    single = x.ndim == n + 1
    x = x[None] if single else x
    x = jnp.moveaxis(x, -1, 1) if last else x
    size = (size,) * n if isinstance(size, int) else tuple(size)
    strides = size if not strides else (strides,) * n if isinstance(strides, int) else tuple(strides)
    dilation = (dilation,) * n if isinstance(dilation, int) else tuple(dilation)
    found = jax.lax.conv_general_dilated_patches(x, size, strides, padding.upper(), rhs_dilation=dilation)
    # JAX numbers a patch's elements channel by channel, Keras pixel by pixel.
    places = found.shape[2:]
    found = found.reshape(found.shape[0], x.shape[1], math.prod(size), *places).swapaxes(1, 2)
    found = found.reshape(found.shape[0], x.shape[1] * math.prod(size), *places)
    found = jnp.moveaxis(found, 1, -1) if last else found
    return found[0] if single else found


@op
def extract_patches(
    images: Any,
    size: int | Sequence[int],
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Every window of `size` pixels as one long channel: `(..., height, width, channels)` to
    `(..., rows of windows, columns of windows, size * size * channels)`.

    Windows lie side by side unless `strides` says otherwise. A `size` of three numbers means volumes.

    >>> extract_patches(jnp.ones((1, 4, 4, 3)), 2).shape
    (1, 2, 2, 12)
    """
    if not isinstance(size, int):
        if not isinstance(size, (list, tuple)):
            raise TypeError(f"extract_patches takes size as a number or a tuple, and got {type(size).__name__}.")
        if len(size) not in (2, 3):
            raise ValueError(f"extract_patches takes a size of two numbers (or three for volumes), and got {size}.")
    count = 2 if isinstance(size, int) else len(size)
    return _patches(images, size, strides, dilation_rate, padding, data_format, count)


def extract_patches_3d(
    volumes: Any,
    size: int | Sequence[int],
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """`extract_patches` of volumes, `(..., depth, height, width, channels)`.

    >>> extract_patches_3d(jnp.ones((1, 4, 4, 4, 1)), 2).shape
    (1, 2, 2, 2, 8)
    """
    size = (size,) * 3 if isinstance(size, int) else size
    return extract_patches(volumes, size, strides, dilation_rate, padding, data_format)
