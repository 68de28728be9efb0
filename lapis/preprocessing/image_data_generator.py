"""Images that are changed at random, as batches: `ImageDataGenerator` of TensorFlow's Keras."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from lapis.core.config import floatx, standardize_data_format
from lapis.preprocessing.image_iterators import DataFrameIterator, DirectoryIterator, NumpyArrayIterator
from lapis.preprocessing.image_transforms import apply_affine_transform, apply_brightness_shift, apply_channel_shift


class ImageDataGenerator:
    """Batches of images, changed at random and standardized; new programs use preprocessing layers.

    Args:
        featurewise_center: whether to take away the mean of each channel, which `fit` finds.
        samplewise_center: whether to take away each image's own mean.
        featurewise_std_normalization: whether to divide by each channel's standard deviation.
        samplewise_std_normalization: whether to divide by each image's own standard deviation.
        zca_whitening: whether to whiten, after `fit`.
        zca_epsilon: keeps the whitening from dividing by 0.
        rotation_range: up to how many degrees to turn by.
        width_shift_range: a part of the width to move by; whole pixels with an integer or a list.
        height_shift_range: a part of the height, likewise.
        brightness_range: a pair of numbers, between which pixels are multiplied.
        shear_range: up to how many degrees to slant by.
        zoom_range: a pair of numbers, or `z` for `1 - z` to `1 + z`.
        channel_shift_range: up to how much to add to all pixels.
        fill_mode: what is outside of an image: "nearest", "constant", "reflect" or "wrap".
        cval: the value outside with "constant".
        horizontal_flip: whether to mirror half of the images.
        vertical_flip: whether to turn half of the images upside down.
        rescale: a number to multiply by.
        preprocessing_function: applied to each image before it is standardized.
        data_format: "channels_last" or "channels_first"; by default the global setting.
        validation_split: the part of the images that `subset="validation"` gives.
        interpolation_order: 0 takes the nearest pixel, 1 is bilinear.
        dtype: of the batches; by default `floatx()`.

    >>> images = ImageDataGenerator(rescale=1 / 255).flow(np.full((5, 8, 8, 3), 255.0), batch_size=2)
    >>> len(images), next(images).shape, float(next(images).max())
    (3, (2, 8, 8, 3), 1.0)
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: Any = 0.0,
        height_shift_range: Any = 0.0,
        brightness_range: Any = None,
        shear_range: float = 0.0,
        zoom_range: Any = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[np.ndarray], np.ndarray] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: Any = None,
    ) -> None:
        if validation_split and not 0 < validation_split < 1:
            raise ValueError(f"`validation_split` must be a number from 0 to below 1; got {validation_split!r}.")
        if zca_whitening and featurewise_std_normalization:
            warnings.warn("Images are whitened instead of divided by their standard deviation.", stacklevel=2)
        self.featurewise_center = featurewise_center or zca_whitening or featurewise_std_normalization
        self.featurewise_std_normalization = featurewise_std_normalization and not zca_whitening
        self.samplewise_center = samplewise_center or samplewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening = zca_whitening
        self.zca_epsilon = zca_epsilon
        self.rotation_range = rotation_range
        self.width_shift_range = width_shift_range
        self.height_shift_range = height_shift_range
        self.brightness_range = None if brightness_range is None else _pair(brightness_range, "brightness_range")
        self.shear_range = shear_range
        if isinstance(zoom_range, (int, float)):
            zoom_range = (1 - zoom_range, 1 + zoom_range)
        self.zoom_range = _pair(zoom_range, "zoom_range")
        self.channel_shift_range = channel_shift_range
        self.fill_mode = fill_mode
        self.cval = cval
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.rescale = rescale
        self.preprocessing_function = preprocessing_function
        self.data_format = standardize_data_format(data_format)
        first = self.data_format == "channels_first"
        self.channel_axis, self.row_axis, self.col_axis = (1, 2, 3) if first else (3, 1, 2)
        self._validation_split = validation_split
        self.interpolation_order = interpolation_order
        self.dtype = floatx() if dtype is None else dtype
        self.mean: np.ndarray | None = None
        self.std: np.ndarray | None = None
        self.zca_whitening_matrix: np.ndarray | None = None

    def flow(self, x: Any, y: Any = None, batch_size: int = 32, shuffle: bool = True, **options: Any) -> Any:
        """Batches of arrays.

        Args:
            x: images `(samples, height, width, channels)`, or these and a list of arrays that come along.
            y: targets, or `None`.
            batch_size: samples in a batch.
            shuffle: whether each pass has an order of its own.
            **options: `sample_weight`, `seed`, `save_to_dir`, `save_prefix`, `save_format`, `ignore_class_split`, and
                `subset`, which is "training" or "validation".
        """
        return NumpyArrayIterator(x, y, self, batch_size, shuffle, **options)

    def flow_from_directory(self, directory: Any, target_size: tuple[int, int] = (256, 256), **options: Any) -> Any:
        """Batches of the image files below a directory, which holds a folder for each class.

        Args:
            directory: the directory.
            target_size: `(height, width)` that the images are brought to.
            **options: `color_mode="rgb"`, `classes=None`, `class_mode="categorical"`, `batch_size=32`, `shuffle=True`,
                `seed`, `save_to_dir`, `save_prefix`, `save_format`, `follow_links`, `subset`, `interpolation="nearest"`
                and `keep_aspect_ratio`.
        """
        return DirectoryIterator(directory, self, target_size, **options)

    def flow_from_dataframe(
        self, dataframe: Any, directory: Any = None, x_col: str = "filename", y_col: Any = "class", **options: Any
    ) -> Any:
        """Batches of the image files that a column of a table names.

        Args:
            dataframe: a table of pandas.
            directory: where the files are, if the column does not tell.
            x_col: the column of files.
            y_col: the column of targets, or columns.
            **options: `weight_col=None`, `target_size=(256, 256)`, `validate_filenames=True`, the `class_mode` "raw" or
                "multi_output" too, and the options of `flow_from_directory`.
        """
        return DataFrameIterator(dataframe, directory, self, x_col, y_col, **options)

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """An image, or a batch of them, with what is the same for every image done."""
        if self.preprocessing_function is not None:
            x = self.preprocessing_function(x)
        if self.rescale:
            x = x * self.rescale
        if self.samplewise_center:
            x = x - np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x = x / (np.std(x, keepdims=True) + 1e-6)
        if self.featurewise_center:
            x = x if self.mean is None else x - self.mean
        if self.featurewise_std_normalization:
            x = x if self.std is None else x / (self.std + 1e-6)
        if self.zca_whitening and self.zca_whitening_matrix is not None:
            x = (x.reshape(-1, self.zca_whitening_matrix.shape[0]) @ self.zca_whitening_matrix).reshape(x.shape)
        if (self.featurewise_center and self.mean is None) or (
            self.zca_whitening and self.zca_whitening_matrix is None
        ):
            warnings.warn("The images' mean is not known yet, so it is left out; call `fit(x)` first.", stacklevel=2)
        return x

    def get_random_transform(self, img_shape: tuple[int, ...], seed: int | None = None) -> dict[str, Any]:
        """What is done to an image of a shape, drawn at random."""
        return self.draw(img_shape, np.random if seed is None else np.random.RandomState(seed))

    def draw(self, img_shape: tuple[int, ...], rng: Any) -> dict[str, Any]:
        """What is done to an image of a shape, drawn from a `RandomState`."""

        def between(limit: float) -> float:
            return rng.uniform(-limit, limit) if limit else 0

        theta = between(self.rotation_range)
        tx = _shift(self.height_shift_range, img_shape[self.row_axis - 1], rng)
        ty = _shift(self.width_shift_range, img_shape[self.col_axis - 1], rng)
        shear = between(self.shear_range)
        zx, zy = (1, 1) if self.zoom_range == (1, 1) else rng.uniform(*self.zoom_range, 2)
        flips = [rng.random_sample() < 0.5, rng.random_sample() < 0.5]
        shift = rng.uniform(-self.channel_shift_range, self.channel_shift_range) if self.channel_shift_range else None
        brightness = None if self.brightness_range is None else rng.uniform(*self.brightness_range)
        return {
            "theta": theta,
            "tx": tx,
            "ty": ty,
            "shear": shear,
            "zx": zx,
            "zy": zy,
            "flip_horizontal": flips[0] and self.horizontal_flip,
            "flip_vertical": flips[1] and self.vertical_flip,
            "channel_shift_intensity": shift,
            "brightness": brightness,
        }

    def apply_transform(self, x: np.ndarray, transform_parameters: dict[str, Any]) -> np.ndarray:
        """An image with what `get_random_transform` gives, or a part of it, done to it."""
        given = transform_parameters
        row, column, channel = (axis - 1 for axis in (self.row_axis, self.col_axis, self.channel_axis))
        affine = {key: given[key] for key in ("theta", "tx", "ty", "shear", "zx", "zy") if key in given}
        x = apply_affine_transform(
            x,
            **affine,
            row_axis=row,
            col_axis=column,
            channel_axis=channel,
            fill_mode=self.fill_mode,
            cval=self.cval,
            order=self.interpolation_order,
        )
        if given.get("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, given["channel_shift_intensity"], channel)
        if given.get("flip_horizontal"):
            x = np.flip(x, column)
        if given.get("flip_vertical"):
            x = np.flip(x, row)
        if given.get("brightness") is not None:
            x = apply_brightness_shift(x, given["brightness"], scale=False)
        return x

    def random_transform(self, x: np.ndarray, seed: int | None = None) -> np.ndarray:
        """An image changed at random."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Find what `featurewise_center`, `featurewise_std_normalization` and `zca_whitening` need.

        Args:
            x: images, rank 4.
            augment: whether to look at images that were changed at random.
            rounds: how often to change each.
            seed: for these changes.
        """
        x = np.array(x, self.dtype)
        if x.ndim != 4:
            raise ValueError(f"`fit` takes images of rank 4; got an array of shape {x.shape}.")
        if augment:
            rng = np.random if seed is None else np.random.RandomState(seed)
            x = np.stack([self.apply_transform(one, self.draw(one.shape, rng)) for _ in range(rounds) for one in x])
        axes = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            self.mean = np.mean(x, axes, keepdims=True)[0]
            x = x - self.mean
        if self.featurewise_std_normalization:
            std = self.std = np.std(x, axes, keepdims=True)[0]
            x = x / (std + 1e-6)
        if self.zca_whitening:
            flat = x.reshape(len(x), -1)
            _, scales, directions = np.linalg.svd(flat / np.sqrt(len(flat)), full_matrices=False)
            self.zca_whitening_matrix = (directions.T / np.sqrt(scales**2 + self.zca_epsilon)) @ directions


def _pair(value: Any, name: str) -> tuple[float, float]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(f"`{name}` must be a pair of numbers; got {value!r}.")
    return value[0], value[1]


def _shift(limit: Any, size: int, rng: Any) -> float:
    """Pixels to move by: a part of the size below 1, else one of a list's or of an integer's, to either side."""
    if not np.any(limit):
        return 0
    whole = np.ndim(limit) > 0 or isinstance(limit, (int, np.integer))
    moved = rng.choice(limit) * rng.choice([-1, 1]) if whole else rng.uniform(-limit, limit)
    return moved * size if np.max(limit) < 1 else moved
