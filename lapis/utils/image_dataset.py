"""Image files as batches of arrays."""

import functools
from typing import Any

import numpy as np

from lapis.core.config import standardize_data_format
from lapis.data.directory import datasets_from_directory
from lapis.data.resampling import resampled
from lapis.utils.images import MODES, load_img, pillow_image

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
RESIZINGS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Any = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """The images below a directory as batches `(images, labels)`, read when they are asked for.

    Of an animated file the first picture is read. With `shuffle`, each pass has an order of its own.

    Args:
        directory: with `labels="inferred"` it holds a folder per class.
        labels: "inferred", `None`, or a list of whole numbers, one per file in the order of their paths.
        label_mode: labels as "int" `(batch,)`, "categorical" (one-hot) `(batch, classes)`, "binary" `(batch, 1)`, or
            `None` for batches of images alone.
        class_names: which folders count, in this order; by default all in alphanumeric order.
        color_mode: "rgb", "rgba" or "grayscale".
        batch_size: images in a batch; `None` for single images.
        image_size: `(height, width)` that the images are brought to.
        shuffle: whether to shuffle; otherwise the images come in the order of their paths.
        seed: seed of the order.
        validation_split: the part of the files, from 0 to 1, that is kept for validation.
        subset: "training", "validation", or "both" for a pair of data sets.
        interpolation: "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic".
        follow_links: whether to go into folders that are links.
        crop_to_aspect_ratio: whether to cut off what would be distorted.
        pad_to_aspect_ratio: whether to surround with zeros what would be distorted.
        data_format: "channels_last" for `(batch, height, width, channels)`, or "channels_first".
        format: the conventions of "tf" or "grain" for `map` and `filter`: functions of `(images, labels)` as two
            arguments, or as one tuple. Either way the data set is Lapis's own.
        verbose: whether to tell how many files were found.

    Returns:
        A data set of float32 images from 0 to 255, with the attributes `class_names` and `file_paths`; for
        `subset="both"` two.

    Raises:
        ValueError: arguments that make no sense, or a directory without images.
        FileNotFoundError: there is no such directory.

    >>> import tempfile, lapis
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     lapis.utils.save_img(f"{folder}/a.png", np.zeros((4, 6, 3)))
    ...     dataset = image_dataset_from_directory(folder, labels=None, image_size=(2, 2), verbose=False)
    ...     print([images.shape for images in dataset])
    [(1, 2, 2, 3)]
    """
    if color_mode not in MODES:
        raise ValueError(f"`color_mode` must be 'rgb', 'rgba' or 'grayscale'; got {color_mode!r}.")
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ValueError(f"`image_size` must be (height, width); got {image_size!r}.")
    if interpolation.lower() not in RESIZINGS:
        raise ValueError(f"`interpolation` must be one of {', '.join(RESIZINGS)}; got {interpolation!r}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("Only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can be True.")
    pillow_image()  # its absence is told now, not in a thread
    read = functools.partial(
        read_images,
        color_mode=color_mode,
        size=(size[0], size[1]),
        method=interpolation.lower(),
        fit="crop" if crop_to_aspect_ratio else "pad" if pad_to_aspect_ratio else None,
        channels_first=standardize_data_format(data_format) == "channels_first",
    )
    return datasets_from_directory(
        read,
        directory,
        labels,
        label_mode,
        class_names,
        batch_size,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
        endings=ENDINGS,
        format=format,
    )


def read_images(
    paths: list[str], color_mode: str, size: tuple[int, int], method: str, fit: str | None, channels_first: bool
) -> np.ndarray:
    """A batch of images of one size."""
    images = np.stack([resized(read_image(path, color_mode), size, method, fit) for path in paths])
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)) if channels_first else images


def read_image(path: str, color_mode: str) -> np.ndarray:
    """An image file as float32 `(height, width, channels)`."""
    try:
        array = np.asarray(load_img(path, color_mode), "float32")
    except (OSError, ValueError) as error:
        raise ValueError(f"The image {path} cannot be read: {error}. Remove or replace it.") from None
    return array if array.ndim == 3 else array[:, :, None]


def resized(image: np.ndarray, size: tuple[int, int], method: str, fit: str | None) -> np.ndarray:
    """The image with the height and width `size`: distorted, or its largest fitting part, or whole with a margin."""
    height, width = image.shape[:2]
    high, wide = size
    if fit == "crop":
        inner = max(min(height, width * high // wide), 1), max(min(width, height * wide // high), 1)
        top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
        image = image[top : top + inner[0], left : left + inner[1]]
    if fit == "pad":
        if height * wide > width * high:
            inner, top, left = (high, width * high // height), 0, (wide * height - width * high) // (2 * height)
        else:
            inner, top, left = (height * wide // width, wide), (high * width - height * wide) // (2 * width), 0
        framed = np.zeros((high, wide, image.shape[2]), np.float32)
        framed[top : top + inner[0], left : left + inner[1]] = resized(image, inner, method, None)
        return framed
    return resampled(resampled(image, high, method, axis=0), wide, method, axis=1)
