"""Reuters: newswires in 46 topics (Lewis, 1997, https://doi.org/10.24432/C52G6M)."""

import numpy as np

from lapis.datasets.cached import STORE, published_file, word_index, wrong_file
from lapis.datasets.housing import check_test_split
from lapis.datasets.pickled import read_arrays
from lapis.datasets.word_lists import limited, numbered, shorter_than, shuffled

ORIGIN = STORE + "reuters.npz"
FILE_HASH = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
INDEX_ORIGIN = STORE + "reuters_word_index.json"
INDEX_HASH = "4d44cc38712099c9e383dc6e5f11a921"
LABELS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass "
    "crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi "
    "iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"
)


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int | None = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """11,228 newswires as lists of words' numbers, with their topics.

    A word's number is its rank, 1 for the most frequent, plus `index_from`.

    Args:
        path: the file's name in the cache folder, into which it is downloaded when it is not there.
        num_words: words from this number on count as unknown; by default the rarest word's number.
        skip_top: words below this number count as unknown.
        maxlen: only newswires shorter than this are kept.
        test_split: the part of the newswires that becomes the test set, from 0 to below 1.
        seed: seed of the newswires' order.
        start_char: the number that each newswire begins with; `None` for none.
        oov_char: the number for unknown words; `None` leaves them out.
        index_from: what ranks are raised by.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays `(n,)` of lists of whole numbers, topics `(n,)` from 0 to 45.

    Raises:
        ConnectionError: the file is not in the cache and cannot be downloaded.
        ValueError: an impossible `test_split`, or no newswire is shorter than `maxlen`.
    """
    check_test_split(test_split)
    file = published_file(path, ORIGIN, FILE_HASH)
    try:
        arrays = read_arrays(file)
        x, y = arrays["x"], arrays["y"]
    except (KeyError, ValueError) as error:
        raise wrong_file(file, "the Reuters newswires", str(error)) from None
    x, y = shuffled(x, y, np.random.RandomState(seed))
    kept, y = shorter_than(numbered(x, start_char, index_from), y, maxlen)
    x = limited(kept, num_words, skip_top, oov_char)
    split_at = int(len(x) * (1 - test_split))
    return (x[:split_at], y[:split_at]), (x[split_at:], y[split_at:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """The rank of each word, to which `load_data` adds `index_from`.

    Args:
        path: the file's name in the cache folder, into which it is downloaded when it is not there.

    Raises:
        ConnectionError: the file is not in the cache and cannot be downloaded.
    """
    return word_index(path, INDEX_ORIGIN, INDEX_HASH)


def get_label_names() -> tuple[str, ...]:
    """The topics' names, in the order of their numbers.

    >>> get_label_names()[3]
    'earn'
    """
    return tuple(LABELS.split())
