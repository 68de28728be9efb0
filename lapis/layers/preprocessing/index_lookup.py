"""What `StringLookup` and `IntegerLookup` share: terms to places in a vocabulary and back."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from lapis.core.config import floatx
from lapis.layers.preprocessing.buckets import buckets, checked_salt
from lapis.layers.preprocessing.host_layer import (
    OUTPUT_MODES,
    HostLayer,
    encoded,
    encoded_shape,
    int_type,
    learn_from,
)
from lapis.layers.preprocessing.vocabulary import Counts, Vocabulary, lines_of, repeated

_OLD_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}
_FILE = "vocabulary.txt"
_PATH_IN_CONFIG = (
    "The config of {cls} names a file, {path!r}, as its vocabulary. A saved model holds its vocabulary itself, and no "
    "other file is opened because it says so: make the layer with `vocabulary=` that path, if you trust it."
)
_NO_VOCABULARY = "The layer {path!r} ({cls}) has no vocabulary yet: pass one as `vocabulary=`, or call `adapt`."
_FIXED = "The layer {path!r} was given its vocabulary, so it cannot be adapted."
_UNKNOWN = (
    "The layer {path!r} has num_oov_indices=0, so all inputs must be in its vocabulary; {values} are not. Set "
    "num_oov_indices=1 to have a place for them."
)
_RESERVED = (
    "The {kind} token {token!r} stands at place {place} of the vocabulary. Leave {special} out of it, or begin it with "
    "exactly these."
)
_SIZE_FIXED = (
    "The layer {path!r} gives vectors of the size of its vocabulary, which was {old} and cannot become {new}. Set "
    "`max_tokens` and `pad_to_max_tokens=True` to leave room."
)


def refuse_path(config: dict, cls: type) -> None:
    """Raise a `ValueError` if a config names a file as the vocabulary."""
    if isinstance(config.get("vocabulary"), (str, bytes)):
        raise ValueError(_PATH_IN_CONFIG.format(cls=cls.__name__, path=config["vocabulary"]))


def checked_mode(mode: str, layer: str, allowed: tuple[str, ...] = (*OUTPUT_MODES, "tf_idf")) -> str:
    """The output mode under its present name; a `ValueError` for one that is not known."""
    mode = _OLD_MODES.get(mode, mode)
    if mode not in allowed:
        raise ValueError(f"{layer} got output_mode={mode!r}; expected one of {', '.join(map(repr, allowed))}.")
    return mode


def refuse_sparse(sparse: bool, layer: str) -> None:
    """Raise a `ValueError` for `sparse=True`: JAX's arrays are dense."""
    if sparse:
        raise ValueError(f"{layer} got sparse=True; on JAX its outputs are dense: leave it out.")


def as_list(values: Any) -> Any:
    """An array as a list for a config; anything else as it is."""
    return np.asarray(values).tolist() if hasattr(values, "__array__") else values


class IndexLookup(HostLayer):
    """Terms to places in a vocabulary, or with `invert` back again.

    Places: first that of `mask_token` (only for `output_mode="int"`), then `num_oov_indices` for what the vocabulary
    lacks, then the terms. A subclass says how terms look.
    """

    vocabulary_dtype: str
    input_vocabulary: Any
    input_idf_weights: Any
    _counts: Counts | None = None

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        sparse: bool,
        pad_to_max_tokens: bool,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        cls = type(self).__name__
        refuse_sparse(sparse, cls)
        output_mode = checked_mode(output_mode, cls)
        if max_tokens is not None and max_tokens <= 1:
            raise ValueError(f"{cls} got max_tokens={max_tokens}; expected a number above 1, or None.")
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError(f"{cls} got pad_to_max_tokens=True, which needs `max_tokens`.")
        if num_oov_indices < 0:
            raise ValueError(f"{cls} got num_oov_indices={num_oov_indices}; expected 0 or more.")
        if oov_method not in ("floormod", "farmhash"):
            raise ValueError(f"{cls} got oov_method={oov_method!r}; expected 'floormod' or 'farmhash'.")
        if salt is not None and self.vocabulary_dtype != "string" and oov_method != "farmhash":
            raise ValueError(f"{cls} got a salt, which needs oov_method='farmhash'; got {oov_method!r}.")
        if invert and output_mode != "int":
            raise ValueError(f"{cls} got invert=True, which needs output_mode='int'; got {output_mode!r}.")
        if idf_weights is not None and output_mode != "tf_idf":
            raise ValueError(f"{cls} got idf_weights, which need output_mode='tf_idf'; got {output_mode!r}.")
        if vocabulary is not None and idf_weights is None and output_mode == "tf_idf":
            raise ValueError(f"{cls} got a vocabulary and output_mode='tf_idf', which needs idf_weights too.")
        size = kwargs.pop("vocabulary_size", None)
        is_given = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        kwargs.pop("dtype", None)
        super().__init__(name=name, **kwargs)
        self.invert = invert
        self.max_tokens = max_tokens
        self.num_oov_indices = num_oov_indices
        self.mask_token = mask_token
        self.oov_token = oov_token
        self.output_mode = output_mode
        self.sparse = sparse
        self.pad_to_max_tokens = pad_to_max_tokens
        self.oov_method = oov_method
        self.salt = checked_salt(salt, cls)
        # Of the vocabulary with its special terms, once there are others.
        self._size = None if size == self._token_start else size
        self._vocabulary = Vocabulary([], self._token_start)
        self._has_input_vocabulary = is_given
        self.idf_weights: np.ndarray | None = None
        # Past the tracking of lists, which looks at every item.
        from_file = isinstance(vocabulary, (str, PathLike))
        self.__dict__["input_vocabulary"] = None if from_file else vocabulary
        self.__dict__["input_idf_weights"] = idf_weights
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    # How terms look

    def _terms(self, values: Any) -> tuple[list[Any], tuple[int, ...]]:
        """Values as a flat list of terms, and their shape."""
        raise NotImplementedError

    def _term(self, value: Any) -> Any:
        """A special token as a term, `None` for `None`."""
        return None if value is None else self._terms(value)[0][0]

    def _shown(self, terms: Sequence[Any]) -> list[Any]:
        """Terms as the user sees them."""
        raise NotImplementedError

    def _hash_texts(self, terms: Sequence[Any]) -> Sequence[bytes]:
        """What is hashed for terms that the vocabulary lacks."""
        raise NotImplementedError

    @property
    def compute_dtype(self) -> str:
        return self.vocabulary_dtype

    @property
    def variable_dtype(self) -> str:
        return self.vocabulary_dtype

    @property
    def _output_dtype(self) -> str:
        if self.output_mode != "int":
            return floatx()
        return self.vocabulary_dtype if self.invert and self.vocabulary_dtype == "string" else int_type()

    # The vocabulary

    @property
    def _oov_start(self) -> int:
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    @property
    def _token_start(self) -> int:
        return self._oov_start + self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The terms in the order of their places.

        Args:
            include_special_tokens: whether the mask token and those for unknown terms come first.
        """
        terms = self._shown(self._vocabulary.terms)
        if not include_special_tokens:
            return terms
        return [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices + terms

    def vocabulary_size(self) -> int:
        """How many places there are, special tokens included."""
        return len(self._vocabulary) + self._token_start

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Give the layer its terms, in place of `adapt`.

        Args:
            vocabulary: terms as a list, a tuple or an array, with or without the special tokens at the start; or the
                path of a text file with one term a line.
            idf_weights: for `output_mode="tf_idf"`, the inverse document frequency of each.

        Raises:
            ValueError: for terms that recur, special tokens among them, too many of them, or weights that do not fit.
        """
        if (idf_weights is not None) != (self.output_mode == "tf_idf"):
            raise ValueError(
                f"set_vocabulary takes idf_weights exactly for output_mode='tf_idf'; {self.path!r} has "
                f"{self.output_mode!r} and got {'none' if idf_weights is None else 'some'}."
            )
        if isinstance(vocabulary, (str, PathLike)):
            if not Path(vocabulary).is_file():
                raise ValueError(f"There is no vocabulary file {str(vocabulary)!r}.")
            if self.output_mode == "tf_idf":
                raise ValueError("With output_mode='tf_idf' a vocabulary cannot come from a file; pass a list.")
            terms, special = self._parsed(lines_of(Path(vocabulary))), 0
        else:
            terms = self._terms(vocabulary)[0]
            special = self._leading_specials(terms)
        if not terms:
            raise ValueError(f"The layer {self.path!r} got an empty vocabulary.")
        count = len(terms)
        terms = terms[special:]
        self._check_terms(terms)
        self._set_terms(terms)
        if idf_weights is not None:
            weights = np.asarray(idf_weights, floatx())
            if weights.shape != (count,):
                raise ValueError(f"idf_weights must be of shape {(count,)}, one for each term; got {weights.shape}.")
            rest = [weights.mean()] * (0 if special else self._token_start)
            self._set_idf(np.concatenate([rest, weights]))

    def _parsed(self, lines: list[bytes]) -> list[Any]:
        """The terms that stand in the lines of a file."""
        raise NotImplementedError

    def _leading_specials(self, terms: list[Any]) -> int:
        """How many special tokens a vocabulary begins with: all or none."""
        if self._token_start > len(terms):
            return 0
        special = [self._term(self.mask_token)] * self._oov_start + [self._term(self.oov_token)] * self.num_oov_indices
        return len(special) if terms[: len(special)] == special else 0

    def _check_terms(self, terms: list[Any]) -> None:
        if twice := repeated(terms):
            raise ValueError(f"Each term may stand in a vocabulary once; {self._shown(twice)[:10]} recur.")
        for kind, token in (("mask", self.mask_token), ("OOV", self.oov_token if self.invert else None)):
            if token is not None and (term := self._term(token)) in terms:
                special = [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices
                raise ValueError(_RESERVED.format(kind=kind, token=token, place=terms.index(term), special=special))
        size = len(terms) + self._token_start
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(f"The vocabulary has {size} terms with special ones; max_tokens is {self.max_tokens}.")

    def _set_terms(self, terms: list[Any]) -> None:
        size = len(terms) + self._token_start
        fixed = self.output_mode != "int" and not self.pad_to_max_tokens
        if fixed and self._size not in (None, size):
            raise RuntimeError(_SIZE_FIXED.format(path=self.path, old=self._size, new=size))
        self._vocabulary = Vocabulary(terms, self._token_start)
        self._size = size

    def _set_idf(self, weights: np.ndarray) -> None:
        room = self.max_tokens - len(weights) if self.pad_to_max_tokens and self.max_tokens else 0
        self.idf_weights = np.pad(weights, (0, max(room, 0))).astype(floatx())

    # Learning it

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary from data: the most frequent terms first, of equally frequent ones the greatest first.

        Args:
            data: an array or a list, of which each row is a document; or batches, as a data set or generator has them.
            steps: how many batches to take; all if not given.
        """
        learn_from(self, data, steps)

    def update_state(self, data: Any) -> None:
        """Count the terms of a batch; a single row is one document."""
        terms, shape = self._terms(data)
        length = shape[-1] if shape else 1
        self._count([terms[start : start + length] for start in range(0, len(terms), max(length, 1))])

    def _count(self, rows: list[list[Any]]) -> None:
        if self._has_input_vocabulary:
            raise ValueError(_FIXED.format(path=self.path))
        counts = self._counts
        if counts is None:
            counts = self.__dict__["_counts"] = Counts()
        counts.add(rows, self.output_mode == "tf_idf")

    def finalize_state(self) -> None:
        """Make the vocabulary of what has been counted."""
        counts = self._counts
        if counts is None or not counts.terms:
            return
        left_out = [self._term(token) for token in (self.mask_token, self.oov_token)]
        terms = counts.most_common(left_out, self.max_tokens and self.max_tokens - self._token_start)
        self._set_terms(terms)
        if self.output_mode == "tf_idf":
            weights = np.array(counts.idf(terms), floatx())
            self._set_idf(np.concatenate([[weights.mean()] * self._token_start, weights]))
        self.reset_state()

    def reset_state(self) -> None:
        """Forget what has been counted."""
        self.__dict__["_counts"] = None

    # Looking up

    def run_on_host(self, inputs: Any) -> np.ndarray:
        if self.invert:
            return self._inverted(self._array(inputs))
        terms, shape = self._terms(inputs)
        return self.encode(self.places(terms).reshape(shape))

    def places(self, terms: list[Any]) -> np.ndarray:
        """The place of each term of a flat list; -1 for the mask token where it has none."""
        if not len(self._vocabulary):
            raise ValueError(_NO_VOCABULARY.format(path=self.path, cls=type(self).__name__))
        places = self._vocabulary.places(terms, self._oov_start if self.num_oov_indices == 1 else -1)
        masked = np.zeros(len(terms), bool)
        if self.mask_token is not None:
            token = self._term(self.mask_token)
            masked = np.fromiter((term == token for term in terms), bool, len(terms))
            places[masked] = 0 if self._oov_start else -1
        if self.num_oov_indices != 1:
            unknown = np.nonzero((places < 0) & ~masked)[0]
            strange = [terms[place] for place in unknown]
            if strange and not self.num_oov_indices:
                raise ValueError(_UNKNOWN.format(path=self.path, values=self._shown(strange)[:10]))
            if strange:
                places[unknown] = self._oov_start + self._oov_bucket(strange)
        return places

    def _oov_bucket(self, terms: list[Any]) -> np.ndarray:
        return buckets(self._hash_texts(terms), self.num_oov_indices, self.salt)

    def encode(self, places: np.ndarray) -> np.ndarray:
        """Places, -1 for what is to be left out, in the layer's output mode."""
        if self.output_mode == "int":
            return places.astype(int_type())
        depth = self._depth
        if depth is None:
            raise RuntimeError(_NO_VOCABULARY.format(path=self.path, cls=type(self).__name__))
        if self.output_mode != "tf_idf":
            return encoded(places, self.output_mode, depth, floatx())
        if self.idf_weights is None:
            raise RuntimeError(f"The layer {self.path!r} has no idf_weights yet: adapt it, or set them.")
        return encoded(places, "count", depth, floatx()) * self.idf_weights

    def _inverted(self, places: np.ndarray) -> np.ndarray:
        if not len(self._vocabulary):
            raise ValueError(_NO_VOCABULARY.format(path=self.path, cls=type(self).__name__))
        is_text = self.vocabulary_dtype == "string"
        terms = np.array([*self.get_vocabulary(), self.oov_token], object if is_text else int_type())
        known = (places >= 0) & (places < len(terms))
        return terms[np.where(known, places, len(terms) - 1).astype(np.int64)]

    @property
    def _depth(self) -> int | None:
        return self.max_tokens if self.pad_to_max_tokens else self._size

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return encoded_shape(input_shape, self.output_mode, self._depth)

    # Files

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "invert": self.invert,
            "max_tokens": self.max_tokens,
            "num_oov_indices": self.num_oov_indices,
            "oov_token": self.oov_token,
            "mask_token": self.mask_token,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "idf_weights": as_list(self.input_idf_weights),
            "vocabulary": as_list(self.input_vocabulary),
            "vocabulary_size": self._size,
            "oov_method": self.oov_method,
            "salt": self.salt,
        }

    @classmethod
    def from_config(cls, config: dict) -> Any:
        refuse_path(config, cls)
        return super().from_config(config)

    def get_build_config(self) -> dict:
        return {}

    def save_own_variables(self, store: dict) -> None:
        if self.output_mode == "tf_idf":
            store["idf_weights"] = np.zeros(0, floatx()) if self.idf_weights is None else self.idf_weights

    def load_own_variables(self, store: Any) -> None:
        if self.output_mode == "tf_idf" and len(weights := store["idf_weights"]):
            self.idf_weights = np.asarray(weights, floatx())

    def save_assets(self, dir_path: str) -> None:
        """Write the vocabulary to a file in the folder, unless the config holds it."""
        if self.input_vocabulary is not None or not len(self._vocabulary):
            return
        lines = [str(term).encode() for term in self.get_vocabulary()]
        if broken := [line for line in lines if b"\n" in line]:
            raise ValueError(f"Terms with line breaks cannot be saved in a vocabulary, one a line: {broken[:10]}.")
        Path(dir_path, _FILE).write_bytes(b"\n".join(lines))

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary from the file that `save_assets` wrote."""
        path = Path(dir_path, _FILE)
        if self.input_vocabulary is not None or not path.is_file():
            return
        lines = path.read_bytes().split(b"\n")
        specials, terms = lines[: self._token_start], self._parsed(lines[self._token_start :])
        wanted = self.get_vocabulary()[: self._token_start] if len(specials) == self._token_start else None
        if wanted is None or specials != [str(token).encode() for token in wanted]:
            raise ValueError(f"The saved vocabulary of {self.path!r} does not begin with its special tokens.")
        self._check_terms(terms)
        weights = self.idf_weights
        self._set_terms(terms)
        if weights is not None and weights.shape != (self._depth,):
            raise ValueError(
                f"The saved idf_weights of {self.path!r} have shape {weights.shape}; expected {(self._depth,)}."
            )
