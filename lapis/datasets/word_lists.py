"""Texts as lists of words' ranks, cut to the words that are wanted."""

import numpy as np

Labelled = tuple[list[list[int]], np.ndarray]


def shuffled(texts: np.ndarray, labels: np.ndarray, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """The texts in a new order, with their labels."""
    order = np.arange(len(texts))
    random.shuffle(order)
    return texts[order], labels[order]


def numbered(texts: np.ndarray, start_char: int | None, index_from: int | None) -> list[list[int]]:
    """The texts with words counted from `index_from`, and with a mark at their beginnings."""
    begin, first = ([] if start_char is None else [start_char]), index_from or 0
    return [begin + [word + first for word in text] for text in texts]


def shorter_than(texts: list[list[int]], labels: np.ndarray, maxlen: int | None) -> Labelled:
    """The texts that are shorter than `maxlen`; of `None` or 0, all."""
    kept = [i for i, text in enumerate(texts) if not maxlen or len(text) < maxlen]
    if not kept:
        raise ValueError(f"No text is shorter than maxlen={maxlen}; choose a larger one.")
    return [texts[i] for i in kept], labels[kept]


def limited(texts: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None) -> np.ndarray:
    """The texts with other words than those from `skip_top` to below `num_words` replaced, or left out.

    By default `num_words` is the rarest word's number, so that word is replaced too.
    """
    stop = num_words or max(max(text, default=0) for text in texts)
    limited = np.empty(len(texts), object)
    if oov_char is None:
        limited[:] = [[word for word in text if skip_top <= word < stop] for text in texts]
    else:
        limited[:] = [[word if skip_top <= word < stop else oov_char for word in text] for text in texts]
    return limited
