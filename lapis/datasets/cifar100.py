"""CIFAR-100: small photographs in a hundred classes (Krizhevsky, 2009, https://www.cs.toronto.edu/~kriz/cifar.html)."""

from pathlib import Path

import numpy as np

from lapis.data.download import get_file
from lapis.datasets.cached import find
from lapis.datasets.cifar import read

# The binary layout; the one for Python holds pickles, which can run code when they are read.
ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"
ARCHIVE_HASH = "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"
ARCHIVE, UNPACKED, FOLDER = "cifar-100-binary.tar.gz", "cifar-100-binary_extracted", "cifar-100-binary"
# A record's labels: the class's group, and the class.
KINDS, CLASSES = ("coarse", "fine"), (20, 100)


def load_data(label_mode: str = "fine") -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """50,000 training and 10,000 test photographs, with their labels.

    Files in the cache folder that hold fewer photographs, in the same layout, are read as they are.

    Args:
        label_mode: "fine" for the 100 classes, "coarse" for the 20 groups that they form.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(n, 32, 32, 3)` from 0 to 255, int64 labels `(n, 1)`; with
        `image_data_format()` "channels_first", images `(n, 3, 32, 32)`.

    Raises:
        ConnectionError: the files are not in the cache and cannot be downloaded.
        ValueError: another `label_mode`, or a file in the cache that is not in CIFAR-100's binary layout.
    """
    if label_mode not in KINDS:
        raise ValueError(f"`label_mode` must be 'fine' or 'coarse'; got {label_mode!r}.")
    folder = find(FOLDER, f"{UNPACKED}/{FOLDER}")
    if folder is None:
        folder = Path(get_file(ARCHIVE, ORIGIN, file_hash=ARCHIVE_HASH, extract=True)) / FOLDER
    kind = KINDS.index(label_mode)
    (x_train, y_train), (x_test, y_test) = (
        read(folder, (f"{part}.bin",), "CIFAR-100", CLASSES) for part in ("train", "test")
    )
    return (x_train, y_train[:, [kind]].astype("int64")), (x_test, y_test[:, [kind]].astype("int64"))
