"""Images as files, as Pillow's objects and as arrays."""

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from lapis.core.config import floatx, standardize_data_format

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
GREY_MODES = ("L", "I;16", "I")


def pillow_image() -> Any:
    """The module `PIL.Image`, or one sentence that says how to get it."""
    try:
        import PIL.Image
    except ImportError:
        raise ImportError('Working with images needs Pillow: pip install "lapis[view]".') from None
    return PIL.Image


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
    """An array as a Pillow image.

    Args:
        x: `(height, width, channels)`, or `(channels, height, width)` with "channels_first"; 1, 3 or 4 channels.
        data_format: "channels_last" or "channels_first"; by default the global setting.
        scale: whether to stretch the numbers so that the least becomes 0 and the largest 255.
        dtype: the type to compute in; by default `floatx()`.

    >>> array_to_img(np.zeros((2, 3, 1))).size
    (3, 2)
    """
    image = pillow_image()
    x = np.asarray(x, dtype=dtype or floatx())
    if x.ndim != 3:
        raise ValueError(f"An image must have the rank 3; got an array of shape {x.shape}.")
    if standardize_data_format(data_format) == "channels_first":
        x = x.transpose(1, 2, 0)
    if x.shape[2] not in (1, 3, 4):
        raise ValueError(f"An image must have 1, 3 or 4 channels; got an array with {x.shape[2]}.")
    if scale:
        x = x - np.min(x)
        x = x / (np.max(x) or 1) * 255
    if x.shape[2] > 1:
        return image.fromarray(x.astype("uint8"))
    return image.fromarray(x[:, :, 0].astype("int32" if np.max(x) > 255 else "uint8"))


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """A Pillow image as an array of rank 3.

    Args:
        img: the image.
        data_format: "channels_last" for `(height, width, channels)`, "channels_first" for `(channels, height, width)`;
            by default the global setting.
        dtype: the array's dtype; by default `floatx()`.
    """
    x = np.asarray(img, dtype=dtype or floatx())
    if x.ndim not in (2, 3):
        raise ValueError(f"An image must have the rank 2 or 3; got one of shape {x.shape}.")
    x = x[:, :, None] if x.ndim == 2 else x
    return x.transpose(2, 0, 1) if standardize_data_format(data_format) == "channels_first" else x


def save_img(
    path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True, **kwargs: Any
) -> None:
    """Write an array into an image file.

    Args:
        path: a path, or an open file (then `file_format` is needed).
        x: the array, as `array_to_img` takes it.
        data_format: "channels_last" or "channels_first"; by default the global setting.
        file_format: the format; by default what the path's ending says.
        scale: whether to stretch the numbers to 0 to 255.
        **kwargs: handed to Pillow.
    """
    if file_format is None and isinstance(path, (str, os.PathLike)):
        file_format = Path(path).suffix[1:].lower()
    if file_format and file_format.lower() == "jpg":
        file_format = "jpeg"
    img = array_to_img(x, data_format=data_format, scale=scale)
    if img.mode == "RGBA" and file_format == "jpeg":
        warnings.warn("JPEG files hold no transparency, so the image is saved without it.", stacklevel=2)
        img = img.convert("RGB")
    img.save(path, format=file_format, **kwargs)


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """Read an image file as a Pillow image.

    Args:
        path: a path, or the file's content in an `io.BytesIO`.
        color_mode: "rgb", "rgba" or "grayscale".
        target_size: `(height, width)` to bring it to.
        interpolation: how to resize: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: whether to cut off what would be distorted, from the middle outwards.

    >>> file = io.BytesIO()
    >>> save_img(file, np.zeros((4, 6, 3)), file_format="png")
    >>> load_img(file, target_size=(2, 2)).size
    (2, 2)
    """
    image = pillow_image()
    if color_mode not in MODES:
        raise ValueError(f"`color_mode` must be one of {', '.join(map(repr, MODES))}; got {color_mode!r}.")
    if interpolation not in INTERPOLATIONS:
        raise ValueError(
            f"`interpolation` must be one of {', '.join(map(repr, INTERPOLATIONS))}; got {interpolation!r}."
        )
    if isinstance(path, (str, bytes, os.PathLike)):
        path = io.BytesIO(Path(os.fsdecode(path)).read_bytes())
    elif not isinstance(path, io.BytesIO):
        raise TypeError(f"`path` must be a path or an io.BytesIO; got {type(path).__name__}.")
    img = image.open(path)
    if not (color_mode == "grayscale" and img.mode in GREY_MODES) and img.mode != MODES[color_mode]:
        img = img.convert(MODES[color_mode])
    if target_size is None or img.size == (target_size[1], target_size[0]):
        return img
    size = (target_size[1], target_size[0])
    resample = getattr(image.Resampling, interpolation.upper())
    return img.resize(size, resample, box=middle(img.size, size) if keep_aspect_ratio else None)


def middle(size: tuple[int, int], target: tuple[int, int]) -> tuple[int, int, int, int]:
    """The largest piece around the middle with the target's proportion: left, top, right, bottom."""
    width = min(size[0], size[1] * target[0] // target[1])
    height = min(size[1], size[0] * target[1] // target[0])
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return left, top, left + width, top + height
