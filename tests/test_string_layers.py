"""Layers of strings and lookups: numbers that TensorFlow gives, vocabularies, configs, files, errors."""

import numpy as np
import pytest

import lapis
from lapis import layers
from lapis.layers.preprocessing.fingerprints import fingerprints, sip_hashes

pytestmark = pytest.mark.usefixtures("quick_compilation")

TEXTS = np.array(["The cat, SAT on the Mat!", "É dog  sat\u00a0here.", ""])
ABCD = ["a", "b", "c", "d"]
# From TensorFlow 2.21: `to_hash_bucket_fast(text, 2**62)` and `to_hash_bucket_strong(text, 2**62, key=[133, 137])`.
_LETTERS = "".join(chr(65 + i % 26) for i in range(200))
HASHES = [
    ("", 1936946117179621455, 316627932347062996),
    ("a", 3694432073954588131, 2466253977694453450),
    ("abc", 2640714258260161385, 2288159068006480041),
    ("abcd", 1897425971756105985, 3196519216900852167),
    ("abcdefgh", 4533385575889643785, 210173030064361732),
    ("0123456789abcdefg", 2800675501336285770, 2112349501170619355),
    ("y" * 33, 3999049019338133246, 3745711414651606668),
    ("z" * 64, 294799756062990872, 3484376427546784575),
    ("w" * 65, 3272011567211491968, 2877200667339158543),
    (_LETTERS[:128], 1332503064163732507, 2832229814391817717),
    (_LETTERS, 3882817838656620496, 3553671131159554648),
    ("é", 693143013273849025, 2424455697274809134),
]


def test_hashes_are_tensorflows() -> None:
    texts = [text.encode() for text, _, _ in HASHES]
    assert (fingerprints(texts) % 2**62).tolist() == [fast for _, fast, _ in HASHES]
    assert (sip_hashes(texts, [133, 137]) % 2**62).tolist() == [strong for _, _, strong in HASHES]
    assert int(sip_hashes([b"a"], [-1, 137])[0]) % 2**62 == 1852181418470740845


# Each expected array is what Keras 3.15 gives on TensorFlow.
_COLUMN = np.array([["A"], ["B"], ["C"], ["D"], ["E"]])
_WORDS = np.array([["a", "c", "d", "d"], ["d", "z", "b", "z"]])
CASES = [
    (layers.Hashing(3), _COLUMN, [[1], [0], [1], [1], [2]]),
    (layers.Hashing(3, mask_value=""), [["A"], ["B"], [""], ["C"], ["D"]], [[1], [1], [0], [2], [2]]),
    (layers.Hashing(3, salt=[133, 137]), _COLUMN, [[1], [2], [1], [0], [2]]),
    (layers.Hashing(3, salt=133), _COLUMN, [[0], [0], [2], [1], [0]]),
    (layers.Hashing(7), np.array([[0, 1, -5], [123456789, 2**40, 7]]), [[2, 5, 0], [3, 0, 2]]),
    (layers.Hashing(7), np.array([[0.5, 1.9, -5.2]]), [[2, 5, 0]]),
    (layers.Hashing(7, mask_value=1), [[0, 1, -5]], [[2, 0, 1]]),
    (layers.Hashing(3), np.array("A"), 1),
    (layers.Hashing(3, output_mode="one_hot"), _COLUMN[:2], [[0, 1, 0], [1, 0, 0]]),
    (layers.Hashing(3, output_mode="multi_hot"), [["A", "B"], ["C", "C"]], [[1, 1, 0], [0, 1, 0]]),
    (layers.Hashing(3, output_mode="count"), [["A", "B"], ["C", "C"]], [[1, 1, 0], [0, 2, 0]]),
    (layers.HashedCrossing(5), (list("ABABA"), [101, 101, 101, 102, 102]), [1, 4, 1, 1, 3]),
    (layers.HashedCrossing(1000), ([101, 102], ["A", "B"], [101, 102]), [215, 365]),
    (layers.HashedCrossing(1000), (np.array([[101]]), np.array([[-101]])), [[590]]),
    (layers.HashedCrossing(1000), (np.array("A"), np.array(3)), 486),
    (layers.HashedCrossing(4, "one_hot"), (_COLUMN[:2], [[101], [101]]), [[0, 0, 0, 1], [0, 0, 1, 0]]),
    (layers.StringLookup(vocabulary=ABCD), [["a", "c", "d"], ["d", "z", "b"]], [[1, 3, 4], [4, 0, 2]]),
    (layers.StringLookup(vocabulary=np.array(ABCD), mask_token=""), [["a", "", "zz"]], [[2, 0, 1]]),
    (layers.StringLookup(vocabulary=ABCD, num_oov_indices=2), [["m", "z", "b"]], [[0, 1, 3]]),
    (layers.StringLookup(vocabulary=ABCD, num_oov_indices=3, salt=[3, 4]), [["q", "r", "m"]], [[1, 0, 2]]),
    (layers.StringLookup(vocabulary=ABCD, output_mode="one_hot"), [["a"], ["z"]], [[0, 1, 0, 0, 0], [1, 0, 0, 0, 0]]),
    (layers.StringLookup(vocabulary=ABCD, output_mode="multi_hot"), _WORDS, [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]]),
    (layers.StringLookup(vocabulary=ABCD, output_mode="multi_hot"), ["a", "z"], [1, 1, 0, 0, 0]),
    (layers.StringLookup(vocabulary=ABCD, output_mode="count"), _WORDS, [[0, 1, 0, 1, 2], [2, 0, 1, 0, 1]]),
    (
        layers.StringLookup(vocabulary=ABCD, output_mode="count", mask_token="z", max_tokens=6, pad_to_max_tokens=True),
        _WORDS,
        [[0, 1, 0, 1, 2, 0], [0, 0, 1, 0, 1, 0]],
    ),
    (
        layers.StringLookup(vocabulary=ABCD, output_mode="tf_idf", idf_weights=[0.25, 0.75, 0.5, 0.5]),
        _WORDS,
        [[0, 0.25, 0, 0.5, 1], [1, 0, 0.75, 0, 0.5]],
    ),
    (layers.IntegerLookup(vocabulary=[12, 36, 1138, 42]), [[12, 1138, 42], [42, 1000, 36]], [[1, 3, 4], [4, 0, 2]]),
    (layers.IntegerLookup(vocabulary=[12, 2**40]), np.array([[2**40, 2**40 + 1, 0]]), [[2, 0, 0]]),
    (layers.IntegerLookup(vocabulary=[12, 36], num_oov_indices=2), [[36, 37, 1000, -3]], [[3, 1, 0, 1]]),
    (
        layers.IntegerLookup(vocabulary=[12, 36], num_oov_indices=3, oov_method="farmhash"),
        [[12, 1138, 42], [37, 1000, -3]],
        [[3, 0, 0], [2, 2, 0]],
    ),
    (
        layers.IntegerLookup(vocabulary=[12, 36], num_oov_indices=3, oov_method="farmhash", salt=[1, 2]),
        [[12, 1138, 42], [37, 1000, -3]],
        [[3, 0, 1], [0, 1, 2]],
    ),
    (layers.IntegerLookup(vocabulary=[12, 36], mask_token=0), [[12, 0, 42]], [[2, 0, 1]]),
    (layers.IntegerLookup(vocabulary=[12, 36], invert=True), [[0, 1, 2, 7]], [[-1, 12, 36, -1]]),
]


@pytest.mark.parametrize(("layer", "inputs", "expected"), CASES, ids=lambda x: getattr(x, "name", ""))
def test_numbers_shapes_and_configs(layer, inputs, expected) -> None:
    outputs = layer(inputs)
    np.testing.assert_allclose(outputs, expected)
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    np.testing.assert_array_equal(again(inputs), outputs)
    arrays = [np.asarray(x) for x in inputs] if isinstance(inputs, tuple) else np.asarray(inputs)
    spec = layer.compute_output_spec(lapis.core.nest.map_structure(_as_spec, arrays))
    assert (spec.shape, spec.dtype) == (outputs.shape, outputs.dtype)


def _as_spec(array: np.ndarray) -> lapis.KerasTensor:
    return lapis.KerasTensor(array.shape, "string" if array.dtype.kind == "U" else str(array.dtype))


def test_lookup_back_to_strings() -> None:
    layer = layers.StringLookup(vocabulary=ABCD, invert=True, mask_token="")
    assert layer([[2, 4, 5], [5, 0, 9]]).tolist() == [["a", "c", "d"], ["d", "", "[UNK]"]]


@pytest.mark.parametrize(
    ("arguments", "vocabulary"),
    [
        ({}, ["[UNK]", "d", "c", "a", "z", "b"]),
        ({"max_tokens": 4}, ["[UNK]", "d", "c", "a"]),
        ({"mask_token": "c"}, ["c", "[UNK]", "d", "a", "z", "b"]),
        ({"mask_token": "c", "output_mode": "multi_hot"}, ["[UNK]", "d", "a", "z", "b"]),
    ],
)
def test_adapt(arguments, vocabulary) -> None:
    rows = [["a", "c", "d"], ["d", "z", "b"], ["c", "d", "a"]]
    for data in (rows, np.array(rows), (np.array([row]) for row in rows), np.array(rows, object)):
        layer = layers.StringLookup(**arguments)
        layer.adapt(data)
        assert layer.get_vocabulary() == vocabulary
        assert layer.vocabulary_size() == len(vocabulary)
    if layer.output_mode != "int":  # vectors keep their size
        with pytest.raises(RuntimeError, match="size of its vocabulary"):
            layer.adapt([["a"]])
        return
    layer.adapt((np.array([row]) for row in rows), steps=1)
    assert sorted(layer.get_vocabulary(include_special_tokens=False)) == sorted({"a", "c", "d"} - {layer.mask_token})


def test_adapt_tf_idf() -> None:
    layer = layers.StringLookup(output_mode="tf_idf", max_tokens=8, pad_to_max_tokens=True)
    layer.adapt([["a", "c", "d"], ["d", "z", "b"], ["c", "d", "a"]])
    expected = [[0.75569832, 1.11923158, 0, 0.69314718, 0, 0, 0, 0]]
    np.testing.assert_allclose(layer([["a", "d", "d", "q"]]), expected, rtol=1e-6)


_WHOLE = ["the", "É", "sat\u00a0here", "sat", "on", "mat", "dog", "cat"]


@pytest.mark.parametrize(
    ("arguments", "terms", "expected"),
    [
        ({}, _WHOLE, [[2, 9, 5, 6, 2, 7], [3, 8, 4, 0, 0, 0], [0] * 6]),
        ({"output_sequence_length": 3}, _WHOLE, [[2, 9, 5], [3, 8, 4], [0] * 3]),
        ({"output_sequence_length": 8}, _WHOLE, [[2, 9, 5, 6, 2, 7, 0, 0], [3, 8, 4, 0, 0, 0, 0, 0], [0] * 8]),
        ({"max_tokens": 5}, _WHOLE[:3], [[2, 1, 1, 1, 2, 1], [3, 1, 4, 0, 0, 0], [0] * 6]),
        (
            {"ngrams": (2, 3)},
            [
                *("É dog sat\u00a0here", "É dog", "the mat", "the cat sat", "the cat", "sat on the", "sat on"),
                *("on the mat", "on the", "dog sat\u00a0here", "cat sat on", "cat sat"),
            ],
            [[6, 13, 8, 10, 4, 5, 12, 7, 9], [3, 11, 2, 0, 0, 0, 0, 0, 0], [0] * 9],
        ),
        (
            {"ngrams": 2, "max_tokens": 6, "output_sequence_length": 3},
            ["the", "É dog", "É", "the mat"],
            [[2, 1, 1], [4, 1, 1], [0] * 3],
        ),
        ({"split": "character", "max_tokens": 6, "output_sequence_length": 5}, [" ", "t", "e", "a"], None),
        ({"standardize": "lower"}, ["the", "É", "sat\u00a0here.", "sat", "on", "mat!", "dog", "cat,"], None),
        ({"standardize": "strip_punctuation", "max_tokens": 4}, ["É", "the"], None),
        ({"standardize": None, "max_tokens": 4}, ["É", "the"], None),
        ({"split": None, "standardize": None}, ["É dog  sat\u00a0here.", "The cat, SAT on the Mat!"], [3, 2, 0]),
        ({"output_mode": "multi_hot"}, _WHOLE, [[0, 1, 0, 0, 1, 1, 1, 0, 1], [0, 0, 1, 1, 0, 0, 0, 1, 0], [0] * 9]),
        (
            {"output_mode": "count", "max_tokens": 10, "pad_to_max_tokens": True},
            _WHOLE,
            [[0, 2, 0, 0, 1, 1, 1, 0, 1, 0], [0, 0, 1, 1, 0, 0, 0, 1, 0, 0], [0] * 10],
        ),
    ],
    ids=str,
)
def test_text_vectorization(arguments, terms, expected) -> None:
    layer = layers.TextVectorization(**arguments)
    layer.adapt(TEXTS)
    assert layer.get_vocabulary(include_special_tokens=False) == terms
    outputs = np.asarray(layer(TEXTS))
    if expected is not None:
        np.testing.assert_array_equal(outputs, expected)
    for same in (TEXTS.tolist(), TEXTS.astype(object), np.char.encode(TEXTS, "utf-8")):
        np.testing.assert_array_equal(layer(same), outputs)
    if layer._split is not None:
        np.testing.assert_array_equal(layer(TEXTS[:, None]), outputs)
    spec = layer(lapis.Input(batch_shape=(3,), dtype="string"))
    assert spec.dtype == outputs.dtype
    assert len(spec.shape) == outputs.ndim and all(a in (None, b) for a, b in zip(spec.shape, outputs.shape))
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


def test_text_vectorization_with_functions() -> None:
    layer = layers.TextVectorization(
        standardize=np.char.upper, split=lambda texts: [text.split("-") for text in texts], vocabulary=["A", "B"]
    )
    np.testing.assert_array_equal(layer(np.array(["a-b", "b-c-a"])), [[2, 3, 0], [3, 1, 2]])
    np.testing.assert_array_equal(layer("b"), [3])


def test_vocabulary_from_a_file(tmp_path) -> None:
    path = tmp_path / "terms.txt"
    path.write_text("a\nb\n")
    layer = layers.StringLookup(vocabulary=str(path))
    assert layer.get_vocabulary() == ["[UNK]", "a", "b"] and layer.get_config()["vocabulary"] is None
    (tmp_path / "numbers.txt").write_text("7\n5")
    assert layers.IntegerLookup(vocabulary=tmp_path / "numbers.txt")([5, 7]).tolist() == [2, 1]


@pytest.mark.parametrize("cls", [layers.StringLookup, layers.IntegerLookup, layers.TextVectorization])
def test_a_config_opens_no_file(cls, tmp_path) -> None:
    path = tmp_path / "terms.txt"
    path.write_text("1\n2\n")
    config = {**cls().get_config(), "vocabulary": str(path)}
    with pytest.raises(ValueError, match="no other file is opened"):
        cls.from_config(config)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.StringLookup(max_tokens=1), "max_tokens=1"),
        (lambda: layers.StringLookup(pad_to_max_tokens=True), "needs `max_tokens`"),
        (lambda: layers.StringLookup(output_mode="binarry"), "output_mode='binarry'"),
        (lambda: layers.StringLookup(sparse=True), "sparse=True"),
        (lambda: layers.StringLookup(invert=True, output_mode="count"), "invert=True"),
        (lambda: layers.StringLookup(vocabulary=["a", "a"]), "'a'. recur"),
        (lambda: layers.StringLookup(vocabulary=["a", "m"], mask_token="m"), "mask token 'm'"),
        (lambda: layers.StringLookup(vocabulary=ABCD, max_tokens=3), "max_tokens is 3"),
        (lambda: layers.StringLookup(vocabulary=ABCD, output_mode="tf_idf"), "needs idf_weights"),
        (lambda: layers.StringLookup(vocabulary="/no/such/file"), "no vocabulary file"),
        (lambda: layers.StringLookup()(["a"]), "no vocabulary yet"),
        (lambda: layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["a", "z"]), "'z'. are not"),
        (lambda: layers.StringLookup(vocabulary=["a"]).adapt(["b"]), "cannot be adapted"),
        (lambda: layers.IntegerLookup(salt=1), "oov_method='farmhash'"),
        (lambda: layers.Hashing(0), "num_bins=0"),
        (lambda: layers.Hashing(3, salt="x"), "salt='x'"),
        (lambda: layers.HashedCrossing(3)([["a"]]), "two inputs or more"),
        (lambda: layers.HashedCrossing(3)((["a"], ["b", "c"])), "one shape"),
        (lambda: layers.HashedCrossing(3)(([0.5], ["b"])), "Discretization"),
        (lambda: layers.TextVectorization(standardize="upper"), "standardize='upper'"),
        (lambda: layers.TextVectorization(output_mode="count", output_sequence_length=3), "output_sequence_length"),
        (lambda: layers.TextVectorization(vocabulary=["a"])([["a", "b"]]), "one in each row"),
    ],
)
def test_errors(make, message) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_missing_strings_are_told() -> None:
    with pytest.raises(TypeError, match="Replace missing values"):
        layers.StringLookup(vocabulary=["a"])(np.array(["a", None], object))


def test_no_tracing_through_the_host() -> None:
    import jax

    with pytest.raises(TypeError, match="runs on the host"):
        jax.jit(layers.Hashing(3))(np.array([1, 2]))


def test_strings_in_a_layer_of_numbers_are_told_what_turns_them_into_numbers() -> None:
    with pytest.raises(TypeError) as error:
        layers.Dense(2)(np.array([["a"]]))
    assert "StringLookup or TextVectorization" in error.value.__notes__[0]
