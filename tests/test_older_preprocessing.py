"""`Tokenizer`, `TimeseriesGenerator` and `skipgrams` of TensorFlow's Keras against its own."""

import random

import numpy as np
import pytest

from lapis.preprocessing import sequence, text
from tests.descriptors import f32
from tests.oracle import keras  # noqa: F401  (it chooses the backend)

their_text = pytest.importorskip("keras.src.legacy.preprocessing.text")
their_sequence = pytest.importorskip("keras.src.legacy.preprocessing.sequence")

pytestmark = pytest.mark.filterwarnings("ignore:.*super..__init__.*:UserWarning")  # Keras's own

TEXTS = ["The cat sat on the mat.", "The dog, the DOG!\tran", "", "a-cat_ran\naway"]
MORE = ["a dog sat", "the zebra ran", "Über cat"]
TOKENIZERS = {
    "plain": {},
    "few words": {"num_words": 4},
    "unknown words": {"oov_token": "<OOV>"},
    "few words, unknown words": {"oov_token": "<OOV>", "num_words": 5},
    "characters": {"char_level": True},
    "as written": {"lower": False, "filters": ".,", "split": "-"},
    "analyzed": {"analyzer": lambda words: words.split("a")},
}
WINDOWS = {
    "plain": {},
    "strides": {"stride": 3, "sampling_rate": 2, "batch_size": 4},
    "reversed": {"reverse": True, "start_index": 3, "end_index": 20, "batch_size": 5},
    "shuffled": {"shuffle": True, "batch_size": 6},
}
SKIPGRAMS = {
    "plain": {"seed": 7},  # Keras draws one between fractions
    "in order": {"shuffle": False, "window_size": 2, "negative_samples": 0.5},
    "no random pairs": {"negative_samples": 0, "seed": 3},
    "categorical": {"categorical": True, "seed": 5},
    "sampled": {"sampling_table": np.linspace(0, 1, 12), "seed": 5},
}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_tokenizers(name):
    ours, theirs = text.Tokenizer(**TOKENIZERS[name]), their_text.Tokenizer(**TOKENIZERS[name])
    for tokenizer in (ours, theirs):
        tokenizer.fit_on_texts(TEXTS)
        tokenizer.fit_on_texts([["Words", "cat"]])
    for attribute in ("word_counts", "word_docs", "word_index", "index_word", "index_docs", "document_count"):
        assert getattr(ours, attribute) == getattr(theirs, attribute), attribute
    numbers = ours.texts_to_sequences(MORE)
    assert numbers == theirs.texts_to_sequences(MORE)
    assert ours.sequences_to_texts([*numbers, [1, 99, 3]]) == theirs.sequences_to_texts([*numbers, [1, 99, 3]])
    for mode in ("binary", "count", "freq", "tfidf"):
        np.testing.assert_allclose(ours.texts_to_matrix(TEXTS, mode), theirs.texts_to_matrix(TEXTS, mode), rtol=1e-12)
    if "analyzer" not in TOKENIZERS[name]:
        for loaded in (text.tokenizer_from_json(theirs.to_json()), their_text.tokenizer_from_json(ours.to_json())):
            assert loaded.texts_to_sequences(MORE) == numbers
            np.testing.assert_array_equal(loaded.texts_to_matrix(MORE, "tfidf"), ours.texts_to_matrix(MORE, "tfidf"))


def test_numbers_that_were_given():
    ours, theirs = text.Tokenizer(num_words=5), their_text.Tokenizer(num_words=5)
    for tokenizer in (ours, theirs):
        tokenizer.fit_on_sequences([[1, 2, 2], [2, 7], []])
    for mode in ("binary", "count", "freq", "tfidf"):
        found = [tokenizer.sequences_to_matrix([[1, 2, 2, 9], []], mode) for tokenizer in (ours, theirs)]
        np.testing.assert_allclose(*found, rtol=1e-12)


@pytest.mark.parametrize("hash_function", ["md5", len])
def test_hashes(hash_function):
    for line in TEXTS:
        assert text.hashing_trick(line, 20, hash_function) == their_text.hashing_trick(line, 20, hash_function)
        assert text.one_hot(line, 20) == their_text.one_hot(line, 20)


@pytest.mark.parametrize("name", WINDOWS)
def test_windows(name):
    data, targets = f32(30, 2), f32(30, 1, seed=1)
    ours, theirs = (
        module.TimeseriesGenerator(data, targets, 6, **WINDOWS[name]) for module in (sequence, their_sequence)
    )
    assert len(ours) == len(theirs)
    batches = []
    for generator in (ours, theirs):
        np.random.seed(0)
        batches.append([generator[index] for index in range(len(generator))])
    for mine, other in zip(*batches, strict=True):
        for a, b in zip(mine, other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", SKIPGRAMS)
def test_skipgrams(name):
    found = []
    for module in (sequence, their_sequence):
        random.seed(1)
        found.append(module.skipgrams([1, 5, 0, 3, 11, 5, 2], 12, **SKIPGRAMS[name]))
    assert found[0] == found[1]
    np.testing.assert_allclose(sequence.make_sampling_table(50), their_sequence.make_sampling_table(50), rtol=1e-12)


REFUSED = {
    "mode": (lambda: text.Tokenizer(num_words=3).sequences_to_matrix([[1]], "tf"), "mode is 'tf'"),
    "no words": (lambda: text.Tokenizer().sequences_to_matrix([[1]]), "knows no words yet"),
    "no documents": (lambda: text.Tokenizer(num_words=3).sequences_to_matrix([[1]], "tfidf"), "counted no documents"),
    "hash": (lambda: text.hashing_trick("a", 5, "sha"), "hash_function is 'sha'"),
    "lengths": (lambda: sequence.TimeseriesGenerator([1, 2], [1], 1), "data has 2 steps and targets has 1"),
    "too short": (lambda: sequence.TimeseriesGenerator([1, 2], [1, 2], 2), "leave no window of length=2"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_mistakes(name):
    make, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        make()
