"""Where the batches of an `ImageDataGenerator` come from: arrays, directories, tables."""

import os
import warnings
from typing import Any, Self

import numpy as np

from lapis.core.config import floatx
from lapis.core.logging import write
from lapis.data.py_dataset import PyDataset
from lapis.utils.images import MODES, array_to_img, img_to_array, load_img

_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")
_CLASS_MODES = ("categorical", "binary", "sparse", "input", None)


class Iterator(PyDataset):
    """Batches without an end by `next`, or by number; override `_get_batches_of_transformed_samples(index_array)`."""

    def __init__(self, n: int, batch_size: int, shuffle: bool, seed: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = n
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.batch_index = 0
        self.total_batches_seen = 0
        self.index_array: np.ndarray | None = None
        self._rng: Any = np.random

    def _set_index_array(self) -> None:
        self.index_array = self._rng.permutation(self.n) if self.shuffle else np.arange(self.n)

    def __len__(self) -> int:
        return (self.n + self.batch_size - 1) // self.batch_size

    def __getitem__(self, idx: int) -> Any:
        if not 0 <= idx < len(self):
            raise ValueError(f"There are {len(self)} batches; got the number {idx}.")
        if self.seed is not None:
            self._rng = np.random.RandomState(self.seed + self.total_batches_seen)
        self.total_batches_seen += 1
        if self.index_array is None:
            self._set_index_array()
        rows: np.ndarray = self.index_array  # pyright: ignore[reportAssignmentType]
        return self._get_batches_of_transformed_samples(rows[self.batch_size * idx : self.batch_size * (idx + 1)])

    def on_epoch_end(self) -> None:
        self._set_index_array()

    def reset(self) -> None:
        """Let `next` begin anew."""
        self.batch_index = 0

    def __iter__(self) -> Self:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self

    def __next__(self) -> Any:
        if self.batch_index == 0:
            self.index_array = None
        batch = self[self.batch_index]
        self.batch_index = (self.batch_index + 1) % len(self)
        return batch

    next = __next__

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs _get_batches_of_transformed_samples(index_array).")


class _Images(Iterator):
    """Images that a generator changes, and where to save them."""

    def __init__(
        self,
        n: int,
        image_data_generator: Any,
        batch_size: int,
        shuffle: bool,
        seed: int | None,
        save_to_dir: Any,
        save_prefix: str,
        save_format: str,
    ) -> None:
        self.image_data_generator = image_data_generator
        self.data_format = image_data_generator.data_format
        self.dtype = image_data_generator.dtype or floatx()
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        super().__init__(n, batch_size, shuffle, seed)

    def _images(self, index_array: np.ndarray) -> np.ndarray:
        generator = self.image_data_generator
        images = []
        for index in index_array:
            image = self._read(index)
            image = generator.apply_transform(image, generator.draw(image.shape, self._rng))
            images.append(np.asarray(generator.standardize(image), self.dtype))
        if self.save_to_dir:
            for index, image in zip(index_array, images):
                name = f"{self.save_prefix}_{index}_{np.random.randint(10_000_000)}.{self.save_format}"
                array_to_img(image, self.data_format, scale=True).save(os.path.join(self.save_to_dir, name))
        return np.stack(images)

    def _read(self, index: int) -> np.ndarray:
        raise NotImplementedError


def _check_subset(subset: str | None, split: float) -> None:
    if subset not in (None, "training", "validation"):
        raise ValueError(f"`subset` must be 'training' or 'validation'; got {subset!r}.")
    if subset is not None and not split:
        raise ValueError("`subset` needs the `validation_split` of the ImageDataGenerator.")


def _part(subset: str | None, count: int, split: float) -> slice:
    border = int(count * split)
    return {None: slice(None), "validation": slice(border), "training": slice(border, None)}[subset]


class NumpyArrayIterator(_Images):
    """Batches of arrays; see `ImageDataGenerator.flow`."""

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: Any,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Any = None,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
    ) -> None:
        split = image_data_generator._validation_split
        _check_subset(subset, split)
        x, *others = x if isinstance(x, (tuple, list)) else (x,)
        others = others[0] if others else []
        others = [np.asarray(one) for one in (others if isinstance(others, (tuple, list)) else [others])]
        x = np.asarray(x, image_data_generator.dtype)
        if x.ndim != 4:
            raise ValueError(f"`x` must be images of rank 4; got an array of shape {x.shape}.")
        y, sample_weight = (None if one is None else np.asarray(one) for one in (y, sample_weight))
        for name, one in [("y", y), ("sample_weight", sample_weight), *(("x", one) for one in others)]:
            if one is not None and len(one) != len(x):
                raise ValueError(f"`{name}` has {len(one)} samples, but there are {len(x)} images.")
        if subset is not None and y is not None and not ignore_class_split:
            training, validation = (np.unique(y[_part(which, len(x), split)]) for which in ("training", "validation"))
            if not np.array_equal(training, validation):
                raise ValueError(
                    "The training and the validation part have different classes; shuffle the data, or give "
                    "ignore_class_split=True where `y` are no classes."
                )
        rows = _part(subset, len(x), split)
        self.x, self.x_misc = x[rows], [one[rows] for one in others]
        self.y = None if y is None else y[rows]
        self.sample_weight = None if sample_weight is None else sample_weight[rows]
        super().__init__(
            len(self.x), image_data_generator, batch_size, shuffle, seed, save_to_dir, save_prefix, save_format
        )

    def _read(self, index: int) -> np.ndarray:
        return self.x[index]

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        images = self._images(index_array)
        inputs = [images, *(one[index_array] for one in self.x_misc)] if self.x_misc else images
        if self.y is None:
            return inputs
        batch = (inputs, self.y[index_array])
        return batch if self.sample_weight is None else (*batch, self.sample_weight[index_array])


class _Files(_Images):
    """Batches of image files with labels."""

    filepaths: list[str]
    labels: Any
    sample_weight: Any = None

    def __init__(
        self,
        n: int,
        image_data_generator: Any,
        target_size: Any,
        color_mode: str,
        class_mode: Any,
        interpolation: str,
        keep_aspect_ratio: bool,
        *options: Any,
    ) -> None:
        if color_mode not in MODES:
            raise ValueError(f"`color_mode` must be one of {', '.join(map(repr, MODES))}; got {color_mode!r}.")
        super().__init__(n, image_data_generator, *options)
        self.samples, self.class_mode = n, class_mode
        self.target_size, self.color_mode = tuple(target_size), color_mode
        self.interpolation, self.keep_aspect_ratio = interpolation, keep_aspect_ratio
        channels = len(MODES[color_mode])
        last = self.data_format == "channels_last"
        self.image_shape = (*self.target_size, channels) if last else (channels, *self.target_size)

    def _read(self, index: int) -> np.ndarray:
        path, size = self.filepaths[index], self.target_size
        image = load_img(path, self.color_mode, size, self.interpolation, self.keep_aspect_ratio)
        return img_to_array(image, self.data_format, self.dtype)

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        images = self._images(index_array)
        if self.class_mode is None:
            return images
        batch = (images, self._targets(images, index_array))
        return batch if self.sample_weight is None else (*batch, self.sample_weight[index_array])

    def _targets(self, images: np.ndarray, index_array: np.ndarray) -> Any:
        if self.class_mode == "input":
            return images.copy()
        if self.class_mode == "multi_output":
            return [output[index_array] for output in self.labels]
        if self.class_mode == "raw":
            return self.labels[index_array]
        if self.class_mode in ("binary", "sparse"):
            return np.array([self.labels[index] for index in index_array], self.dtype)
        targets = np.zeros((len(index_array), len(self.class_indices)), self.dtype)
        for row, index in enumerate(index_array):
            targets[row, self.labels[index]] = 1
        return targets

    class_indices: dict[Any, int]


class DirectoryIterator(_Files):
    """Batches of the image files in the folders of a directory; see `ImageDataGenerator.flow_from_directory`."""

    def __init__(
        self,
        directory: Any,
        image_data_generator: Any,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: Any = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> None:
        if class_mode not in _CLASS_MODES:
            raise ValueError(f"`class_mode` must be one of {', '.join(map(repr, _CLASS_MODES))}; got {class_mode!r}.")
        split = image_data_generator._validation_split
        _check_subset(subset, split)
        self.directory = os.fspath(directory)
        folders = sorted(entry.name for entry in os.scandir(self.directory) if entry.is_dir())
        self.class_indices = {name: index for index, name in enumerate(classes or folders)}
        self.num_classes = len(self.class_indices)
        self.filenames, labels = [], []
        for name, index in self.class_indices.items():
            found = []
            for folder, _, files in sorted(os.walk(os.path.join(self.directory, name), followlinks=follow_links)):
                found += [os.path.join(folder, file) for file in sorted(files) if file.lower().endswith(_ENDINGS)]
            found = found[_part(subset, len(found), split)]
            self.filenames += [os.path.relpath(path, self.directory) for path in found]
            labels += [index] * len(found)
        self.filepaths = [os.path.join(self.directory, name) for name in self.filenames]
        self.classes = self.labels = np.array(labels, "int32")
        write(f"Found {len(labels)} images belonging to {self.num_classes} classes.")
        files = (target_size, color_mode, class_mode, interpolation, keep_aspect_ratio)
        options = (batch_size, shuffle, seed, save_to_dir, save_prefix, save_format)
        super().__init__(len(labels), image_data_generator, *files, *options)


class DataFrameIterator(_Files):
    """Batches of the image files that a table names; see `ImageDataGenerator.flow_from_dataframe`."""

    def __init__(
        self,
        dataframe: Any,
        directory: Any,
        image_data_generator: Any,
        x_col: str = "filename",
        y_col: Any = "class",
        weight_col: str | None = None,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: Any = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        validate_filenames: bool = True,
    ) -> None:
        modes = (*_CLASS_MODES, "multi_output", "raw")
        if class_mode not in modes:
            raise ValueError(f"`class_mode` must be one of {', '.join(map(repr, modes))}; got {class_mode!r}.")
        split = image_data_generator._validation_split
        _check_subset(subset, split)
        self.directory = directory
        paths = [os.path.join(directory or "", name) for name in dataframe[x_col]]
        kept = np.ones(len(paths), bool)
        if validate_filenames:
            kept = np.array([path.lower().endswith(_ENDINGS) and os.path.isfile(path) for path in paths], bool)
            if not kept.all():
                warnings.warn(f"{(~kept).sum()} of the files in {x_col!r} are no images and left out.", stacklevel=3)
        of_classes = class_mode in ("categorical", "binary", "sparse")
        if of_classes:
            given = [value if isinstance(value, (list, tuple)) else [value] for value in dataframe[y_col]]
            names = classes or sorted({name for row in np.flatnonzero(kept) for name in given[row]})
            self.class_indices = {name: index for index, name in enumerate(names)}
            kept &= [any(name in self.class_indices for name in row) for row in given]
            known = [[self.class_indices[name] for name in row if name in self.class_indices] for row in given]
        rows = np.flatnonzero(kept)
        rows = rows[_part(subset, len(rows), split)]
        self.filenames = [dataframe[x_col].iloc[row] for row in rows]
        self.filepaths = [paths[row] for row in rows]
        if of_classes:
            labels = [known[row] for row in rows]
            self.labels = labels if class_mode == "categorical" else [row[0] for row in labels]
            self.classes = [row[0] if len(row) == 1 else row for row in labels]
        elif class_mode == "multi_output":
            self.labels = [np.array(dataframe[column].tolist())[rows] for column in y_col]
        elif class_mode == "raw":
            self.labels = np.array(dataframe[y_col])[rows]
        self.sample_weight = None if weight_col is None else np.array(dataframe[weight_col])[rows]
        told = f" belonging to {len(self.class_indices)} classes" if of_classes else ""
        write(f"Found {len(rows)} {'validated' if validate_filenames else 'non-validated'} image filenames{told}.")
        files = (target_size, color_mode, class_mode, interpolation, keep_aspect_ratio)
        options = (batch_size, shuffle, seed, save_to_dir, save_prefix, save_format)
        super().__init__(len(rows), image_data_generator, *files, *options)
