"""The terms that a lookup knows, in order, learned from data or read from where the caller says."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np


class Vocabulary:
    """Terms, bytes or whole numbers, with the place of each, which counts from `start`.

    >>> Vocabulary([b"a", b"b"], 1).places([b"b", b"z"], -1)
    array([ 2, -1])
    """

    def __init__(self, terms: Sequence[Any], start: int) -> None:
        self.terms = terms
        self._places = {term: place for place, term in enumerate(terms, start)}

    def __len__(self) -> int:
        return len(self.terms)

    def places(self, values: Sequence[Any], otherwise: int) -> np.ndarray:
        """The place of each value, `otherwise` where there is none."""
        return np.fromiter(map(self._places.get, values, repeat(otherwise)), np.int64, len(values))


class Counts:
    """How often terms occur, and in how many documents."""

    def __init__(self) -> None:
        self.terms: Counter = Counter()
        self.documents: Counter = Counter()
        self.num_documents = 0

    def add(self, rows: Iterable[Sequence[Any]], by_document: bool) -> None:
        """Count the terms of some documents."""
        for row in rows:
            self.terms.update(row)
            self.num_documents += 1
            if by_document:
                self.documents.update(set(row))

    def most_common(self, left_out: Iterable[Any], most: int | None) -> list[Any]:
        """The terms, the most frequent first, of equal ones the greatest first."""
        for term in left_out:
            self.terms.pop(term, None)
        ordered = sorted(self.terms.items(), key=lambda item: (item[1], item[0]), reverse=True)
        return [term for term, _ in ordered[:most]]

    def idf(self, terms: Iterable[Any]) -> list[float]:
        """The inverse document frequency of each term, `log(1 + documents / (1 + documents with it))`."""
        return [math.log(1 + self.num_documents / (1 + self.documents[term])) for term in terms]


def lines_of(path: Path) -> list[bytes]:
    """The lines of a text file."""
    text = path.read_bytes()
    return text.removesuffix(b"\n").split(b"\n") if text else []


def repeated(terms: Sequence[Any]) -> list[Any]:
    """The terms that stand in a list more than once."""
    return [term for term, count in Counter(terms).items() if count > 1] if len(set(terms)) != len(terms) else []
