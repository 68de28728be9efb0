"""Texts and numbers to buckets by their hashes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lapis.layers.preprocessing.fingerprints import fingerprints, sip_hashes


def checked_salt(salt: Any, layer: str) -> list[int] | None:
    """The key of a salted hash as two whole numbers."""
    if salt is None:
        return None
    if isinstance(salt, (tuple, list)) and len(salt) == 2:
        return list(salt)
    if isinstance(salt, int):
        return [salt, salt]
    raise ValueError(f"{layer} got salt={salt!r}; expected a whole number or a pair of them.")


def buckets(texts: Sequence[bytes], count: int, salt: list[int] | None) -> np.ndarray:
    """A number below `count` for each text: its FarmHash, or with a salt its SipHash; each text is hashed once.

    >>> buckets([b"A", b"B", b"A"], 3, None)
    array([1, 0, 1])
    """
    numbers = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    different = list(numbers)
    hashes = fingerprints(different) if salt is None else sip_hashes(different, salt)
    found = (hashes % np.uint64(count)).astype(np.int64)
    return found[[numbers[text] for text in texts]]
