"""Boston housing: prices by 13 features (Harrison and Rubinfeld, 1978, https://doi.org/10.1016/0095-0696(78)90006-2).

One feature, "B", is made from the share of Black inhabitants by a formula that presumes segregation to raise prices.
Use the data to speak of such mistakes; `california_housing` serves other purposes.
"""

from lapis.datasets.cached import STORE
from lapis.datasets.housing import Split, check_test_split, load_table, shuffled_parts

ORIGIN = STORE + "boston_housing.npz"
FILE_HASH = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"
FEATURES = 13


def load_data(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int | None = 113) -> Split:
    """506 districts of Boston, with the median price of their houses in thousands of dollars.

    Args:
        path: the file's name in the cache folder, into which it is downloaded when it is not there.
        test_split: the part of the districts that becomes the test set, from 0 to below 1.
        seed: seed of the order in which the districts are dealt out.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: features `(n, 13)` and prices `(n,)`.

    Raises:
        ConnectionError: the file is not in the cache and cannot be downloaded.
        ValueError: an impossible `test_split`.
    """
    check_test_split(test_split)
    x, y = load_table(path, ORIGIN, FILE_HASH, "Boston housing", FEATURES)
    return shuffled_parts(x, y, test_split, seed)
