"""A crossentropy of a softmax's or sigmoid's output is computed from what went in: finite, with an exact gradient."""

import jax
import numpy as np
import pytest

import lapis
from lapis import layers, losses, ops
from lapis.graph import get_logits, keeping_logits

STEEP = np.array([[50.0, -50.0, 0.0], [-50.0, 50.0, 3.0], [0.0, 1.0, -1.0], [-50.0, -49.0, 50.0]])
CLASSES = np.array([1, 0, 2, 2])
ONE_HOT = np.eye(3)[CLASSES]
FLAGS = np.array([[0.0, 1.0, 1.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]])


def _log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def _log_sigmoid(x):
    return -np.logaddexp(0.0, -x)


def _categorical(y):
    return -(y * _log_softmax(STEEP)).sum(-1).mean(), (y.sum(-1, keepdims=True) * np.exp(_log_softmax(STEEP)) - y) / 4


def _binary(y):
    value = -(y * _log_sigmoid(STEEP) + (1 - y) * _log_sigmoid(-STEEP)).mean()
    return value, (np.exp(_log_sigmoid(STEEP)) - y) / 12


SMOOTHED = ONE_HOT * 0.9 + 0.1 / 3
CASES = {
    "categorical": ("softmax", losses.CategoricalCrossentropy(), ONE_HOT, _categorical(ONE_HOT)),
    "smoothed": ("softmax", losses.CategoricalCrossentropy(label_smoothing=0.1), ONE_HOT, _categorical(SMOOTHED)),
    "sparse": ("softmax", losses.SparseCategoricalCrossentropy(), CLASSES, _categorical(ONE_HOT)),
    "sparse, a column": ("softmax", losses.SparseCategoricalCrossentropy(), CLASSES[:, None], _categorical(ONE_HOT)),
    "binary": ("sigmoid", losses.BinaryCrossentropy(), FLAGS, _binary(FLAGS)),
    "binary smoothed": ("sigmoid", losses.BinaryCrossentropy(label_smoothing=0.2), FLAGS, _binary(FLAGS * 0.8 + 0.1)),
}
OUTPUTS = {
    "layer": lambda activation: layers.Dense(3, activation=activation, kernel_initializer="identity"),
    "operation": lambda activation: layers.Activation(activation),
}


def _loss_and_gradient(model, loss, y):
    """Of one training step, by plain gradient descent with a rate of 1; the test step must give the same loss."""
    model.compile(optimizer=lapis.optimizers.SGD(1.0), loss=loss)
    before = [np.asarray(v.value) for v in model.trainable_variables]
    tested, value = (run(STEEP.astype("float32"), y) for run in (model.test_on_batch, model.train_on_batch))
    assert tested == pytest.approx(value, rel=1e-6)
    return value, [old - np.asarray(v.value) for old, v in zip(before, model.trainable_variables)]


@pytest.mark.parametrize("last", OUTPUTS)
@pytest.mark.parametrize("case", CASES)
def test_where_probabilities_saturate(case, last):
    activation, loss, y, (value, gradient) = CASES[case]
    inputs = lapis.Input((3,))
    hidden = layers.Dense(3, kernel_initializer="identity", bias_initializer="zeros")(inputs)
    model = lapis.Model(inputs, OUTPUTS[last](activation)(hidden))
    found, gradients = _loss_and_gradient(model, loss, y)
    np.testing.assert_allclose(found, value, rtol=1e-6)
    np.testing.assert_allclose(gradients[1], gradient.sum(0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(gradients[0], STEEP.T @ gradient, rtol=1e-5, atol=1e-5)


def test_eager_values_stay_clipped():
    """As Keras computes them: what a probability below epsilon was made of is not known there."""
    p = ops.softmax(STEEP.astype("float32"))
    assert float(losses.sparse_categorical_crossentropy(CLASSES[:1], p[:1])[0]) == pytest.approx(16.118, abs=1e-3)
    assert get_logits(p) is None


def test_metrics_stay_clipped():
    inputs = lapis.Input((3,))
    model = lapis.Model(inputs, layers.Softmax()(layers.Dense(3, kernel_initializer="identity")(inputs)))
    name = "sparse_categorical_crossentropy"
    model.compile(optimizer=lapis.optimizers.SGD(0.0), loss=name, metrics=[name])
    for run in (model.train_on_batch, model.test_on_batch):
        loss, metric = run(STEEP.astype("float32"), CLASSES)
        assert loss > 50 and metric < 12


def test_only_the_very_array():
    with keeping_logits():
        x = ops.convert_to_tensor(STEEP.astype("float32"))
        assert get_logits(ops.softmax(x)).axis == 1
        assert get_logits(ops.sigmoid(x)).axis is None
        assert get_logits(ops.softmax(x) * 1.0) is None
        assert get_logits(ops.softmax(x, axis=(0, 1))) is None
    assert get_logits(ops.softmax(x)) is None


def test_axes_must_agree():
    x = np.random.default_rng(0).normal(0, 30, (2, 3, 4)).astype("float32")
    y = np.eye(3, dtype="float32")[[0, 2]][:, :, None] * np.ones((2, 3, 4), "float32")
    plain = losses.categorical_crossentropy(y, ops.softmax(x, axis=1), axis=1)
    other = losses.categorical_crossentropy(y, ops.softmax(x, axis=2), axis=1)
    with keeping_logits():
        fused = losses.categorical_crossentropy(y, ops.softmax(x, axis=1), axis=-2)
        np.testing.assert_array_equal(losses.categorical_crossentropy(y, ops.softmax(x, axis=2), axis=1), other)
    assert float(ops.max(fused)) > 17 > float(ops.max(plain))
    np.testing.assert_allclose(
        fused, losses.categorical_crossentropy(y, x, from_logits=True, axis=1), rtol=1e-6, atol=1e-6
    )


def test_a_sigmoid_is_no_softmax():
    x = STEEP.astype("float32")
    plain = losses.categorical_crossentropy(ONE_HOT, ops.sigmoid(x))
    with keeping_logits():
        np.testing.assert_array_equal(losses.categorical_crossentropy(ONE_HOT, ops.sigmoid(x)), plain)


def test_ignored_classes_and_focal_losses():
    x = STEEP.astype("float32")
    with keeping_logits():
        loss = losses.SparseCategoricalCrossentropy(ignore_class=0)
        assert float(loss(CLASSES, ops.softmax(x))) == pytest.approx(-_log_softmax(STEEP)[[0, 2, 3], [1, 2, 2]].mean())
        focal = losses.categorical_focal_crossentropy(ONE_HOT, ops.softmax(x), alpha=1.0, gamma=2.0)
        assert float(focal[0]) == pytest.approx(100.0, rel=1e-5)
        focal = losses.binary_focal_crossentropy(FLAGS[:1, :1], ops.sigmoid(-x[:1, 1:2]), gamma=2.0)
        assert float(focal[0]) == pytest.approx(50.0)


def test_mixed_precision():
    """Logits of 16 bits are taken to 32 before the loss."""
    x = np.array([[8.0, -8.0, 1.0]])
    with keeping_logits():
        p = ops.softmax(ops.cast(x, "bfloat16"))
        value = losses.CategoricalCrossentropy()(np.eye(3)[1:2], p)
    assert value.dtype == "float32"
    assert float(value) == pytest.approx(float(-_log_softmax_of(x)[0, 1]), rel=1e-6)


def _log_softmax_of(x):
    return np.asarray(jax.nn.log_softmax(x.astype("float32")))
