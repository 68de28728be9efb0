"""Fashion-MNIST: articles of clothing (Xiao, Rasul and Vollgraf, 2017, https://arxiv.org/abs/1708.07747)."""

import gzip
import zlib
from pathlib import Path

import numpy as np

from lapis.data.download import get_file
from lapis.datasets.cached import find, wrong_file

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
FOLDER = "fashion-mnist"
# File, its MD5, the shape of what it holds.
FILES = (
    ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", (60000, 28, 28)),
    ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe", (60000,)),
    ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79", (10000, 28, 28)),
    ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310", (10000,)),
)
UNSIGNED_BYTES = 8


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """60,000 training and 10,000 test images of clothing, with their labels.

    The classes 0 to 9 are T-shirt/top, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(n, 28, 28)` from 0 to 255, uint8 labels `(n,)`.

    Raises:
        ConnectionError: a file is not in the cache and cannot be downloaded.
        ValueError: a file in the cache does not hold Fashion-MNIST.
    """
    arrays = [load_file(*file) for file in FILES]
    return (arrays[0], arrays[1]), (arrays[2], arrays[3])


def load_file(name: str, md5: str, shape: tuple[int, ...]) -> np.ndarray:
    """One of the four arrays."""
    found = find(f"{FOLDER}/{name}", name)
    file = found or Path(get_file(name, ORIGIN + name, file_hash=md5, cache_subdir=f"datasets/{FOLDER}"))
    array = read_idx(file)
    if array.shape != shape:
        raise wrong_file(file, "Fashion-MNIST", f"its array has the shape {array.shape}, not {shape}")
    # Every class is equally frequent, which neither MNIST (whose files have the same names) nor damaged labels are.
    if array.ndim == 1 and not np.array_equal(np.bincount(array, minlength=10), np.full(10, shape[0] // 10)):
        raise wrong_file(file, "Fashion-MNIST", "its ten classes are not equally frequent")
    return array


def read_idx(path: Path) -> np.ndarray:
    """An array of unsigned bytes in the IDX format: 0, 0, type, rank, sizes as big-endian 32-bit integers, numbers."""
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise wrong_file(path, "an IDX array", f"it cannot be unpacked ({error})") from None
    if len(content) < 4 or content[:3] != bytes([0, 0, UNSIGNED_BYTES]):
        raise wrong_file(path, "an IDX array", "it does not begin as one of unsigned bytes")
    start = 4 + 4 * content[3]
    shape = tuple(int(size) for size in np.frombuffer(content[4:start], ">u4"))
    if len(shape) != content[3] or len(content) - start != int(np.prod(shape, dtype=np.int64)):
        raise wrong_file(path, "an IDX array", f"its {len(content) - start} numbers do not fill the shape {shape}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()
