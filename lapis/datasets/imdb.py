"""IMDB: reviews of films, for and against (Maas et al., 2011, https://aclanthology.org/P11-1015)."""

import numpy as np

from lapis.datasets.cached import STORE, published_file, word_index, wrong_file
from lapis.datasets.pickled import read_arrays
from lapis.datasets.word_lists import limited, numbered, shorter_than, shuffled

ORIGIN = STORE + "imdb.npz"
FILE_HASH = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
INDEX_ORIGIN = STORE + "imdb_word_index.json"
INDEX_HASH = "bfafd718b763782e994055a2d397834f"


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int | None = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """25,000 training and 25,000 test reviews as lists of words' numbers, with their labels.

    A word's number is its rank among the words of the training set, 1 for the most frequent, plus `index_from`.

    Args:
        path: the file's name in the cache folder, into which it is downloaded when it is not there.
        num_words: words from this number on count as unknown; by default the rarest word's number.
        skip_top: words below this number count as unknown.
        maxlen: only reviews shorter than this are kept.
        seed: seed of the reviews' order.
        start_char: the number that each review begins with; `None` for none.
        oov_char: the number for unknown words; `None` leaves them out.
        index_from: what ranks are raised by.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays `(n,)` of lists of whole numbers, labels `(n,)` of 0 (against)
        and 1 (for).

    Raises:
        ConnectionError: the file is not in the cache and cannot be downloaded.
        ValueError: no review is shorter than `maxlen`.
    """
    file = published_file(path, ORIGIN, FILE_HASH)
    try:
        arrays = read_arrays(file)
        parts = [(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test")]
    except (KeyError, ValueError) as error:
        raise wrong_file(file, "the IMDB reviews", str(error)) from None
    random = np.random.RandomState(seed)
    texts, labels = [], []
    for x, y in [shuffled(x, y, random) for x, y in parts]:
        kept, of_kept = shorter_than(numbered(x, start_char, index_from), y, maxlen)
        texts.append(kept)
        labels.append(of_kept)
    x = limited(texts[0] + texts[1], num_words, skip_top, oov_char)
    split_at = len(texts[0])
    return (x[:split_at], labels[0]), (x[split_at:], labels[1])


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """The rank of each word, to which `load_data` adds `index_from`.

    Args:
        path: the file's name in the cache folder, into which it is downloaded when it is not there.

    Raises:
        ConnectionError: the file is not in the cache and cannot be downloaded.
    """
    return word_index(path, INDEX_ORIGIN, INDEX_HASH)
