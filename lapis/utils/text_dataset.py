"""Text files as batches of strings."""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from lapis.data.dataset import stacked
from lapis.data.directory import datasets_from_directory

ENDINGS = (".txt",)


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """The texts (`.txt`) below a directory as batches `(texts, labels)`, read when they are asked for.

    Texts are read as UTF-8, what is none being replaced. With `shuffle`, each pass has an order of its own.

    Args:
        directory: with `labels="inferred"` it holds a folder per class.
        labels: "inferred", `None`, or a list of whole numbers, one per file in the order of their paths.
        label_mode: labels as "int" `(batch,)`, "categorical" (one-hot) `(batch, classes)`, "binary" `(batch, 1)`, or
            `None` for batches of texts alone.
        class_names: which folders count, in this order; by default all in alphanumeric order.
        batch_size: texts in a batch; `None` for single texts.
        max_length: how many characters of a text are kept; by default all.
        shuffle: whether to shuffle; otherwise the texts come in the order of their paths.
        seed: seed of the order.
        validation_split: the part of the files, from 0 to 1, that is kept for validation.
        subset: "training", "validation", or "both" for a pair of data sets.
        follow_links: whether to go into folders that are links.
        format: the conventions of "tf" or "grain" for `map` and `filter`: functions of `(texts, labels)` as two
            arguments, or as one tuple. Either way the data set is Lapis's own.
        verbose: whether to tell how many files were found.

    Returns:
        A data set of texts, arrays `(batch,)` of Python strings, with the attributes `class_names` and `file_paths`;
        for `subset="both"` two.

    Raises:
        ValueError: arguments that make no sense, or a directory without texts.
        FileNotFoundError: there is no such directory.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.txt").write_text("hello")
    ...     print(list(text_dataset_from_directory(folder, labels=None, verbose=False)))
    [array(['hello'], dtype=object)]
    """
    return datasets_from_directory(
        functools.partial(read_texts, max_length=max_length),
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


def read_texts(paths: list[str], max_length: int | None) -> np.ndarray:
    """A batch of texts."""
    return stacked([Path(path).read_bytes().decode("utf-8", "replace")[:max_length] for path in paths])
