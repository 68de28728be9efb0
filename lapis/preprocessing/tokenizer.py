"""The `Tokenizer` of TensorFlow's Keras, which numbers words by how often they come."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_MODES = ("binary", "count", "freq", "tfidf")


def text_to_word_sequence(input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """The words of a text, without the characters in `filters`.

    >>> text_to_word_sequence("The cat, sat!")
    ['the', 'cat', 'sat']
    """
    text = input_text.lower() if lower else input_text
    return [word for word in text.translate(str.maketrans(dict.fromkeys(filters, split))).split(split) if word]


class Tokenizer:
    """Numbers for words, the commonest being 1; 0 is left for padding.

    Args:
        num_words: only numbers below it are given, so the `num_words - 1` commonest words; `None` for all.
        filters: characters that are left out.
        lower: whether texts are put in lower case.
        split: what stands between words.
        char_level: whether each character is a word.
        oov_token: a word that stands for unknown ones, with the number 1; without it these are left out.
        analyzer: a function that splits a text, in place of `filters`, `lower` and `split`.

    Texts may be lists of words already.

    >>> tokenizer = Tokenizer(oov_token="?")
    >>> tokenizer.fit_on_texts(["the cat sat", "the dog"])
    >>> tokenizer.texts_to_sequences(["the dog ran"])
    [[2, 5, 1]]
    """

    word_counts: Counter[str]
    word_docs: Counter[str]
    index_docs: Counter[int]
    word_index: dict[str, int]
    index_word: dict[int, str]

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable[[str], Sequence[str]] | None = None,
        *,
        document_count: int = 0,
    ) -> None:
        self.num_words = num_words
        self.filters = filters
        self.lower = lower
        self.split = split
        self.char_level = char_level
        self.oov_token = oov_token
        self.analyzer = analyzer
        self.document_count = document_count
        self.word_counts, self.word_docs, self.index_docs = Counter(), Counter(), Counter()
        self.word_index, self.index_word = {}, {}

    def _words(self, text: str | Sequence[str]) -> Sequence[str]:
        if self.char_level or not isinstance(text, str):
            return [word.lower() for word in text] if self.lower else list(text)
        if self.analyzer is not None:
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def fit_on_texts(self, texts: Iterable[str | Sequence[str]]) -> None:
        """Count the words of the texts, on top of those counted before, and number them."""
        for text in texts:
            words = self._words(text)
            self.document_count += 1
            self.word_counts.update(words)
            self.word_docs.update(set(words))
        special = [] if self.oov_token is None else [self.oov_token]
        ordered = special + [word for word, _ in self.word_counts.most_common()]
        self.word_index = {word: number for number, word in enumerate(dict.fromkeys(ordered), start=1)}
        self.index_word = {number: word for word, number in self.word_index.items()}
        self.index_docs = Counter({self.word_index[word]: count for word, count in self.word_docs.items()})

    def fit_on_sequences(self, sequences: Iterable[Sequence[int]]) -> None:
        """Count in how many sequences each number comes, as `"tfidf"` needs it."""
        for sequence in sequences:
            self.document_count += 1
            self.index_docs.update(set(sequence))

    def texts_to_sequences(self, texts: Iterable[str | Sequence[str]]) -> list[list[int]]:
        """The numbers of each text's words."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[str | Sequence[str]]) -> Iterator[list[int]]:
        """The numbers of each text's words, text by text."""
        for text in texts:
            numbers = [self._known(self.word_index.get(word)) for word in self._words(text)]
            yield [number for number in numbers if number is not None]

    def sequences_to_texts(self, sequences: Iterable[Sequence[int]]) -> list[str]:
        """The words of each sequence, joined by spaces."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Sequence[int]]) -> Iterator[str]:
        """The words of each sequence, joined by spaces, text by text."""
        for sequence in sequences:
            numbers = [self._known(number if number in self.index_word else None) for number in sequence]
            yield " ".join(self.index_word[number] for number in numbers if number is not None)

    def _known(self, number: int | None) -> int | None:
        if number is not None and not (self.num_words and number >= self.num_words):
            return number
        return None if self.oov_token is None else self.word_index.get(self.oov_token)

    def texts_to_matrix(self, texts: Iterable[str | Sequence[str]], mode: str = "binary") -> np.ndarray:
        """`sequences_to_matrix` of the texts' words."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Sequence[Sequence[int]], mode: str = "binary") -> np.ndarray:
        """A row `(num_words,)` for each sequence.

        It holds whether a number comes (`"binary"`), how often (`"count"`), how often of all (`"freq"`), or
        `(1 + log(count)) * log(1 + documents / (1 + documents with it))` (`"tfidf"`).
        """
        if mode not in _MODES:
            raise ValueError(f"mode is {mode!r}; expected one of {', '.join(map(repr, _MODES))}.")
        if not self.num_words and not self.word_index:
            raise ValueError("The Tokenizer knows no words yet: call `fit_on_texts`, or give it `num_words`.")
        if mode == "tfidf" and not self.document_count:
            raise ValueError("The Tokenizer has counted no documents yet: call `fit_on_texts` or `fit_on_sequences`.")
        width = self.num_words or len(self.word_index) + 1
        matrix = np.zeros((len(sequences), width))
        for row, sequence in zip(matrix, sequences):
            for number, count in Counter(number for number in sequence if number < width).items():
                if mode == "tfidf":
                    documents = 1 + self.document_count / (1 + self.index_docs[number])
                    row[number] = (1 + np.log(count)) * np.log(documents)
                else:
                    row[number] = {"binary": 1, "count": count, "freq": count / len(sequence)}[mode]
        return matrix

    def get_config(self) -> dict[str, Any]:
        """The arguments, and what was counted as texts in JSON."""
        counted = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        return {
            "num_words": self.num_words,
            "filters": self.filters,
            "lower": self.lower,
            "split": self.split,
            "char_level": self.char_level,
            "oov_token": self.oov_token,
            "document_count": self.document_count,
            **{name: json.dumps(getattr(self, name)) for name in counted},
        }

    def to_json(self, **kwargs: Any) -> str:
        """What `tokenizer_from_json` reads; arguments are for `json.dumps`."""
        return json.dumps({"class_name": "Tokenizer", "config": self.get_config()}, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The tokenizer that `to_json` wrote.

    >>> tokenizer = Tokenizer()
    >>> tokenizer.fit_on_texts(["a b", "a"])
    >>> tokenizer_from_json(tokenizer.to_json()).word_index
    {'a': 1, 'b': 2}
    """
    config = json.loads(json_string)["config"]
    counts, docs, index_docs, words, index = (
        json.loads(config.pop(name)) for name in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
    )
    tokenizer = Tokenizer(**config)
    tokenizer.word_counts, tokenizer.word_docs, tokenizer.word_index = Counter(counts), Counter(docs), index
    tokenizer.index_docs = Counter({int(number): count for number, count in index_docs.items()})
    tokenizer.index_word = {int(number): word for number, word in words.items()}
    return tokenizer
