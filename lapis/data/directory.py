"""Folders of files as labelled samples."""

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from lapis.core.logging import write
from lapis.data.dataset import Dataset, chosen_rows

LABEL_MODES = ("int", "categorical", "binary", None)
RETURN_FORMATS = ("tf", "grain")


@dataclasses.dataclass
class Files:
    """Files in the order in which they count, with the numbers of their classes."""

    paths: list[str]
    labels: np.ndarray | None
    class_names: list[str] | None

    def part(self, rows: Any) -> "Files":
        """The files that a slice or an array of indices chooses."""
        chosen = np.arange(len(self.paths))[rows]
        labels = None if self.labels is None else self.labels[chosen]
        return Files([self.paths[i] for i in chosen], labels, self.class_names)


def datasets_from_directory(
    read: Callable[[list[str]], np.ndarray],
    directory: Any,
    labels: Any,
    label_mode: str | None,
    class_names: Any,
    batch_size: int | None,
    shuffle: bool,
    seed: int | None,
    validation_split: float | None,
    subset: str | None,
    follow_links: bool,
    verbose: bool,
    endings: tuple[str, ...],
    format: str = "tf",
) -> Any:
    """The data set whose inputs `read` makes out of paths, or those of both parts."""
    check_arguments(labels, label_mode, class_names, validation_split, subset, shuffle, seed, format)
    if labels is None or label_mode is None:
        labels = label_mode = None
    if seed is None:
        seed = int(np.random.randint(1_000_000))
    files = index_directory(directory, labels, endings, class_names, follow_links)
    if verbose:
        of_classes = f" of {len(files.class_names)} classes" if files.class_names is not None else ""
        write(f"Found {len(files.paths)} files{of_classes}.")
    if not files.paths:
        raise ValueError(f"The directory {directory} holds no files that end in {', '.join(endings)}.")
    if label_mode is not None:
        check_labels(files, label_mode)
    if shuffle:
        order = np.arange(len(files.paths))
        np.random.RandomState(seed).shuffle(order)
        files = files.part(order)

    def dataset(files: Files, shuffle: bool) -> Dataset:
        def take(rows: np.ndarray) -> Any:
            chosen = files.part(rows)
            inputs = read(chosen.paths)
            return inputs if chosen.labels is None else (inputs, encoded(chosen, label_mode))

        made = chosen_rows(take, len(files.paths), batch_size, shuffle, seed, unpacks=format == "tf")
        made.class_names, made.file_paths = files.class_names, files.paths
        return made

    if not validation_split:
        return dataset(files, shuffle)
    training, validation = split(files, validation_split)
    parts = {"training": training, "validation": validation}
    if verbose:
        for name, part in parts.items():
            if subset in (name, "both"):
                write(f"{len(part.paths)} of them are for {name}.")
    if subset == "both":
        return dataset(training, shuffle), dataset(validation, False)
    return dataset(parts[str(subset)], shuffle)


def check_arguments(
    labels: Any,
    label_mode: str | None,
    class_names: Any,
    validation_split: float | None,
    subset: str | None,
    shuffle: bool,
    seed: int | None,
    format: str,
) -> None:
    """Refuse what does not make sense together."""
    listed = isinstance(labels, (list, tuple))
    if not (listed or labels is None or (isinstance(labels, str) and labels == "inferred")):
        raise ValueError(
            "`labels` must be 'inferred' (by the folders' names), None (no labels), or a list or tuple of whole "
            f"numbers, one per file; got {labels!r}."
        )
    if class_names and (listed or labels is None):
        raise ValueError(f"`class_names` needs `labels='inferred'`; got labels={labels!r}, class_names={class_names}.")
    if label_mode not in LABEL_MODES:
        raise ValueError(f"`label_mode` must be 'int', 'categorical', 'binary' or None; got {label_mode!r}.")
    if format not in RETURN_FORMATS:
        raise ValueError(f"`format` must be 'tf' or 'grain'; got {format!r}.")
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(f"`validation_split` must lie between 0 and 1; got {validation_split!r}.")
    if subset not in ("training", "validation", "both", None):
        raise ValueError(f"`subset` must be 'training', 'validation' or 'both'; got {subset!r}.")
    if bool(validation_split) != bool(subset):
        raise ValueError(
            "`validation_split` and `subset` go together; "
            f"got validation_split={validation_split!r}, subset={subset!r}."
        )
    if validation_split and shuffle and seed is None:
        raise ValueError(
            "`validation_split` with `shuffle=True` needs a `seed`, lest the training and validation parts overlap."
        )


def index_directory(
    directory: Any, labels: Any, endings: tuple[str, ...], class_names: Any, follow_links: bool
) -> Files:
    """The files with one of the endings below the directory: folder by folder, each in alphanumeric order."""
    directory = os.fspath(directory)
    if not os.path.isdir(directory):
        raise FileNotFoundError(f"There is no directory {directory}.")
    if not isinstance(labels, str):
        paths = files_below(directory, endings, follow_links)
        if labels is None:
            return Files(paths, None, None)
        if len(labels) != len(paths):
            raise ValueError(
                f"`labels` must hold one label per file, but there are {len(labels)} labels and {len(paths)} files "
                f"that end in {', '.join(endings)} below {directory}."
            )
        return Files(paths, np.asarray(labels, "int32"), [str(label) for label in sorted(set(labels))])
    folders = sorted(
        name
        for name in os.listdir(directory)
        if os.path.isdir(os.path.join(directory, name)) and not name.startswith(".")
    )
    if class_names is not None:
        if not set(class_names) <= set(folders):
            raise ValueError(
                f"`class_names` must be names of folders in {directory}, which are {folders}; got {class_names}."
            )
        folders = list(class_names)
    found = [files_below(os.path.join(directory, folder), endings, follow_links) for folder in folders]
    numbers = np.repeat(np.arange(len(folders), dtype="int32"), [len(paths) for paths in found])
    return Files([path for paths in found for path in paths], numbers, folders)


def files_below(directory: str, endings: tuple[str, ...], follow_links: bool) -> list[str]:
    """The paths of files with one of the endings, by their folders and then by their names."""
    found = sorted((root, sorted(names)) for root, _, names in os.walk(directory, followlinks=follow_links))
    return [os.path.join(root, name) for root, names in found for name in names if name.lower().endswith(endings)]


def check_labels(files: Files, label_mode: str) -> None:
    """Refuse classes that the encoding has no room for."""
    classes, labels = files.class_names or [], files.labels
    if label_mode == "binary" and len(classes) != 2:
        raise ValueError(f"`label_mode='binary'` needs exactly 2 classes; got {classes}.")
    if label_mode != "int" and labels is not None and not set(labels.tolist()) <= set(range(len(classes))):
        raise ValueError(
            f"`label_mode={label_mode!r}` needs labels from 0 to {len(classes) - 1}, one number per class, "
            f"but they are {', '.join(classes)}."
        )


def encoded(files: Files, label_mode: str | None) -> np.ndarray:
    """The labels as targets: int32 numbers, float32 columns of 0 and 1, or float32 one-hot rows."""
    labels = np.asarray(files.labels)
    if label_mode == "int":
        return labels
    if label_mode == "binary":
        return labels[:, None].astype("float32")
    return (labels[:, None] == np.arange(len(files.class_names or ()))).astype("float32")


def split(files: Files, fraction: float) -> tuple[Files, Files]:
    """The files without, and only with, the last `fraction` of them, for training and validation."""
    count = len(files.paths)
    split_at = count - int(fraction * count)
    if split_at in (0, count):
        raise ValueError(f"validation_split={fraction} leaves one of the two parts of {count} files empty.")
    return files.part(slice(split_at)), files.part(slice(split_at, None))
