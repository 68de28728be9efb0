"""FeatureSpace: every kind of feature, crosses, what it learns, files, and a model on top."""

import numpy as np
import pytest

import lapis

pytestmark = pytest.mark.usefixtures("quick_compilation")

FeatureSpace = lapis.utils.FeatureSpace
TABLE = {
    "age": np.array([1.0, 5, 9, 30, 44, 2]),
    "f": np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),
    "n": np.array([1.0, 2, 3, 4, 5, 6]),
    "r": np.array([1.0, 2, 3, 4, 5, 6]),
    "s": np.array(list("abcaba")),
    "i": np.array([1, 2, 3, 1, 2, 9]),
    "h": np.array(list("xyzxqr")),
    "ih": np.array([4, 5, 6, 7, 8, 9]),
}
# What Keras 3.15 gives on TensorFlow: numbers, or the place of the 1 in each row.
NUMBERS = {"f": TABLE["f"], "n": [-1.46385, -0.87831, -0.29277, 0.29277, 0.87831, 1.46385], "r": 2 * TABLE["r"] + 1}
PLACES = {
    "age": (3, [0, 1, 2, 2, 2, 1]),
    "h": (5, [0, 0, 2, 0, 3, 3]),
    "i": (6, [3, 2, 5, 3, 2, 4]),
    "s": (4, [1, 2, 3, 1, 2, 1]),
    "h_X_s": (6, [5, 2, 2, 5, 1, 0]),
    "s_X_i": (8, [3, 3, 4, 3, 3, 5]),
}


def _space(mode: str = "concat"):
    return FeatureSpace(
        {
            "age": FeatureSpace.float_discretized(num_bins=3),
            "f": "float",
            "n": "float_normalized",
            "r": FeatureSpace.float_rescaled(scale=2.0, offset=1.0),
            "s": FeatureSpace.string_categorical(max_tokens=4),
            "i": FeatureSpace.integer_categorical(num_oov_indices=2),
            "h": FeatureSpace.string_hashed(num_bins=5),
            "ih": FeatureSpace.integer_hashed(num_bins=4, output_mode="int" if mode == "dict" else "one_hot"),
        },
        crosses=[("s", "i"), FeatureSpace.cross(("h", "s"), crossing_dim=6)],
        crossing_dim=8,
        output_mode=mode,
    )


@pytest.fixture(scope="module")
def space():
    made = _space()
    made.adapt(TABLE)
    return made


def test_each_feature() -> None:
    space = _space("dict")
    with pytest.raises(ValueError, match="Call `adapt`"):
        space(TABLE)
    space.adapt(TABLE)
    found = space(TABLE)
    assert list(found) == ["age", "f", "h", "i", "ih", "n", "r", "s", "h_X_s", "s_X_i"]
    for name, numbers in NUMBERS.items():
        np.testing.assert_allclose(found[name][:, 0], numbers, rtol=1e-5)
    for name, (size, places) in PLACES.items():
        np.testing.assert_array_equal(found[name], np.eye(size)[places])
    assert found["ih"].tolist() == [[3], [3], [3], [0], [3], [1]]
    for name, spec in space.get_encoded_features().items():
        assert (spec.shape[1:], spec.dtype) == (found[name].shape[1:], found[name].dtype)
    single = space({name: column[0] for name, column in TABLE.items()})
    assert {name: value.shape for name, value in single.items()} == {k: v.shape[1:] for k, v in found.items()}


def test_files_and_other_data(space, tmp_path) -> None:
    encoded = space(TABLE)
    assert encoded.shape == (6, 39) and encoded.dtype == "float32"
    space.save(tmp_path / "space.keras")
    again = lapis.saving.load_model(tmp_path / "space.keras")
    np.testing.assert_array_equal(again(TABLE), encoded)
    assert again.get_config() == space.get_config()
    learned = _space()
    learned.adapt({name: column[start : start + 3] for name, column in TABLE.items()} for start in (0, 3))
    np.testing.assert_array_equal(learned(TABLE)[:, 3:], encoded[:, 3:])
    samples = _space()
    samples.adapt([{name: column[row] for name, column in TABLE.items()} for row in range(6)])
    np.testing.assert_array_equal(samples(TABLE), encoded)


def test_a_model_of_a_table(space, tmp_path) -> None:
    y = np.array([[0.0], [1], [0], [1], [0], [1]])
    outputs = lapis.layers.Dense(1, activation="sigmoid")(space.get_encoded_features())
    model = lapis.Model(space.get_inputs(), outputs)
    model.compile(lapis.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(TABLE, y, epochs=40, verbose=0).history
    assert model.jit_compile and history["accuracy"][-1] == 1.0
    model.save(tmp_path / "model.keras")
    again = lapis.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(TABLE, verbose=0), model.predict(TABLE, verbose=0))
    on_encoded = lapis.Model(space.get_encoded_features(), outputs)
    np.testing.assert_allclose(on_encoded(space(TABLE)), model(TABLE), rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FeatureSpace({}), "needs `features`"),
        (lambda: FeatureSpace({"a": "floaty"}), "'floaty'"),
        (lambda: FeatureSpace({"a": "float"}, output_mode="list"), "output_mode='list'"),
        (lambda: FeatureSpace({"a": "float"}, crosses=[("a", "b")]), r"names \['b'\]"),
        (lambda: FeatureSpace.cross(("a", "b"), 3, output_mode="float"), "output_mode='float'"),
        (lambda: FeatureSpace({"a": "float"})([1.0]), "called on a dict"),
        (lambda: FeatureSpace({"a": "float", "b": "float"})({"a": [1.0]}), r"lack the features \['b'\]"),
        (
            lambda: FeatureSpace({"a": FeatureSpace.integer_hashed(3, output_mode="int")}).get_inputs(),
            "cannot be concatenated",
        ),
    ],
)
def test_errors(make, message) -> None:
    with pytest.raises(ValueError, match=message):
        make()
