"""The functions that scripts import as `K` from TensorFlow's `keras.backend`, against NumPy and hand counts."""

import numpy as np
import pytest

import lapis
from lapis import backend as K
from tests.descriptors import f32, i32

A, B, C = f32(2, 3, 4), f32(2, 4, 5), f32(2, 4)
CASES = {
    "reductions": (lambda: K.mean(A, axis=-1, keepdims=True) + K.sum(A), A.mean(-1, keepdims=True) + A.sum()),
    "argmax": (lambda: K.argmax(A), A.argmax(-1)),
    "cumsum": (lambda: K.cumsum(A, 1), A.cumsum(1)),
    "pow": (lambda: K.pow(K.square(A), 1.5), (A**2) ** 1.5),
    "clip": (lambda: K.clip(A, None, 0.1), np.minimum(A, 0.1)),
    "relu": (lambda: K.relu(A, alpha=0.1, max_value=0.5), np.minimum(np.where(A > 0, A, 0.1 * A), 0.5)),
    "hard_sigmoid": (lambda: K.hard_sigmoid(4 * A), np.clip(0.8 * A + 0.5, 0, 1)),
    "l2_normalize": (lambda: K.l2_normalize(A, axis=-1), A / np.linalg.norm(A, axis=-1, keepdims=True)),
    "expand": (lambda: K.squeeze(K.expand_dims(A), -1), A),
    "concatenate": (lambda: K.concatenate([A, A]), np.concatenate([A, A], -1)),
    "permute": (lambda: K.permute_dimensions(A, (0, 2, 1)), A.transpose(0, 2, 1)),
    "repeat": (lambda: K.repeat(C, 3), np.repeat(C[:, None], 3, 1)),
    "repeat_elements": (lambda: K.repeat_elements(A, 2, 1), np.repeat(A, 2, 1)),
    "flatten": (lambda: K.batch_flatten(A), A.reshape(2, 12)),
    "reverse": (lambda: K.reverse(A, [0, 2]), A[::-1, :, ::-1]),
    "gather": (lambda: K.gather(A, [1, 0]), A[[1, 0]]),
    "one_hot": (lambda: K.one_hot(i32(5, high=3), 3), np.eye(3)[i32(5, high=3)]),
    "dot": (lambda: K.dot(A, B[0]), A @ B[0]),
    "batch_dot": (lambda: K.batch_dot(A, B), A @ B),
    "batch_dot of vectors": (lambda: K.batch_dot(C, C), (C * C).sum(-1, keepdims=True)),
    "batch_dot over axes": (lambda: K.batch_dot(A, C, axes=(2, 1)), np.einsum("bij,bj->bi", A, C)),
    "batch_dot over one axis": (lambda: K.batch_dot(A, f32(2, 5, 4), axes=-1), A @ f32(2, 5, 4).transpose(0, 2, 1)),
    "constant": (lambda: K.constant(2.0, shape=(2, 3)), np.full((2, 3), 2.0)),
    "switch": (lambda: K.switch(C[:, 0] > 0, A, lambda: -A), np.where(C[:, :1, None] > 0, A, -A)),
    "binary_crossentropy": (lambda: K.binary_crossentropy(K.ones((2,)), K.constant([0.5, 0.25])), np.log([2, 4])),
    "crossentropy": (
        lambda: K.sparse_categorical_crossentropy(K.arange(2), K.constant([[0.5, 0.5], [0.75, 0.25]])),
        np.log([2, 4]),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_values(name):
    make, expected = CASES[name]
    np.testing.assert_allclose(make(), expected, rtol=1e-5, atol=1e-6)


def test_variables():
    held = K.variable([1.0, 2.0], name="held")
    K.set_value(held, [3.0, 4.0])
    assert K.get_value(held).tolist() == K.eval(held).tolist() == [3.0, 4.0]
    assert K.int_shape(lapis.Input((3,))) == (None, 3) and K.cast_to_floatx([1]).dtype == "float32"


def test_ctc_with_the_blank_at_the_end():
    likely = np.full((1, 4, 3), 0.05, "float32")
    likely[0, range(4), [1, 1, 2, 0]] = 0.9  # 1, 1 again, blank, 0
    decoded, _ = K.ctc_decode(likely, np.array([4]))
    assert np.asarray(decoded[0])[0].tolist()[:2] == [1, 0] and (np.asarray(decoded[0])[0, 2:] == -1).all()
    searched, _ = K.ctc_decode(likely, np.array([4]), greedy=False, beam_width=5, top_paths=2)
    assert len(searched) == 2 and np.asarray(searched[0])[0].tolist()[:2] == [1, 0]
    # One label over two steps: label and label, label and blank, blank and label.
    two = np.array([[[0.6, 0.4], [0.7, 0.3]]], "float32")
    loss = K.ctc_batch_cost(np.array([[0]]), two, np.array([[2]]), np.array([[1]]))
    np.testing.assert_allclose(loss, [[-np.log(0.6 * 0.7 + 0.6 * 0.3 + 0.4 * 0.7)]], rtol=1e-4)


def test_attention_as_scripts_write_it():
    class Attention(lapis.layers.Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], 1), initializer="normal")
            super().build(input_shape)

        def call(self, x):
            weights = K.softmax(K.squeeze(K.tanh(K.dot(x, self.kernel)), axis=-1))
            return K.sum(x * K.expand_dims(weights), axis=1)

    inputs = lapis.Input((5,), dtype="int32")
    x = Attention()(lapis.layers.LSTM(4, return_sequences=True)(lapis.layers.Embedding(10, 3)(inputs)))
    model = lapis.Model(inputs, lapis.layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy")
    before = model.layers[-2].get_weights()[0]
    model.fit(i32(8, 5, high=10), i32(8, high=2), verbose=0)
    assert model.output_shape == (None, 1) and np.abs(model.layers[-2].get_weights()[0] - before).max() > 0
