"""Images made larger or smaller: scaled, padded, cropped."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lapis.graph import op
from lapis.ops.arrays import Tensor, to_array
from lapis.ops.core import saturate_cast
from lapis.ops.image.layout import images_array, one_of

_METHODS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")
_TRANSLATE_METHODS = ("linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5")


@op
def resize(
    images: Any,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Images scaled to `size`, `(height, width)`; whole numbers are rounded.

    Args:
        images: `(height, width, channels)` or `(batch, height, width, channels)`, or with channels first.
        size: the new height and width.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        antialias: smooth first when making images smaller.
        crop_to_aspect_ratio: cut what sticks out, instead of changing the proportions.
        pad_to_aspect_ratio: fill what is missing with `fill_value`, instead of changing the proportions.
        fill_mode: `"constant"`.

    >>> resize(jnp.ones((1, 4, 4, 3)), (2, 6)).shape
    (1, 2, 6, 3)
    """
    one_of("resize", "interpolation", interpolation, _METHODS)
    one_of("resize", "fill_mode", fill_mode, ("constant",))
    if len(size) != 2 or size[0] <= 0 or size[1] <= 0:
        raise ValueError(f"resize takes size=(height, width), both above 0, and got {size}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("resize takes crop_to_aspect_ratio or pad_to_aspect_ratio, not both.")
    images, last = images_array("resize", images, data_format)
    dtype = images.dtype
    scaled = images if jnp.issubdtype(dtype, jnp.floating) else images.astype("float32")
    rows, columns = (images.ndim - 3, images.ndim - 2) if last else (images.ndim - 2, images.ndim - 1)
    height, width = images.shape[rows], images.shape[columns]
    # The height and width that have the proportions of the result.
    fitting = int(width * size[0] / size[1]), int(height * size[1] / size[0])
    if crop_to_aspect_ratio:
        for axis, length, fit in ((rows, height, fitting[0]), (columns, width, fitting[1])):
            kept = max(min(length, fit), 1)
            scaled = jax.lax.slice_in_dim(scaled, (length - kept) // 2, (length - kept) // 2 + kept, axis=axis)
    if pad_to_aspect_ratio:
        pads = [(0, 0)] * images.ndim
        for axis, length, fit in ((rows, height, fitting[0]), (columns, width, fitting[1])):
            pads[axis] = (max(fit - length, 0) // 2,) * 2
        scaled = jnp.pad(scaled, pads, constant_values=fill_value)
    shape = list(images.shape)
    shape[rows], shape[columns] = size
    scaled = jax.image.resize(scaled, shape, method=interpolation, antialias=antialias)
    return scaled if scaled.dtype == dtype else saturate_cast(jnp.round(scaled), dtype)


def _two_of_three(name: str, parts: dict[str, Any]) -> None:
    given = {key: value for key, value in parts.items() if value is not None}
    if len(given) != 2 or any(value < 0 for value in given.values()):
        raise ValueError(f"{name} takes exactly two of {', '.join(parts)}, none below 0, and got {given}.")


def _margins(name: str, before: Any, after: Any, target: Any, length: Any, sign: int) -> tuple[Any, Any]:
    """How much is added (`sign` 1) or cut (-1) at both ends, given two of the three."""
    change = None if target is None else sign * (target - length)
    before = change - after if before is None else before
    after = change - before if after is None else after
    for value in (before, after):
        if isinstance(value, int) and value < 0:
            raise ValueError(f"{name} cannot turn a size of {length} into {target} with the given margins.")
    return before, after


@op
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Images with rows and columns of zeros added.

    Two of top, bottom and target height are given, and two of left, right and target width.

    >>> pad_images(jnp.ones((2, 2, 3)), top_padding=1, left_padding=1, target_height=4, target_width=4).shape
    (4, 4, 3)
    """
    vertical = {"top_padding": top_padding, "bottom_padding": bottom_padding, "target_height": target_height}
    horizontal = {"left_padding": left_padding, "right_padding": right_padding, "target_width": target_width}
    _two_of_three("pad_images", vertical)
    _two_of_three("pad_images", horizontal)
    images, last = images_array("pad_images", images, data_format)
    rows = images.ndim - (3 if last else 2)
    pads: list[Any] = [(0, 0)] * images.ndim
    for axis, (before, after, target) in ((rows, vertical.values()), (rows + 1, horizontal.values())):
        pads[axis] = _margins("pad_images", before, after, target, images.shape[axis], 1)
    return jnp.pad(images, pads)


@op
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Images with rows and columns cut off.

    Two of top, bottom and target height are given, and two of left, right and target width.

    >>> crop_images(jnp.ones((4, 4, 3)), top_cropping=1, left_cropping=1, target_height=2, target_width=2).shape
    (2, 2, 3)
    """
    vertical = {"top_cropping": top_cropping, "bottom_cropping": bottom_cropping, "target_height": target_height}
    horizontal = {"left_cropping": left_cropping, "right_cropping": right_cropping, "target_width": target_width}
    _two_of_three("crop_images", vertical)
    _two_of_three("crop_images", horizontal)
    images, last = images_array("crop_images", images, data_format)
    rows = images.ndim - (3 if last else 2)
    for axis, (before, after, target) in ((rows, vertical.values()), (rows + 1, horizontal.values())):
        length = images.shape[axis]
        before, after = _margins("crop_images", before, after, target, length, -1)
        images = jax.lax.slice_in_dim(images, before, length - after, axis=axis)
    return images


@op
def scale_and_translate(
    images: Any,
    output_shape: Sequence[int],
    scale: Any,
    translation: Any,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Tensor:
    """`images` scaled and moved along `spatial_dims`, by one number of `scale` and `translation` for each.

    `method` is `"linear"`, `"cubic"`, `"lanczos3"` or `"lanczos5"` (or `"bilinear"`, … by the number of axes).

    >>> x = jnp.ones((1, 4, 4, 1))
    >>> scale_and_translate(x, (1, 8, 8, 1), jnp.array([2.0, 2.0]), jnp.zeros(2), (1, 2), "linear").shape
    (1, 8, 8, 1)
    """
    one_of("scale_and_translate", "method", method, _TRANSLATE_METHODS)
    images, scale, translation = to_array(images), jnp.asarray(scale), jnp.asarray(translation)
    return jax.image.scale_and_translate(images, output_shape, spatial_dims, scale, translation, method, antialias)
