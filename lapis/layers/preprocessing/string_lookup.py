"""Strings to places in a vocabulary."""

from collections.abc import Sequence
from typing import Any

from lapis.core.serialization import builtin
from lapis.layers.preprocessing.index_lookup import IndexLookup


@builtin("keras.layers")
class StringLookup(IndexLookup):
    """Strings to whole numbers, their places in a vocabulary, or with `invert` numbers to strings.

    It runs on the host. Strings are `str`, or `bytes` in UTF-8.

    Args:
        max_tokens: the most places there may be, special ones included; no limit if not given.
        num_oov_indices: how many places there are for strings that the vocabulary lacks; with several, a string's
            hash chooses one; with 0 such strings are errors.
        mask_token: a string for what is to be left out: place 0 for `output_mode="int"`, nothing in other modes.
        oov_token: what the places of unknown strings are called.
        vocabulary: the strings, as a list, a tuple or an array; or the path of a text file with one a line. `adapt`
            learns them from data.
        idf_weights: for `"tf_idf"`, one weight for each string of the vocabulary.
        invert: numbers to strings instead.
        output_mode: `"int"` for places; `"one_hot"` for a vector each; for the strings along the last axis together a
            vector of ones (`"multi_hot"`), of counts (`"count"`) or of counts times weights (`"tf_idf"`).
        pad_to_max_tokens: whether vectors have the length `max_tokens` rather than that of the vocabulary.
        sparse: must be false on JAX.
        encoding: how strings of bytes are shown.
        name: a name.
        salt: one or two whole numbers that make the hash of unknown strings another one.

    Raises:
        ValueError: for arguments that do not go together, and for unknown strings with `num_oov_indices=0`.

    >>> StringLookup(vocabulary=["a", "b"])([["b", "z", "a"]]).tolist()
    [[2, 0, 1]]
    >>> StringLookup(vocabulary=["a", "b"], invert=True)([[2, 0]]).tolist()
    [['b', '[UNK]']]
    """

    vocabulary_dtype = "string"
    encoding: str

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str | None = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        self.__dict__["encoding"] = encoding
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
            salt=salt,
            name=name,
            **kwargs,
        )

    def _terms(self, values: Any) -> tuple[list[bytes], tuple[int, ...]]:
        return self._strings(values)

    def _shown(self, terms: Sequence[bytes]) -> list[str]:
        return [term.decode(self.encoding) for term in terms]

    def _hash_texts(self, terms: Sequence[bytes]) -> Sequence[bytes]:
        return terms

    def _parsed(self, lines: list[bytes]) -> list[bytes]:
        return lines

    def get_config(self) -> dict:
        return {**super().get_config(), "encoding": self.encoding}
