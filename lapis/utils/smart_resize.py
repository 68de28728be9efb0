"""Images brought to a size without being distorted."""

from collections.abc import Sequence
from typing import Any

import numpy as np

import lapis.ops as ops


def smart_resize(
    x: Any, size: Sequence[int], interpolation: str = "bilinear", data_format: str = "channels_last", **kwargs: Any
) -> Any:
    """Images of another size: the largest part in the middle that has the new proportions, resized.

    Args:
        x: `(height, width, channels)` or `(batch, height, width, channels)`, or channels first.
        size: `(height, width)` of the result.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        An array of the kind that came: NumPy or JAX.

    Raises:
        ValueError: if `x` has neither 3 nor 4 axes, or `size` is no pair.

    >>> smart_resize(np.ones((34, 50, 3)), (20, 20)).shape
    (20, 20, 3)
    """
    kwargs.pop("backend_module", None)  # Keras's engine; there is one
    if kwargs:
        raise TypeError(f"smart_resize got unknown arguments {sorted(kwargs)}.")
    if len(size) != 2:
        raise ValueError(f"`size` must be (height, width); got {size!r}.")
    images = ops.convert_to_tensor(x)
    if images.ndim not in (3, 4):
        raise ValueError(f"Images have 3 axes, batches of them 4; got the shape {tuple(images.shape)}.")
    axes = (-3, -2) if data_format == "channels_last" else (-2, -1)
    height, width = (images.shape[axis] for axis in axes)
    wanted_height, wanted_width = size
    kept = (
        max(min(height, int(width * wanted_height / wanted_width)), 1),
        max(min(width, int(height * wanted_width / wanted_height)), 1),
    )
    part: list[Any] = [slice(None)] * images.ndim
    for axis, whole, length in zip(axes, (height, width), kept):
        start = (whole - length) // 2
        part[axis] = slice(start, start + length)
    resized = ops.image.resize(images[tuple(part)], tuple(size), interpolation=interpolation, data_format=data_format)
    return np.asarray(resized) if isinstance(x, np.ndarray) else resized
