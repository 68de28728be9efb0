"""CIFAR-10: small photographs in ten classes (Krizhevsky, 2009, https://www.cs.toronto.edu/~kriz/cifar.html)."""

from pathlib import Path

import numpy as np

from lapis.data.download import get_file
from lapis.datasets.cached import find
from lapis.datasets.cifar import read

# The binary layout; the one for Python holds pickles, which can run code when they are read.
ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
ARCHIVE_HASH = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
ARCHIVE, UNPACKED, FOLDER = "cifar-10-binary.tar.gz", "cifar-10-binary_extracted", "cifar-10-batches-bin"
TRAINING = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST = ("test_batch.bin",)
CLASSES = (10,)


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """50,000 training and 10,000 test photographs, with their labels.

    The classes 0 to 9 are airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck. Files in the cache
    folder that hold fewer photographs, in the same layout, are read as they are.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(n, 32, 32, 3)` from 0 to 255, uint8 labels `(n, 1)`; with
        `image_data_format()` "channels_first", images `(n, 3, 32, 32)`.

    Raises:
        ConnectionError: the files are not in the cache and cannot be downloaded.
        ValueError: a file in the cache is not in CIFAR-10's binary layout.
    """
    folder = find(FOLDER, f"{UNPACKED}/{FOLDER}")
    if folder is None:
        folder = Path(get_file(ARCHIVE, ORIGIN, file_hash=ARCHIVE_HASH, extract=True)) / FOLDER
    return read(folder, TRAINING, "CIFAR-10", CLASSES), read(folder, TEST, "CIFAR-10", CLASSES)
