"""What layers of numbers learn from data, and pipelines."""

import numpy as np
import pytest

import lapis
from lapis import layers
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")

ROWS = np.random.default_rng(0).normal(3.0, 2.0, (60, 2, 3)).astype("float32")
WAVE = (np.sin(np.arange(1000) * 1.7) * np.arange(1000)).astype("float32")


@pytest.mark.parametrize("axis", [-1, None, (1, 2), (1,)])
def test_normalization_adapts_as_keras_does(axis) -> None:
    ours, theirs = layers.Normalization(axis=axis), keras.layers.Normalization(axis=axis)
    ours.adapt(ROWS)
    theirs.adapt(ROWS)
    np.testing.assert_allclose(ours(ROWS), theirs(ROWS), rtol=1e-4, atol=1e-5)
    for data in ([ROWS[:7], ROWS[7:]], ((ROWS[i : i + 25], None) for i in (0, 25, 50)), [lapis.ops.array(ROWS)]):
        batchwise = layers.Normalization(axis=axis)
        batchwise.adapt(data)
        for mine, other in zip(batchwise.weights, ours.weights):
            np.testing.assert_allclose(mine, other, rtol=1e-5)


def test_normalization_undone(tmp_path) -> None:
    forth, back = layers.Normalization(), layers.Normalization(invert=True)
    for layer in (forth, back):
        layer.adapt(ROWS)
    model = lapis.Sequential([lapis.Input((2, 3)), forth, back])
    np.testing.assert_allclose(model.predict(ROWS, verbose=0), ROWS, rtol=1e-4, atol=1e-4)
    model.save(tmp_path / "model.keras")
    again = lapis.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(ROWS, verbose=0), model.predict(ROWS, verbose=0))


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: layers.Normalization(mean=1.0), ValueError, "together"),
        (lambda: layers.Normalization(mean=[[1.0]], variance=[[1.0]]), ValueError, "at most 1 axes"),
        (lambda: layers.Normalization(axis=3)(ROWS), ValueError, "lack such an axis"),
        (lambda: layers.Normalization()(lapis.Input((None,))), ValueError, "needs sizes"),
        (lambda: layers.Normalization().adapt([]), ValueError, "no batches"),
        (lambda: layers.Normalization().adapt([1.0]), TypeError, "float"),
        (lambda: layers.Normalization().adapt([ROWS, ROWS[..., :2]]), ValueError, "was built for shape"),
        (lambda: layers.Normalization(mean=0.0, variance=1.0).adapt(ROWS), ValueError, "cannot be adapted"),
        (lambda: layers.Discretization(), ValueError, "num_bins or bin_boundaries"),
        (lambda: layers.Discretization([1.0]).adapt(WAVE), ValueError, "use num_bins"),
        (lambda: layers.Discretization(num_bins=3)(WAVE), ValueError, "no boundaries yet"),
        (lambda: layers.CategoryEncoding(), ValueError, "num_tokens=None"),
        (lambda: layers.CategoryEncoding(3, sparse=True), ValueError, "sparse=True"),
        (lambda: layers.CategoryEncoding(3)([0], count_weights=np.ones(1)), ValueError, "count_weights are for"),
        (lambda: layers.Pipeline.from_config({"layers": None}), ValueError, "list of layers"),
    ],
)
def test_errors(act, error, message) -> None:
    with pytest.raises(error, match=message):
        act()


def test_discretization_learns_keras_boundaries() -> None:
    # From Keras 3.15, whose `adapt` needs TensorFlow.
    layer = layers.Discretization(num_bins=5)
    layer.adapt(WAVE)
    np.testing.assert_allclose(layer.bin_boundaries, [-342.1499, -72.01059, 74.442047, 340.01147], rtol=1e-6)
    assert layers.Discretization.from_config(layer.get_config()).bin_boundaries == layer.bin_boundaries
    layer.adapt(WAVE[start : start + 150] for start in range(0, 1000, 150))
    np.testing.assert_allclose(layer.bin_boundaries, [-317.92758, -68.427277, 74.392517, 341.10825], rtol=1e-6)
    rough = layers.Discretization(num_bins=4, epsilon=0.2, output_mode="one_hot")
    assert rough(lapis.Input((1,))).shape == (None, 4)
    rough.adapt([[1.0, 2, 3], [4, 5, 60]])
    np.testing.assert_allclose(rough.bin_boundaries, [1.5, 3.0, 4.5], rtol=1e-6)
    np.testing.assert_array_equal(rough([[3.2]]), [[0, 0, 1, 0]])


def test_a_pipeline_of_strings(tmp_path) -> None:
    text = layers.TextVectorization(vocabulary=["a", "b"], output_sequence_length=2)
    pipeline = layers.Pipeline([text, layers.CategoryEncoding(4, "count"), layers.Rescaling(0.5)])
    np.testing.assert_array_equal(pipeline(np.array(["a b", "b"])), [[0, 0, 0.5, 0.5], [0.5, 0, 0, 0.5]])
    inputs = lapis.Input((1,), dtype="string")
    model = lapis.Model(inputs, layers.Dense(1)(pipeline(inputs)))
    model.compile("sgd", "mse")
    data = np.array([["a"], ["b"]])
    model.fit(data, np.ones((2, 1)), verbose=0)
    assert model.jit_compile
    model.save(tmp_path / "model.keras")
    again = lapis.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(data, verbose=0), model.predict(data, verbose=0))
