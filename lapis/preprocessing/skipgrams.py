"""Pairs of words for embeddings, from [Mikolov et al., 2013](https://arxiv.org/abs/1301.3781)."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """With what probability to keep the word of each rank, for words as common as Zipf's law says.

    >>> make_sampling_table(3).round(4).tolist()
    [0.0032, 0.0032, 0.0055]
    """
    rank = np.maximum(np.arange(size), 1)
    # The inverse frequency of a rank, by Euler's constant and the next terms of the harmonic series.
    inverse = rank * (np.log(rank) + 0.577) + 0.5 - 1.0 / (12.0 * rank)
    return np.minimum(1.0, np.sqrt(sampling_factor * inverse))


def skipgrams(
    sequence: Sequence[int],
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Any = None,
    seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:
    """Pairs of words that stand near each other, labelled 1, and pairs with random words, labelled 0.

    Args:
        sequence: numbers of words; 0 stands for none.
        vocabulary_size: random words are from 1 to `vocabulary_size - 1`.
        window_size: how far apart the words of a pair may stand.
        negative_samples: random pairs for each pair.
        shuffle: whether to shuffle the pairs, with `seed` if given.
        categorical: whether labels are `[0, 1]` and `[1, 0]`.
        sampling_table: with what probability a word begins pairs, by its number.
        seed: of the shuffling; all else is drawn from Python's global generator.

    >>> skipgrams([1, 2, 3], 4, window_size=1, negative_samples=0, shuffle=False)
    ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])
    """
    couples = []
    for place, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < random.random()):
            continue
        for near in range(max(0, place - window_size), min(len(sequence), place + window_size + 1)):
            if near != place and sequence[near]:
                couples.append([word, sequence[near]])
    labels: list[Any] = [[0, 1] if categorical else 1 for _ in couples]
    if negative_samples > 0 and couples:
        count = int(len(labels) * negative_samples)
        words = [word for word, _ in couples]
        random.shuffle(words)
        couples += [[words[i % len(words)], random.randint(1, vocabulary_size - 1)] for i in range(count)]
        labels += [[1, 0] if categorical else 0 for _ in range(count)]
    if shuffle:
        seed = random.randint(0, 10_000_000) if seed is None else seed
        for values in (couples, labels):
            random.Random(seed).shuffle(values)
    return couples, labels
