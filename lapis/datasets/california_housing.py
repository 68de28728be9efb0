"""California housing: prices by 8 features (Pace and Barry, 1997, https://doi.org/10.1016/S0167-7152(96)00140-X)."""

from lapis.datasets.cached import STORE
from lapis.datasets.housing import Split, check_test_split, load_table, shuffled_parts

ORIGIN = STORE + "california_housing.npz"
FILE_HASH = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"
FEATURES, SMALL = 8, 600


def load_data(
    version: str = "large", path: str = "california_housing.npz", test_split: float = 0.2, seed: int | None = 113
) -> Split:
    """20,640 districts of California in 1990, with the median value of their houses in dollars.

    The features are median income, median age of the houses, rooms, bedrooms and persons per household (the last as
    the sixth), population (the fifth), latitude and longitude.

    Args:
        version: "large", or "small" for the first 600 districts.
        path: the file's name in the cache folder, into which it is downloaded when it is not there.
        test_split: the part of the districts that becomes the test set, from 0 to below 1.
        seed: seed of the order in which the districts are dealt out.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: features `(n, 8)` and values `(n,)`.

    Raises:
        ConnectionError: the file is not in the cache and cannot be downloaded.
        ValueError: another `version`, or an impossible `test_split`.
    """
    check_test_split(test_split)
    if version not in ("small", "large"):
        raise ValueError(f"`version` must be 'small' or 'large'; got {version!r}.")
    x, y = load_table(path, ORIGIN, FILE_HASH, "California housing", FEATURES)
    part = slice(SMALL if version == "small" else None)
    return shuffled_parts(x[part], y[part], test_split, seed)
