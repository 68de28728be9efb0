"""Texts as lists of word numbers, `tensorflow.keras.preprocessing.text`; new programs use `TextVectorization`."""

import hashlib
from collections.abc import Callable, Sequence

from lapis.preprocessing.tokenizer import FILTERS
from lapis.preprocessing.tokenizer import Tokenizer as Tokenizer
from lapis.preprocessing.tokenizer import text_to_word_sequence as text_to_word_sequence
from lapis.preprocessing.tokenizer import tokenizer_from_json as tokenizer_from_json


def hashing_trick(
    text: str,
    n: int,
    hash_function: str | Callable[[str], int] | None = None,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], Sequence[str]] | None = None,
) -> list[int]:
    """The words as numbers from 1 to `n - 1`, by a hash: Python's `hash` by default, `"md5"`, or a function.

    >>> hashing_trick("to be or not to be", 50, "md5")
    [15, 5, 8, 36, 15, 5]
    """
    words = text_to_word_sequence(text, filters, lower, split) if analyzer is None else analyzer(text)
    if hash_function is None:
        hash_function = hash
    elif hash_function == "md5":
        hash_function = _md5
    if not callable(hash_function):
        raise ValueError(f"hash_function is {hash_function!r}; expected None, 'md5' or a function.")
    return [hash_function(word) % (n - 1) + 1 for word in words]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


def one_hot(
    input_text: str,
    n: int,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], Sequence[str]] | None = None,
) -> list[int]:
    """`hashing_trick` with Python's `hash`, which differs from one process to the next.

    >>> len(one_hot("to be or not", 50))
    4
    """
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)
