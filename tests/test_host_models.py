"""Models of which a part runs on the host: built, trained, saved and read again; what is compiled; what falls back."""

import numpy as np
import pytest

import lapis
from lapis import layers

pytestmark = pytest.mark.usefixtures("quick_compilation")

TEXTS = np.array([["the cat sat on the mat"], ["a dog ran"], ["cat dog"], ["mat the dog"]] * 4)
LABELS = np.array([[1.0], [0], [0], [1]] * 4, "float32")


def _vectorization(**arguments):
    layer = layers.TextVectorization(**arguments)
    layer.adapt(TEXTS)
    return layer


def _head(x):
    return layers.Dense(1)(layers.GlobalAveragePooling1D()(layers.Embedding(12, 3)(x)))


def _functional(length: int | None):
    inputs = lapis.Input((1,), dtype="string")
    return lapis.Model(inputs, _head(_vectorization(output_sequence_length=length)(inputs)))


def _sequential():
    vectorize = _vectorization(output_sequence_length=5)
    return lapis.Sequential([vectorize, layers.Embedding(12, 3), layers.GlobalAveragePooling1D(), layers.Dense(1)])


def _hashed_integers():
    inputs = lapis.Input((2,), dtype="int64")
    return lapis.Model(inputs, _head(layers.Hashing(12)(inputs)))


class _Batches(lapis.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return TEXTS[index * 8 : index * 8 + 8], LABELS[index * 8 : index * 8 + 8]


@pytest.mark.parametrize(
    ("make", "x", "whole"),
    [
        (lambda: _functional(5), TEXTS, True),
        (lambda: _functional(None), TEXTS, False),
        (_sequential, TEXTS, True),
        (_hashed_integers, np.arange(32).reshape(16, 2) + 2**40, True),
    ],
    ids=["functional", "varying", "sequential", "integers"],
)
def test_trained_compiled_as_it_is_by_hand(make, x, whole, tmp_path) -> None:
    lapis.utils.set_random_seed(0)
    model = make()
    model.compile("sgd", "mse")
    history = model.fit(x, LABELS, batch_size=8, epochs=2, shuffle=False, verbose=0).history["loss"]
    assert model.jit_compile and model.train_function.compilations >= 1
    part = model._host_part
    assert part is not None and part.by_sample is whole
    lapis.utils.set_random_seed(0)
    by_hand = make()
    by_hand.compile("sgd", "mse", run_eagerly=True)
    expected = by_hand.fit(x, LABELS, batch_size=8, epochs=2, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(history, expected, rtol=1e-5)
    outputs = model.predict(x, batch_size=16, verbose=0)
    np.testing.assert_allclose(model(x), outputs, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(by_hand.predict(x, batch_size=16, verbose=0), outputs, rtol=1e-4, atol=1e-5)
    loss = model.evaluate(x, LABELS, verbose=0)
    np.testing.assert_allclose(loss, np.mean((outputs - LABELS) ** 2), rtol=1e-4)
    np.testing.assert_allclose(model.test_on_batch(x, LABELS), loss, rtol=1e-4)
    model.save(tmp_path / "model.keras")
    again = lapis.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(x, batch_size=16, verbose=0), outputs)


def test_batches_from_anywhere() -> None:
    losses = []
    for data in (_Batches(), iter([_Batches()[0], _Batches()[1]])):
        lapis.utils.set_random_seed(0)
        model = _functional(5)
        model.compile("sgd", "mse")
        losses.append(model.fit(data, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)
    history = model.fit(TEXTS, LABELS, validation_split=0.25, verbose=0).history
    np.testing.assert_allclose(history["val_loss"], model.evaluate(TEXTS[12:], LABELS[12:], verbose=0), rtol=1e-5)


def test_layers_prepare_the_batches_of_a_generator() -> None:
    vectorize = _vectorization(output_sequence_length=5)
    model = lapis.Sequential(
        [lapis.Input((5,), dtype="int32"), layers.Embedding(12, 3), layers.Flatten(), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    history = model.fit(((vectorize(x), y) for x, y in _Batches()), verbose=0).history["loss"]
    assert np.isfinite(history[0])


def test_a_model_within_a_model() -> None:
    inner = _functional(5)
    inputs = lapis.Input((1,), dtype="string")
    outer = lapis.Model(inputs, layers.Dense(2)(inner(inputs)))
    assert outer.output_shape == (None, 2)
    outer.compile("sgd", "mse")
    assert not outer.jit_compile  # the part on the host holds weights to be trained
    outer.fit(TEXTS, np.repeat(LABELS, 2, axis=1), verbose=0)
    ends = lapis.Model(inputs, _vectorization(output_sequence_length=5)(inputs))
    assert ends.predict(TEXTS, verbose=0).shape == (16, 5)
    prepared = lapis.Model(inputs, _head(ends(inputs)))
    assert prepared._host_part is not None and prepared.predict(TEXTS, verbose=0).shape == (16, 1)


class _Own(lapis.Model):
    def __init__(self):
        super().__init__()
        self.vectorize = _vectorization(output_sequence_length=5)
        self.embed, self.out = layers.Embedding(12, 3), layers.Dense(1)

    def call(self, x):
        return self.out(lapis.ops.mean(self.embed(self.vectorize(x)), axis=1))


def test_a_model_class_of_ones_own_runs_in_python() -> None:
    model = _Own()
    model.compile("sgd", "mse")
    first = model.fit(TEXTS[:4], LABELS[:4], verbose=0).history["loss"]
    assert model.fit(TEXTS[:4], LABELS[:4], verbose=0).history["loss"] < first and not model.jit_compile


def test_a_sequential_is_built_by_its_first_texts() -> None:
    model = _sequential()
    assert model.predict(TEXTS, verbose=0).shape == (16, 1)
    assert model.jit_compile and model.predict_function.compilations == 1


def test_strings_come_out() -> None:
    inputs = lapis.Input((3,))
    best = lapis.ops.argmax(inputs, axis=-1)
    model = lapis.Model(inputs, layers.StringLookup(vocabulary=["x", "y", "z"], num_oov_indices=0, invert=True)(best))
    assert model.predict(np.eye(3, dtype="float32"), verbose=0).tolist() == ["x", "y", "z"]


def test_large_integers_keep_their_bits() -> None:
    inputs = lapis.Input((1,), dtype="int64")
    model = lapis.Model(inputs, layers.IntegerLookup(vocabulary=[2**40, 1])(inputs))
    ids = np.array([[2**40], [2**40 + 1], [1]])
    assert model.predict(ids, verbose=0).tolist() == [[1], [0], [2]]
    assert model(ids).tolist() == [[1], [0], [2]]


def test_wrong_data_are_told() -> None:
    model = _functional(5)
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match="cannot be fed to a model"):
        model.fit(TEXTS, TEXTS, verbose=0)
    with pytest.raises(ValueError, match="has shape"):
        model.predict(np.array([["a", "b"]]), verbose=0)


def test_a_text_model(tmp_path) -> None:
    vectorize = _vectorization(output_sequence_length=6)
    inputs = lapis.Input((1,), dtype="string", name="text")
    x = layers.Embedding(vectorize.vocabulary_size(), 8, mask_zero=True)(vectorize(inputs))
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
    x = layers.MultiHeadAttention(2, 4)(x, x)
    outputs = layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling1D()(x))
    model = lapis.Model(inputs, outputs)
    model.compile(lapis.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(TEXTS, LABELS, epochs=15, verbose=0).history
    assert history["accuracy"][-1] == 1.0
    model.save(tmp_path / "text.keras")
    again = lapis.saving.load_model(tmp_path / "text.keras")
    np.testing.assert_array_equal(again.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0))
    assert again.evaluate(TEXTS, LABELS, verbose=0) == model.evaluate(TEXTS, LABELS, verbose=0)


class _Crossing(lapis.Model):
    def __init__(self):
        super().__init__()
        self.lookup = layers.StringLookup(vocabulary=["a", "b"])
        self.cross, self.out = layers.HashedCrossing(4, "one_hot"), layers.Dense(1)

    def call(self, x):
        return self.out(self.cross([self.lookup(x["s"]), x["i"]]))


def test_layers_on_the_host_follow_one_another() -> None:
    x = {"s": np.array([["a"], ["b"], ["c"]]), "i": np.array([[1], [2], [3]])}
    own = _Crossing()
    own.compile("sgd", "mse")
    own.fit(x, np.ones((3, 1)), verbose=0)
    inputs = {"s": lapis.Input((1,), dtype="string", name="s"), "i": lapis.Input((1,), dtype="int32", name="i")}
    model = lapis.Model(inputs, own.out(own.cross([own.lookup(inputs["s"]), inputs["i"]])))
    np.testing.assert_allclose(model.predict(x, verbose=0), own(x), rtol=1e-6)
    assert model.jit_compile and not own.jit_compile
