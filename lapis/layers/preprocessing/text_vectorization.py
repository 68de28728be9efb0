"""Texts to places of their tokens in a vocabulary."""

import string
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from lapis.core.config import floatx
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.layers.preprocessing.host_layer import HostLayer, int_type, learn_from
from lapis.layers.preprocessing.index_lookup import as_list, checked_mode, refuse_path, refuse_sparse
from lapis.layers.preprocessing.string_lookup import StringLookup

_PUNCTUATION = string.punctuation.encode()
_LOWER = bytes(range(256)).lower()  # ASCII letters only, as in TensorFlow
# The table and the deletions that `bytes.translate` takes.
_STANDARDS: dict[str, tuple[bytes | None, bytes]] = {
    "lower": (_LOWER, b""),
    "strip_punctuation": (None, _PUNCTUATION),
    "lower_and_strip_punctuation": (_LOWER, _PUNCTUATION),
}
_SPLITS = ("whitespace", "character")
_SHAPE = "The layer {path!r} splits texts, one in each row: of shape (batch,) or (batch, 1); got {shape}."


@builtin("keras.layers")
class TextVectorization(HostLayer):
    """Texts `(batch,)` or `(batch, 1)` to the places of their tokens in a vocabulary, `(batch, tokens)`.

    Each text is standardized and split into tokens, which are joined to n-grams where asked for; place 0 is padding,
    1 stands for unknown tokens. It runs on the host, where whitespace and letters to be lowered are those of ASCII.

    Args:
        max_tokens: the most places there may be; no limit if not given.
        standardize: `"lower_and_strip_punctuation"`, `"lower"`, `"strip_punctuation"`, `None`, or a function from an
            array of strings to one of as many.
        split: `"whitespace"`, `"character"`, `None` for texts that are tokens already, or a function from an array of
            strings to a list with a list of tokens for each.
        ngrams: lengths of the n-grams that count as tokens, a tuple; a number for all up to it.
        output_mode: `"int"` for places; a vector of the vocabulary's size with ones (`"multi_hot"`), counts
            (`"count"`) or counts times weights (`"tf_idf"`) for each text; `"one_hot"` for each token.
        output_sequence_length: the length that rows of places are padded or cut to; the longest in the batch if not
            given.
        pad_to_max_tokens: whether vectors have the length `max_tokens` rather than that of the vocabulary.
        vocabulary: the tokens, as a list, a tuple or an array; or the path of a text file with one a line. `adapt`
            learns them from data.
        idf_weights: for `"tf_idf"`, one weight for each token of the vocabulary.
        sparse, ragged: must be false on JAX.
        encoding: how strings of bytes are shown.
        name: a name.

    Raises:
        ValueError: for arguments that do not go together.

    >>> layer = TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["the cat", "the dog"])
    >>> layer.get_vocabulary()
    ['', '[UNK]', 'the', 'dog', 'cat']
    >>> layer(["The cat!", "A dog."]).tolist()
    [[2, 4, 0, 0], [1, 3, 0, 0]]
    """

    _lookup_layer: StringLookup

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: int | tuple[int, ...] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        refuse_sparse(sparse or ragged, "TextVectorization")
        _check_step("standardize", standardize, tuple(_STANDARDS))
        _check_step("split", split, _SPLITS)
        output_mode = checked_mode(output_mode, "TextVectorization")
        widths = (ngrams,) if isinstance(ngrams, int) else ngrams
        if widths is not None and not (isinstance(widths, tuple) and all(isinstance(width, int) for width in widths)):
            raise ValueError(f"TextVectorization got ngrams={ngrams!r}; expected a number, a tuple of them, or None.")
        length_fits = output_mode == "int" and isinstance(output_sequence_length, int)
        if output_sequence_length is not None and not length_fits:
            raise ValueError(
                "TextVectorization takes output_sequence_length, a whole number, for output_mode='int' only; got "
                f"{output_sequence_length!r} for {output_mode!r}."
            )
        lookup = {key: kwargs.pop(key) for key in ("has_input_vocabulary", "vocabulary_size") if key in kwargs}
        super().__init__(name=name, **kwargs)
        self._standardize = standardize
        self._split = split
        self._ngrams = ngrams
        self._output_mode = output_mode
        self._output_sequence_length = output_sequence_length
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            pad_to_max_tokens=pad_to_max_tokens,
            mask_token="",
            output_mode=output_mode,
            encoding=encoding,
            **lookup,
        )

    @property
    def compute_dtype(self) -> str:
        return "string"

    @property
    def variable_dtype(self) -> str:
        return "string"

    @property
    def _output_dtype(self) -> str:
        return int_type() if self._output_mode == "int" else floatx()

    @property
    def _by_sample(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return not callable(self._standardize) and not callable(self._split)

    def build(self, input_shape: Any = None) -> None:
        """Nothing to do: the vocabulary is no weight."""

    # Texts to tokens

    def _rows(self, inputs: Any) -> tuple[list[list[bytes]], tuple[int, ...]]:
        """The tokens of each text in a flat list, and the texts' shape."""
        texts, shape = self._strings(inputs)
        if callable(self._standardize):
            texts, shape = self._strings(self._standardize(self._as_array(texts, shape)))
        elif self._standardize is not None:
            table, unwanted = _STANDARDS[self._standardize]
            texts = [text.translate(table, unwanted) for text in texts]
        if self._split is None:
            length = shape[-1] if shape else 1
            rows = [texts[start : start + length] for start in range(0, len(texts), max(length, 1))]
            shape = shape[:-1]
        else:
            if len(shape) > 1:
                if shape[-1] != 1:
                    raise ValueError(_SHAPE.format(path=self.path, shape=shape))
                shape = shape[:-1]
            rows = self._tokens(texts)
        if self._ngrams is not None:
            rows = [_ngrams(row, self._ngrams) for row in rows]
        return rows, shape

    def _tokens(self, texts: list[bytes]) -> list[list[bytes]]:
        if self._split == "whitespace":
            return [text.split() for text in texts]
        if self._split == "character":
            return [[character.encode() for character in text.decode(errors="replace")] for text in texts]
        rows = [self._strings(row)[0] for row in self._split(self._as_array(texts, (len(texts),)))]
        if len(rows) != len(texts):
            raise ValueError(f"The `split` of {self.path!r} gave {len(rows)} lists of tokens for {len(texts)} texts.")
        return rows

    def _as_array(self, texts: list[bytes], shape: tuple[int, ...]) -> np.ndarray:
        return np.array([text.decode(self._lookup_layer.encoding) for text in texts], str).reshape(shape)

    def run_on_host(self, inputs: Any) -> np.ndarray:
        rows, shape = self._rows(inputs)
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        longest = int(lengths.max(initial=0))
        places = np.full((len(rows), longest), 0 if self._output_mode == "int" else -1, np.int64)
        places[np.arange(longest) < lengths[:, None]] = self._lookup_layer.places(list(chain.from_iterable(rows)))
        width = longest if self._output_sequence_length is None else self._output_sequence_length
        if width != longest:
            places = np.pad(places[:, :width], ((0, 0), (0, max(width - longest, 0))))
        return self._lookup_layer.encode(places.reshape(*shape, width))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        rows = input_shape[:-1] if self._split is None or len(input_shape) > 1 else input_shape
        length = self._output_sequence_length
        if self._split is None and length is None and self._ngrams is None and input_shape:
            length = input_shape[-1]
        if self._output_mode == "int":
            return (*rows, length)
        return self._lookup_layer.compute_output_shape((*rows, None))

    # The vocabulary

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary from texts: the most frequent tokens first, of equally frequent ones the greatest first.

        Args:
            data: an array or a list of texts; or batches of them, as a data set or a generator has them.
            batch_size: not used.
            steps: how many batches to take; all if not given.
        """
        learn_from(self, data, steps)

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch of texts."""
        self._lookup_layer._count(self._rows(data)[0])

    def finalize_state(self) -> None:
        """Make the vocabulary of what has been counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget what has been counted."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens in the order of their places, those for padding and unknown tokens first unless left out."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """How many places there are, special tokens included."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Give the layer its tokens in place of `adapt`, as `StringLookup.set_vocabulary` takes them."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    # Files

    def get_config(self) -> dict:
        lookup = self._lookup_layer
        return {
            **super().get_config(),
            "max_tokens": lookup.max_tokens,
            "standardize": serialize_keras_object(self._standardize),
            "split": serialize_keras_object(self._split),
            "ngrams": self._ngrams,
            "output_mode": self._output_mode,
            "output_sequence_length": self._output_sequence_length,
            "pad_to_max_tokens": lookup.pad_to_max_tokens,
            "sparse": False,
            "ragged": False,
            "vocabulary": as_list(lookup.input_vocabulary),
            "idf_weights": as_list(lookup.input_idf_weights),
            "encoding": lookup.encoding,
            "vocabulary_size": lookup._size or self.vocabulary_size(),
        }

    @classmethod
    def from_config(cls, config: dict) -> Any:
        refuse_path(config, cls)
        config = dict(config)
        for step in ("standardize", "split"):
            if not isinstance(config.get(step), str):
                config[step] = deserialize_keras_object(config[step]) if config.get(step) is not None else None
        if isinstance(config.get("ngrams"), list):
            config["ngrams"] = tuple(config["ngrams"])
        return super().from_config(config)

    def save_own_variables(self, store: dict) -> None:
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path: str) -> None:
        """Write the vocabulary to a file in the folder, unless the config holds it."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary from the file that `save_assets` wrote."""
        self._lookup_layer.load_assets(dir_path)


def _check_step(name: str, value: str | Callable | None, allowed: tuple[str, ...]) -> None:
    if value is not None and not callable(value) and value not in allowed:
        raise ValueError(f"TextVectorization got {name}={value!r}; expected one of {allowed}, None, or a function.")


def _ngrams(tokens: Sequence[bytes], widths: int | tuple[int, ...]) -> list[bytes]:
    """All runs of so many tokens, joined by spaces: those of the first width, then those of the next.

    >>> _ngrams([b"a", b"b", b"c"], 2)
    [b'a', b'b', b'c', b'a b', b'b c']
    """
    count = len(tokens)
    if isinstance(widths, int):
        widths = tuple(range(1, min(widths, count) + 1))
    return [b" ".join(tokens[start : start + width]) for width in widths for start in range(count - width + 1)]
