"""Tables of houses, and shuffled parts of tables."""

import zipfile

import numpy as np

from lapis.datasets.cached import published_file, wrong_file

Split = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def check_test_split(test_split: float) -> None:
    """Refuse a part that is none."""
    if not 0 <= test_split < 1:
        raise ValueError(f"`test_split` must be at least 0 and below 1; got {test_split!r}.")


def load_table(name: str, origin: str, file_hash: str, what: str, features: int) -> tuple[np.ndarray, np.ndarray]:
    """The features `(n, features)` and targets `(n,)` of a published file."""
    path = published_file(name, origin, file_hash)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            x, y = arrays["x"], arrays["y"]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise wrong_file(path, what, f"it cannot be read ({error})") from None
    if x.shape[1:] != (features,) or y.shape != x.shape[:1]:
        raise wrong_file(path, what, f"its arrays have the shapes {x.shape} and {y.shape}")
    return x, y


def shuffled_parts(x: np.ndarray, y: np.ndarray, test_split: float, seed: int | None) -> Split:
    """Training and test part of samples in an order that the seed makes."""
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    split_at = int(len(x) * (1 - test_split))
    train, test = order[:split_at], order[split_at:]
    return (x[train], y[train]), (x[test], y[test])
