"""Whole numbers to places in a vocabulary."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lapis.core.serialization import builtin
from lapis.layers.preprocessing.index_lookup import IndexLookup


@builtin("keras.layers")
class IntegerLookup(IndexLookup):
    """Whole numbers to their places in a vocabulary, or with `invert` back.

    It runs on the host, where numbers keep their 64 bits.

    Args:
        max_tokens: the most places there may be, special ones included; no limit if not given.
        num_oov_indices: how many places there are for numbers that the vocabulary lacks; with 0 such are errors.
        mask_token: a number for what is to be left out: place 0 for `output_mode="int"`, nothing in other modes.
        oov_token: the number that stands for unknown ones with `invert`.
        vocabulary: the numbers, as a list, a tuple or an array; or the path of a text file with one a line. `adapt`
            learns them from data.
        vocabulary_dtype: only `"int64"`.
        idf_weights: for `"tf_idf"`, one weight for each number of the vocabulary.
        invert: places to numbers instead.
        output_mode: `"int"` for places; `"one_hot"` for a vector each; for the numbers along the last axis together a
            vector of ones (`"multi_hot"`), of counts (`"count"`) or of counts times weights (`"tf_idf"`).
        sparse: must be false on JAX.
        pad_to_max_tokens: whether vectors have the length `max_tokens` rather than that of the vocabulary.
        oov_method: which of several places an unknown number gets: `"floormod"`, its remainder, or `"farmhash"`, its
            hash.
        salt: for `"farmhash"`, one or two whole numbers that make the hash another one.
        name: a name.

    Raises:
        ValueError: for arguments that do not go together, and for unknown numbers with `num_oov_indices=0`.

    >>> IntegerLookup(vocabulary=[12, 36])([[36, 7, 12]]).tolist()
    [[2, 0, 1]]
    """

    vocabulary_dtype = "int64"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int | None = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if vocabulary_dtype != "int64":
            raise ValueError(f"IntegerLookup got vocabulary_dtype={vocabulary_dtype!r}; expected 'int64'.")
        super().__init__(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            mask_token=mask_token,
            oov_token=oov_token,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            invert=invert,
            output_mode=output_mode,
            sparse=sparse,
            pad_to_max_tokens=pad_to_max_tokens,
            oov_method=oov_method,
            salt=salt,
            name=name,
            **kwargs,
        )

    def _terms(self, values: Any) -> tuple[list[int], tuple[int, ...]]:
        array = self._array(values)
        if array.dtype.kind not in "iub" and array.size:
            raise TypeError(f"The layer {self.path!r} takes whole numbers; got an array of {array.dtype}.")
        return array.astype(np.int64, copy=False).ravel().tolist(), array.shape

    def _shown(self, terms: Sequence[int]) -> list[int]:
        return list(terms)

    def _hash_texts(self, terms: Sequence[int]) -> list[bytes]:
        return [str(term).encode() for term in terms]

    def _parsed(self, lines: list[bytes]) -> list[int]:
        return [int(line) for line in lines]

    def _oov_bucket(self, terms: list[int]) -> np.ndarray:
        if self.oov_method == "farmhash":
            return super()._oov_bucket(terms)
        return np.array(terms) % self.num_oov_indices

    def get_config(self) -> dict:
        return {**super().get_config(), "vocabulary_dtype": self.vocabulary_dtype}
