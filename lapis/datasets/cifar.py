"""The binary layout of CIFAR-10 and CIFAR-100: records of label bytes and the bytes of an image, channel by channel."""

from pathlib import Path

import numpy as np

from lapis.core.config import image_data_format
from lapis.datasets.cached import wrong_file

SIDE, CHANNELS = 32, 3


def read(folder: Path, names: tuple[str, ...], what: str, classes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Images, and labels `(n, kinds of labels)`, of several files; `classes` counts those of each kind of label."""
    records = np.concatenate([read_file(folder / name, what, classes) for name in names])
    labels, images = records[:, : len(classes)], records[:, len(classes) :].reshape(-1, CHANNELS, SIDE, SIDE)
    if image_data_format() == "channels_last":
        images = images.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), labels.copy()


def read_file(path: Path, what: str, classes: tuple[int, ...]) -> np.ndarray:
    """The records of one file."""
    record = len(classes) + CHANNELS * SIDE * SIDE
    if not path.exists():
        raise wrong_file(path.parent, what, f"{path.name} is missing")
    content = np.fromfile(path, np.uint8)
    if content.size == 0 or content.size % record:
        raise wrong_file(path, what, f"its {content.size} bytes are no multiple of a record's {record}")
    records = content.reshape(-1, record)
    for label, count in zip(records[:, : len(classes)].max(axis=0), classes):
        if label >= count:
            raise wrong_file(path, what, f"it has a label of {label}, but there are {count} classes")
    return records
