"""What the table of layers does not say: errors, LoRA, Lambda's limits, statistics of the random layers."""

import json

import jax
import numpy as np
import pytest

import lapis
from lapis import layers
from lapis.core.serialization import deserialize_keras_object, serialize_keras_object
from tests.descriptors import f32, flags, i32
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")


def _again(layer, custom_objects: dict | None = None):
    return deserialize_keras_object(json.loads(json.dumps(serialize_keras_object(layer))), custom_objects)


ERRORS = {
    "Dense-units": (lambda k: k.layers.Dense(0), ValueError, "units"),
    "Dense-units-float": (lambda k: k.layers.Dense(2.5), ValueError, "units"),
    "Dense-rank": (lambda k: k.layers.Dense(2)(np.ones(3, "float32")), ValueError, "dense"),
    "Embedding-dim": (lambda k: k.layers.Embedding(0, 2), ValueError, "input_dim"),
    "Embedding-output": (lambda k: k.layers.Embedding(3, True), ValueError, "output_dim"),
    "EinsumDense-equation": (lambda k: k.layers.EinsumDense("ab->a", 3).build((2, 3)), ValueError, "ab->a"),
    "EinsumDense-sizes": (
        lambda k: k.layers.EinsumDense("abc,cd->abd", (7, 4)).build((None, 6, 5)),
        ValueError,
        "'b'",
    ),
    "EinsumDense-kernel": (lambda k: k.layers.EinsumDense("ab,bcd->ac", 3).build((2, 3)), ValueError, "'d'"),
    "EinsumDense-output": (lambda k: k.layers.EinsumDense("ab,bc->acz", (3, 4)).build((2, 3)), ValueError, "'z'"),
    "EinsumDense-bias": (lambda k: k.layers.EinsumDense("ab,bc->ac", 3, bias_axes="z").build((2, 3)), ValueError, "z"),
    "Wrapper": (lambda k: k.layers.Wrapper(3), ValueError, "3"),
    "ReLU-max": (lambda k: k.layers.ReLU(max_value=-1.0), ValueError, "max_value"),
    "ReLU-slope": (lambda k: k.layers.ReLU(negative_slope=None), ValueError, "negative_slope"),
    "ReLU-threshold": (lambda k: k.layers.ReLU(threshold=-1.0), ValueError, "threshold"),
    "LeakyReLU": (lambda k: k.layers.LeakyReLU(negative_slope=-0.1), ValueError, "negative_slope"),
    "PReLU-input": (
        lambda k: _twice(k.layers.PReLU(shared_axes=[1]), f32(2, 4, 3), f32(2, 4, 5)),
        ValueError,
        "axis",
    ),
    "Softmax-mask": (
        lambda k: k.layers.Softmax()(np.ones((2, 3), "float32"), mask=np.ones((2, 4), bool)),
        ValueError,
        "mask",
    ),
    "Dropout-rate": (lambda k: k.layers.Dropout(1.5), ValueError, "rate"),
    "Dropout-shape": (lambda k: k.layers.Dropout(0.5, noise_shape=(1, 0)), ValueError, "noise_shape"),
    "Dropout-shape-text": (lambda k: k.layers.Dropout(0.5, noise_shape="ab"), ValueError, "noise_shape"),
    "GaussianNoise": (lambda k: k.layers.GaussianNoise(-0.1), ValueError, "stddev"),
    "GaussianDropout": (lambda k: k.layers.GaussianDropout(2), ValueError, "rate"),
    "AlphaDropout": (lambda k: k.layers.AlphaDropout(2), ValueError, "rate"),
    "SpatialDropout-rank": (lambda k: k.layers.SpatialDropout1D(0.1)(f32(2, 3)), ValueError, "3"),
    "Flatten-format": (lambda k: k.layers.Flatten("channels"), ValueError, "data_format"),
    "Reshape-two": (lambda k: k.layers.Reshape((-1, -1)), ValueError, "-1"),
    "Reshape-below": (lambda k: k.layers.Reshape((-2, 3)), ValueError, "-2"),
    "Reshape-size": (lambda k: k.layers.Reshape((5,))(f32(2, 12)), ValueError, "12"),
    "Reshape-divides": (lambda k: k.layers.Reshape((-1, 5))(k.Input((12,))), ValueError, "12"),
    "Permute": (lambda k: k.layers.Permute((0, 1)), ValueError, "dims"),
    "RepeatVector-kind": (lambda k: k.layers.RepeatVector(2.0), TypeError, "n"),
    "RepeatVector": (lambda k: k.layers.RepeatVector(0), ValueError, "n"),
    "ZeroPadding1D": (lambda k: k.layers.ZeroPadding1D((1, 2, 3)), ValueError, "padding"),
    "ZeroPadding2D": (lambda k: k.layers.ZeroPadding2D((1, 2, 3)), ValueError, "padding"),
    "ZeroPadding2D-below": (lambda k: k.layers.ZeroPadding2D((1, -2)), ValueError, "padding"),
    "ZeroPadding3D": (lambda k: k.layers.ZeroPadding3D(None), ValueError, "padding"),
    "Cropping1D": (lambda k: k.layers.Cropping1D((2, 2))(f32(1, 4, 2)), ValueError, "cropping"),
    "Cropping2D": (lambda k: k.layers.Cropping2D(-1), ValueError, "cropping"),
    "Cropping2D-size": (lambda k: k.layers.Cropping2D(2)(k.Input((4, 9, 1))), ValueError, "cropping"),
    "Cropping3D": (lambda k: k.layers.Cropping3D((1, 2)), ValueError, "cropping"),
    "UpSampling1D-kind": (lambda k: k.layers.UpSampling1D((2,)), TypeError, "size"),
    "UpSampling1D": (lambda k: k.layers.UpSampling1D(0), ValueError, "size"),
    "UpSampling2D": (lambda k: k.layers.UpSampling2D((2, 2, 2)), ValueError, "size"),
    "UpSampling2D-method": (
        lambda k: k.layers.UpSampling2D(interpolation="best")(f32(1, 2, 2, 1)),
        ValueError,
        "interpolation",
    ),
    "UpSampling3D": (lambda k: k.layers.UpSampling3D((2, 0, 1)), ValueError, "size"),
    "Add-single": (lambda k: k.layers.Add()(f32(2, 3)), ValueError, "list"),
    "Add-batch": (lambda k: k.layers.Add()([f32(2, 3), f32(3, 3)]), ValueError, "batch"),
    "Add-shapes": (lambda k: k.layers.Add()([f32(2, 3), f32(2, 4)]), ValueError, r"\(2, 4\)"),
    "Subtract-three": (lambda k: k.layers.Subtract()([f32(2, 3)] * 3), ValueError, "subtract"),
    "Concatenate-shapes": (lambda k: k.layers.Concatenate()([f32(2, 3), f32(3, 3)]), ValueError, r"\(3, 3\)"),
    "Concatenate-ranks": (lambda k: k.layers.Concatenate()([f32(2, 3), f32(2, 3, 1)]), ValueError, r"\(2, 3, 1\)"),
    "Dot-kind": (lambda k: k.layers.Dot("a"), TypeError, "axes"),
    "Dot-count": (lambda k: k.layers.Dot((1, 2, 3)), ValueError, "axes"),
    "Dot-pair": (lambda k: k.layers.Dot((1, "a")), ValueError, "axes"),
    "Dot-inputs": (lambda k: k.layers.Dot(1)([f32(2, 3)] * 3), ValueError, "dot"),
    "Dot-sizes": (lambda k: k.layers.Dot(1)([f32(2, 3), f32(2, 4)]), ValueError, r"\(2, 4\)"),
    "Dot-batch": (lambda k: k.layers.Dot(0)([f32(2, 3), f32(2, 3)]), ValueError, "0"),
    "unknown-argument": (lambda k: k.layers.Flatten(axis=1), ValueError, "axis"),
}


def _twice(layer, first, second):
    layer(first)
    return layer(second)


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_of_the_same_kind_as_in_keras(name: str) -> None:
    make, kind, words = ERRORS[name]
    with pytest.raises(kind, match=words):
        make(lapis)
    with pytest.raises(kind):
        make(keras)


def test_weights_before_build() -> None:
    for layer, name in ((layers.Dense(2), "kernel"), (layers.Embedding(2, 2), "embeddings")):
        with pytest.raises(AttributeError, match="build"):
            getattr(layer, name)


def test_embedding_with_given_weights() -> None:
    table = f32(5, 3)
    for given in (table, [table]):
        layer = layers.Embedding(5, 3, weights=given)
        np.testing.assert_array_equal(layer(np.array([[4, 1]])), table[[[4, 1]]])
    with pytest.warns(UserWarning, match="input_length"):
        layers.Embedding(5, 3, input_length=4)


def test_einsum_dense_takes_unknown_sizes_from_the_input() -> None:
    layer = layers.EinsumDense("abc,cd->abd", output_shape=(None, 4), bias_axes="d")
    assert layer(lapis.Input((6, 5))).shape == (None, 6, 4)
    per_step = layers.EinsumDense("abc,bcd->abd", output_shape=(None, 4))
    assert per_step(lapis.Input((6, 5))).shape == (None, 6, 4)
    assert per_step.kernel.shape == (6, 5, 4)


def test_einsum_dense_spreads_its_kernel_by_its_own_axes() -> None:
    layer = layers.EinsumDense("abc,cde->abde", (None, 20, 30), kernel_initializer=lapis.initializers.HeNormal(seed=1))
    layer.build((None, 6, 200))
    assert layer.kernel.numpy().var() == pytest.approx(2 / 200, rel=0.02)


MAKE_LORA = {
    "Dense": (lambda k: k.layers.Dense(3, kernel_regularizer="l2"), f32(2, 5)),
    "EinsumDense": (lambda k: k.layers.EinsumDense("abc,cde->abde", (4, 2, 6), bias_axes="de"), f32(2, 4, 5)),
    "Embedding": (lambda k: k.layers.Embedding(7, 3), i32(2, 4, high=7)),
}


@pytest.mark.parametrize("name", MAKE_LORA)
def test_lora_equals_keras_and_is_merged_when_saved(name: str) -> None:
    make, x = MAKE_LORA[name]
    pair = [make(lapis), make(keras)]
    for layer in pair:
        layer.build(x.shape)
        layer.enable_lora(2, lora_alpha=3)
    mine, other = pair
    assert [w.name for w in mine.weights] == [w.name for w in other.weights]
    assert [w.trainable for w in mine.weights] == [w.trainable for w in other.weights]
    values = [f32(*w.shape, seed=seed) for seed, w in enumerate(other.weights)]
    mine.set_weights(values)
    other.set_weights(values)
    np.testing.assert_allclose(mine(x), other(x), atol=1e-5)
    assert mine.get_config()["lora_rank"] == other.get_config()["lora_rank"] == 2
    assert mine.get_config()["lora_alpha"] == other.get_config()["lora_alpha"] == 3
    stores: list[dict] = [{}, {}]
    mine.save_own_variables(stores[0])
    other.save_own_variables(stores[1])
    assert stores[0].keys() == stores[1].keys()
    for key in stores[0]:
        np.testing.assert_allclose(stores[0][key], np.asarray(stores[1][key]), atol=1e-5)
    plain = make(lapis)
    plain.build(x.shape)
    plain.load_own_variables(stores[0])
    np.testing.assert_allclose(plain(x), mine(x), atol=1e-5)
    mine.load_own_variables(stores[0])
    np.testing.assert_allclose(plain(x), mine(x), atol=1e-5)


def test_lora_errors() -> None:
    layer = layers.Dense(3)
    with pytest.raises(ValueError, match="built"):
        layer.enable_lora(2)
    layer.build((None, 4))
    layer.enable_lora(2)
    with pytest.raises(ValueError, match="once"):
        layer.enable_lora(2)
    constrained = layers.Dense(3, kernel_constraint="non_neg")
    constrained.build((None, 4))
    with pytest.raises(ValueError, match="kernel_constraint"):
        constrained.enable_lora(2)
    with pytest.raises(ValueError, match="quantization_config"):
        layers.Dense(3, quantization_config={"mode": "int8"})


@lapis.saving.register_keras_serializable("basic")
def _double(x):
    return 2.0 * x


def test_lambda_is_saved_by_name() -> None:
    layer = layers.Lambda(_double, name="double")
    again = _again(layer)
    np.testing.assert_array_equal(again(f32(2, 3)), 2.0 * f32(2, 3))
    assert again.get_config() == layer.get_config()

    def triple(x):
        return 3.0 * x

    data = json.loads(json.dumps(serialize_keras_object(layers.Lambda(triple))))
    with pytest.raises(ValueError, match="triple"):
        deserialize_keras_object(data)
    again = deserialize_keras_object(data, custom_objects={"triple": triple})
    np.testing.assert_allclose(again(f32(2, 3)), 3.0 * f32(2, 3))


def test_lambda_code_is_never_run() -> None:
    theirs = json.loads(json.dumps(keras.saving.serialize_keras_object(keras.layers.Lambda(lambda x: x + 1))))
    for data in (theirs, json.loads(json.dumps(serialize_keras_object(layers.Lambda(lambda x: x + 1))))):
        with pytest.raises(ValueError, match="register_keras_serializable"):
            deserialize_keras_object(data)
    with pytest.raises(TypeError, match="function"):
        layers.Lambda("x + 1")


def test_lambda_output_shape() -> None:
    def host(x):
        return jax.numpy.asarray(np.asarray(x) * 2)

    x = lapis.Input((3,))
    with pytest.raises(jax.errors.TracerArrayConversionError) as found:
        layers.Lambda(host)(x)
    assert any("pass output_shape=" in note for note in found.value.__notes__)
    assert layers.Lambda(host, output_shape=(3,))(x).shape == (None, 3)
    assert layers.Lambda(host, output_shape=lambda shape: (shape[0], 3))(x).shape == (None, 3)
    pair = layers.Lambda(lambda x: [host(x), host(x)], output_shape=[(3,), (3,)])(x)
    assert [y.shape for y in pair] == [(None, 3), (None, 3)]
    assert layers.Lambda(lambda x: x[:, :2])(x).shape == (None, 2)
    assert layers.Lambda(host, output_shape=(3,)).compute_output_shape((None, 5)) == (None, 3)


def test_lambda_mask() -> None:
    x = layers.Masking()(np.where(flags(2, 4, 1), f32(2, 4, 3), 0).astype("float32"))
    keep = flags(2, 4, seed=9)
    from_function = layers.Lambda(lambda x: x, mask=lambda inputs, mask: mask)(x)
    fixed = layers.Lambda(lambda x: x, mask=keep)(x)
    assert lapis.graph.get_mask(from_function) is not None
    np.testing.assert_array_equal(lapis.graph.get_mask(fixed), keep)


def test_wrapper_builds_and_saves_its_layer() -> None:
    class Twice(layers.Wrapper):
        def call(self, x):
            return 2.0 * self.layer(x)

    layer = Twice(layers.Dense(3, kernel_initializer="ones"), name="twice")
    layer.build((None, 4))
    assert layer.layer.built and [w.path for w in layer.weights] == ["twice/dense/kernel", "twice/dense/bias"]
    np.testing.assert_array_equal(layer(np.ones((1, 4), "float32")), [[8.0] * 3])
    again = _again(layer, {"Twice": Twice})
    assert again.get_config() == layer.get_config() and again.layer.units == 3


def test_dropout_keeps_the_mean_and_drops_at_the_rate() -> None:
    x = np.ones((200, 100, 4), "float32")
    y = np.asarray(layers.Dropout(0.3, seed=1)(x, training=True))
    assert set(np.unique(y).round(5)) == {0.0, np.float32(1 / 0.7).round(5)}
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.01)
    maps = np.asarray(layers.SpatialDropout1D(0.3, seed=1)(x, training=True))
    assert (maps == maps[:, :1]).all() and (maps[:, 0] == 0).mean() == pytest.approx(0.3, abs=0.05)
    shared = np.asarray(layers.Dropout(0.5, noise_shape=(None, 1, None), seed=1)(x, training=True))
    assert (shared == shared[:, :1]).all() and 0.4 < (shared == 0).mean() < 0.6
    assert (np.asarray(layers.Dropout(1.0)(x, training=True)) == 0).all()


def test_noise_has_the_promised_statistics() -> None:
    x = f32(300, 400, low=-1.7320508, high=1.7320508)
    selu = np.asarray(layers.AlphaDropout(0.2, seed=1)(x, training=True))
    assert selu.mean() == pytest.approx(x.mean(), abs=0.02) and selu.std() == pytest.approx(x.std(), rel=0.02)
    added = np.asarray(layers.GaussianNoise(0.5, seed=1)(x, training=True)) - x
    assert added.mean() == pytest.approx(0.0, abs=0.01) and added.std() == pytest.approx(0.5, rel=0.02)
    factor = np.asarray(layers.GaussianDropout(0.2, seed=1)(x, training=True)) / x
    assert factor.mean() == pytest.approx(1.0, abs=0.01) and factor.std() == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("name", ["Dropout", "AlphaDropout", "GaussianNoise", "GaussianDropout", "SpatialDropout1D"])
def test_random_layers_repeat_by_seed_and_move_on(name: str) -> None:
    x = f32(4, 5, 6)
    first, second = (getattr(layers, name)(0.4, seed=3) for _ in range(2))
    a = np.asarray(first(x, training=True))
    np.testing.assert_array_equal(a, second(x, training=True))
    assert not np.array_equal(a, first(x, training=True))
    np.testing.assert_array_equal(first(x, training=False), x)
    np.testing.assert_array_equal(first(x), x)
    assert len(first.variables) == 1 and not first.weights


def test_merging_functions() -> None:
    a, b = f32(2, 3), f32(2, 3, seed=1)
    expected = {
        "add": a + b,
        "subtract": a - b,
        "multiply": a * b,
        "average": (a + b) / 2,
        "maximum": np.maximum(a, b),
        "minimum": np.minimum(a, b),
        "concatenate": np.concatenate([a, b], -1),
        "dot": (a * b).sum(-1, keepdims=True),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(layers, name)([a, b]), value, rtol=1e-6)
        symbolic = getattr(layers, name)([lapis.Input((3,)), lapis.Input((3,))], name=f"my_{name}")
        assert symbolic.shape == (None, *value.shape[1:])
        assert symbolic._keras_history.operation.name == f"my_{name}"


def test_masks_on_more_axes_than_time() -> None:
    x = np.where(flags(2, 4, 1, 1), f32(2, 4, 5, 3), 0).astype("float32")
    arrays = [jax.numpy.asarray(x), jax.numpy.asarray(2 * x)]
    mask = jax.numpy.asarray(flags(2, 4, seed=2))
    for array in arrays:
        lapis.graph.set_mask(array, mask)
    for name in ("Multiply", "Maximum", "Minimum", "Add"):
        y = getattr(layers, name)()(arrays)
        assert y.shape == x.shape
        np.testing.assert_array_equal(lapis.graph.get_mask(y), mask)


def _masking_layers(k):
    """A layer that makes a mask, one that only knows its input's when it is built, one of two inputs with masks."""

    class Tokens(k.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.embed = k.layers.Embedding(5, 4)

        def call(self, ids):
            return self.embed(ids)

        def compute_mask(self, ids, mask=None):
            return k.ops.not_equal(ids, 0)

    class Weigh(k.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.supports_masking = True
            self.dense = k.layers.Dense(4)

        def call(self, x, mask=None):
            return self.dense(x * k.ops.cast(mask[..., None], "float32"))

    class Both(k.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.supports_masking = True

        def call(self, xs, mask=None):
            first, second = xs
            return first + k.ops.sum(second * k.ops.cast(mask[1][..., None], "float32"), axis=1, keepdims=True)

    return Tokens, Weigh, Both


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras's own, with NumPy 2
def test_layers_of_users_make_take_and_hand_masks_on() -> None:
    models, ids = [], [i32(6, 5, high=5), i32(6, 3, high=5)]
    for k in (lapis, keras):
        tokens, weigh, both = _masking_layers(k)
        a, b = k.Input((5,), dtype="int32"), k.Input((3,), dtype="int32")
        x, y = tokens()(a), tokens()(b)
        weighing = weigh()
        if k is keras:
            weighing.dense.build((None, 5, 4))  # it traces the call without masks
        joined = both()([weighing(x), y])
        models.append(k.Model([a, b], [joined, k.layers.GlobalAveragePooling1D()(joined)]))
    ours, theirs = models
    ours.set_weights(theirs.get_weights())
    for mine, other in zip(ours(ids), theirs(ids), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def test_the_mask_of_an_array_is_where_keras_puts_it() -> None:
    ids = i32(2, 5, high=3)
    for k in (lapis, keras):
        np.testing.assert_array_equal(k.layers.Embedding(3, 2, mask_zero=True)(ids)._keras_mask, ids != 0)


FROZEN = {
    "Dense": lambda k: k.layers.Dense(2, trainable=False),
    "BatchNormalization": lambda k: k.layers.BatchNormalization(trainable=False),
    "LSTM": lambda k: k.layers.LSTM(2, trainable=False),
    "TimeDistributed": lambda k: k.layers.TimeDistributed(k.layers.Dense(2, trainable=False)),
}


@pytest.mark.parametrize("make", FROZEN.values(), ids=FROZEN)
def test_layers_made_frozen_stay_so_in_models(make) -> None:
    for k in (keras, lapis):
        layer = make(k)
        model = k.Sequential([k.Input((4, 3)), layer])
        assert model.weights and not model.trainable_weights
        if k is lapis:
            model.compile("sgd", "mse")
            before = model.get_weights()
            model.train_on_batch(f32(2, 4, 3), np.ones((2, *model.output_shape[1:]), "float32"))
            for one, other in zip(before[:2], model.get_weights()[:2], strict=True):
                np.testing.assert_array_equal(one, other)
        layer.trainable = True
        assert model.trainable_weights or layer.__class__.__name__ == "TimeDistributed"
        again = k.Sequential.from_config(json.loads(json.dumps(model.get_config())))
        assert bool(again.trainable_weights) == bool(model.trainable_weights)


def test_layers_made_frozen_freeze_those_inside() -> None:
    for layer in (
        layers.Bidirectional(layers.LSTM(2), trainable=False),
        layers.TimeDistributed(layers.Dense(2), trainable=False),
    ):
        model = lapis.Sequential([lapis.Input((4, 3)), layer])
        assert model.weights and not model.trainable_weights
        layer.trainable = True
        assert len(model.trainable_weights) == len(model.weights)
