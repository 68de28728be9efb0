"""MNIST: handwritten digits (LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist/)."""

import zipfile
from pathlib import Path

import numpy as np

from lapis.data.download import get_file
from lapis.datasets.cached import content_digest, find, wrong_file

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
FILE_HASH = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
# SHA-256 of the arrays' numbers. The same numbers can be packed into files with different hashes, so these decide.
CONTENT = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
SHAPES = {"x_train": (60000, 28, 28), "y_train": (60000,), "x_test": (10000, 28, 28), "y_test": (10000,)}


def load_data(path: str = "mnist.npz") -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """60,000 training and 10,000 test images of handwritten digits, with their labels.

    Args:
        path: the file's name in the cache folder, into which it is downloaded when it is not there.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(n, 28, 28)` and labels `(n,)`.

    Raises:
        ConnectionError: the file is not in the cache and cannot be downloaded.
        ValueError: the file in the cache does not hold MNIST's numbers.
    """
    file = find(path) or Path(get_file(path, ORIGIN, file_hash=FILE_HASH))
    try:
        with np.load(file, allow_pickle=False) as arrays:
            data = {name: arrays[name] for name in CONTENT}
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise wrong_file(file, "MNIST", f"it cannot be read ({error})") from None
    for name, expected in CONTENT.items():
        array = data[name]
        if array.shape != SHAPES[name] or array.dtype != np.uint8:
            raise wrong_file(file, "MNIST", f"{name} is {array.dtype} {array.shape}, not uint8 {SHAPES[name]}")
        if content_digest(array) != expected:
            raise wrong_file(file, "MNIST", f"the numbers in {name} differ from the published ones")
    return (data["x_train"], data["y_train"]), (data["x_test"], data["y_test"])
