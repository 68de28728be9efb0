"""Where a model is said to keep rows apart, other rows change nothing in a row's outputs."""

import jax
import numpy as np
import pytest

import lapis
from lapis import layers, ops
from lapis.core import nest
from lapis.training.rows import rows_independent
from tests.descriptors import LAYER_FAMILIES, rows

# In training, always, always; of attention's masks that are given, it is not known which one lacks the batch.
MIXING = (
    "BatchNormalization",
    "Lambda",
    "stateful",
    "query-mask",
    "value-mask",
    "key-mask",
    "Mix",
    "RandAug",
    "Equalization",
    "JaxLayer",
    "MelSpectrogram",
    "AutoContrast-range",  # of a single image
)


pytestmark = pytest.mark.usefixtures("quick_compilation")


def _is_array(x):
    return isinstance(x, np.ndarray) and x.ndim > 0


def _arrays(row):
    return [np.asarray(x) for x in nest.flatten((list(row.inputs), row.kwargs)) if _is_array(x)]


def _model(row):
    def symbolic(x):
        return lapis.Input(x.shape[1:], dtype=str(x.dtype)) if _is_array(x) else x

    inputs, kwargs = nest.map_structure(symbolic, (list(row.inputs), row.kwargs))
    if row.training is not None:
        kwargs["training"] = row.training
    flat = [x for x in nest.flatten((inputs, kwargs)) if isinstance(x, lapis.KerasTensor)]
    return lapis.Model(flat, row.make(lapis)(*inputs, **kwargs))


def _perturbed(x, rng, grow):
    """Another array with the same first row."""
    x = np.asarray(x)
    others = x[rng.integers(0, len(x), len(x) - 1 + grow)]
    if np.issubdtype(x.dtype, np.floating):
        others = others + rng.uniform(0.1, 0.5, others.shape).astype(x.dtype)
    return np.concatenate([x[:1], others])


def _first_rows(model, arrays):
    lapis.utils.set_random_seed(7)
    for layer in model._flatten_layers():
        for generator in layer._seed_generators:
            generator.state.assign(ops.convert_to_tensor(np.array([1, 2]), dtype=generator.state.dtype))
    return [np.asarray(x[0]) for x in nest.flatten(model([jax.numpy.asarray(x) for x in arrays])) if x is not None]


@pytest.mark.parametrize("row", rows(*LAYER_FAMILIES), ids=str)
def test_layers(row):
    """In a batch of the same size and in a larger one; what is drawn depends on the size, nothing else does."""
    arrays = _arrays(row)
    try:
        model = _model(row)
    except (TypeError, ValueError) as error:  # an argument with the table's batch
        pytest.skip(f"no model with an unknown batch: {error}")
    if not rows_independent(model, training=bool(row.training)):
        name = f"{row.name} {type(model.layers[-1]).__name__}"
        user_made = any(type(layer).__module__.startswith("tests") for layer in model._flatten_layers())
        assert any(part in name for part in MIXING) or user_made, "known to keep rows apart, but not said to"
        pytest.skip("mixes rows")
    expected = _first_rows(model, arrays)
    rng = np.random.default_rng(0)
    for grow in (0,) if row.random else (0, 3):
        found = _first_rows(model, [_perturbed(x, rng, grow) for x in arrays])
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6, err_msg=f"{grow} rows more")


def _on(function, *shapes):
    inputs = [lapis.Input(shape) for shape in shapes or ((4, 6),)]
    return rows_independent(lapis.Model(inputs, function(*inputs)), training=True)


def test_operations_that_keep_rows_apart():
    assert _on(lambda x: ops.relu(2.0 * x + 1.0) / ops.exp(x))
    assert _on(lambda x, y: x * y - ops.maximum(x, y), (3,), (3,))
    assert _on(lambda x: ops.softmax(ops.mean(x, axis=1)))
    assert _on(lambda x: ops.sum(x, axis=(1, -1), keepdims=True))
    assert _on(lambda x: ops.concatenate([x, x[:, :2]], axis=1))
    assert _on(lambda x: ops.expand_dims(x[..., 0], -1))
    assert _on(lambda x: ops.transpose(ops.stack([x, x], axis=1), (0, 2, 1, 3)))
    assert _on(lambda x: ops.reshape(x, (-1, 24)))
    assert _on(lambda x: ops.matmul(x, np.ones((6, 2), "float32")))
    assert _on(lambda x, y: ops.matmul(x, y), (4, 6), (6, 2))
    assert _on(lambda x: layers.Activation("softmax")(layers.Dense(3, activation="relu")(x)))


def test_operations_that_mix_rows():
    assert not _on(lambda x: x - ops.mean(x, axis=0, keepdims=True))
    assert not _on(lambda x: x / ops.sum(x))
    assert not _on(lambda x: ops.softmax(x, axis=-3))
    assert not _on(lambda x: ops.concatenate([x, x], axis=0))
    assert not _on(lambda x: ops.reshape(x, (-1, 12)))
    assert not _on(lambda x: x[1:])
    assert not _on(lambda x: x[::-1])
    assert not _on(lambda x: ops.flip(x, axis=0))
    assert not _on(lambda x: ops.swapaxes(x, 0, 1))
    assert not _on(lambda x, y: x + y, (4,), ())  # the batch of y lies along the columns of x
    assert not _on(lambda x: ops.matmul(x, ops.transpose(x)), (4,))
    assert not _on(lambda x: ops.cumsum(x, axis=0))


def test_layers_that_depend_on_their_settings():
    assert not _on(lambda x: layers.Concatenate(axis=0)([x, x]))
    assert not _on(lambda x: layers.Softmax(axis=(0, 1))(x))
    assert not _on(lambda x: layers.UnitNormalization(axis=0)(x))
    assert not _on(lambda x: layers.Dense(3, activation=lambda y: y / ops.sum(y))(x))
    assert not _on(lambda x: layers.Dense(3, activity_regularizer="l2")(x))
    assert not _on(lambda x: layers.EinsumDense("abc,cd->bad", output_shape=(None, 2))(x))
    assert _on(lambda x: layers.TimeDistributed(layers.LayerNormalization(axis=-1))(x))
    assert not _on(lambda x: layers.TimeDistributed(layers.UnitNormalization(axis=-2))(x))
    assert not _on(lambda x: layers.TimeDistributed(layers.BatchNormalization())(x))
    assert not _on(lambda x: layers.RNN(_Cell(3))(x))
    assert _on(lambda x: layers.Bidirectional(layers.RNN([layers.GRUCell(2), layers.LSTMCell(3)]))(x))


def test_attention_over_all_axes_but_the_batch():
    heads = layers.MultiHeadAttention(2, 3)
    assert _on(lambda x, y: heads(x, y), (4, 6), (5, 6))
    assert _on(lambda x: layers.MultiHeadAttention(2, 3, attention_axes=(1, -2), dropout=0.5)(x, x), (4, 5, 6))
    assert _on(lambda x: layers.GroupedQueryAttention(3, 4, 2)(x, x, use_causal_mask=True))
    assert _on(lambda x, mask: layers.MultiHeadAttention(2, 3)(x, x, attention_mask=mask), (4, 6), (4, 4))
    assert not _on(lambda x, mask: layers.MultiHeadAttention(2, 3)(x, x, attention_mask=mask), (4, 6), (4,))
    assert not _on(lambda x: layers.MultiHeadAttention(2, 3, attention_axes=(0, 1))(x, x))
    assert not _on(lambda x: layers.MultiHeadAttention(2, 3, attention_axes=-3)(x, x))
    assert not _on(lambda x: layers.MultiHeadAttention(2, 3, activity_regularizer="l2")(x, x))


class _Cell(layers.Layer):
    """A cell of a user's."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.state_size = units

    def call(self, inputs, states):
        output = states[0] + ops.sum(inputs)
        return output, [output]


def test_batch_normalization_mixes_rows_in_training():
    inputs = lapis.Input((4,))
    inner = lapis.Sequential([lapis.Input((4,)), layers.BatchNormalization(name="norm")])
    model = lapis.Model(inputs, inner(inputs))
    assert rows_independent(model, training=False)
    assert not rows_independent(model, training=True)
    inner.get_layer("norm").trainable = False
    assert rows_independent(model, training=True)
    always = lapis.Model(inputs, layers.BatchNormalization()(inputs, training=True))
    assert not rows_independent(always, training=False)


def test_models_that_nothing_is_known_of():
    class Mine(lapis.Model):
        def call(self, x):
            return x

    class Centred(layers.Dense):
        def call(self, x):
            return x - ops.mean(x, axis=0)

    assert not rows_independent(Mine(), training=False)
    assert not rows_independent(lapis.Sequential([layers.Dense(2)]), training=False)  # not built yet
    assert not _on(lambda x: Centred(3)(x))
