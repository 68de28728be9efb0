"""Functional, Sequential and subclassed models: structure, names, sharing, nesting, cloning, errors."""

import copy
import json

import numpy as np
import pytest

import lapis
from lapis import layers, ops
from lapis.core import nest
from tests.descriptors import f32
from tests.oracle import keras

pytestmark = pytest.mark.usefixtures("quick_compilation")


def _branched(k):
    a = k.Input((4,), name="a")
    b = k.Input((3,), name="b")
    shared = k.layers.Dense(5, name="shared")
    x = k.layers.Dense(4, name="left")(b)
    y = k.layers.Add(name="sum")([shared(a), shared(x)])
    z = k.layers.Concatenate(name="cat")([y, a])
    return k.Model([a, b], {"big": k.layers.Dense(2, name="out")(z), "small": y}, name="branched")


def _encoder(k, name="encoder"):
    i = k.Input((8, 8, 1), name="img")
    x = k.layers.Conv2D(4, 3, activation="relu", name="conv_a")(i)
    x = k.layers.Conv2D(2, 3, name="conv_b")(x)
    return k.Model(i, k.layers.GlobalMaxPooling2D(name="top")(x), name=name)


def _nested(k):
    encoder = _encoder(k)
    i = k.Input((8, 8, 1), name="outer")
    return k.Model(i, k.layers.Dense(3, name="head")(encoder(i)), name="nested")


def _with_operations(k):
    i = k.Input((4,), name="i")
    x = k.layers.Dense(3, name="d")(i)
    return k.Model(i, k.ops.sum(x * 2.0 - x[:, :1], axis=-1, keepdims=True) / 3.0, name="operations")


MODELS = {f.__name__.strip("_"): f for f in (_branched, _nested, _with_operations)}


def _plain(value):
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("name", MODELS)
def test_structure_is_keras_s(name: str) -> None:
    keras.backend.clear_session()
    ours, theirs = MODELS[name](lapis), MODELS[name](keras)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert [operation.name for operation in ours.operations] == [o.name for o in theirs.operations]
    assert [(w.path, w.shape) for w in ours.weights] == [(w.path, tuple(w.shape)) for w in theirs.weights]
    assert ours.output_names == theirs.output_names
    assert nest.flatten(ours.output_shape) == nest.flatten(theirs.output_shape)
    ours.set_weights([np.asarray(w) for w in theirs.weights])
    data = nest.map_structure(lambda x: f32(2, *x.shape[1:]), ours.input)
    for mine, other in zip(nest.flatten(ours(data)), nest.flatten(theirs(data))):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_config_both_ways(name: str) -> None:
    keras.backend.clear_session()
    ours, theirs = MODELS[name](lapis), MODELS[name](keras)
    for config, reader in ((ours.get_config(), keras), (theirs.get_config(), lapis), (ours.get_config(), lapis)):
        again = reader.Model.from_config(_plain(config))
        assert [layer.name for layer in again.layers] == [layer.name for layer in ours.layers]
        assert again.output_names == ours.output_names
    again = lapis.models.model_from_json(ours.to_json())
    assert again.get_config() == ours.get_config()
    again.set_weights(ours.get_weights())
    data = [f32(2, *x.shape[1:]) for x in ours.inputs]
    for mine, other in zip(nest.flatten(ours(data)), nest.flatten(again(data))):
        np.testing.assert_array_equal(mine, other)


def test_inputs_by_name_and_structure() -> None:
    model = _branched(lapis)
    a, b = f32(2, 4), f32(2, 3)
    expected = model([a, b])
    for given in ((a, b), {"a": a, "b": b}, {"b": b, "a": a}):
        np.testing.assert_array_equal(model(given)["big"], expected["big"])
    with pytest.raises(ValueError, match=r"missing: \['b'\], unknown: \['c'\]"):
        model({"a": a, "c": b})
    with pytest.raises(ValueError, match="2 inputs, named"):
        model([a])
    with pytest.raises(ValueError, match=r"'a'.*\(None, 4\).*\(2, 3\)"):
        model([b, b])


def test_rank_and_type_are_standardised() -> None:
    i = lapis.Input((1,), dtype="int32")
    model = lapis.Model(i, layers.Embedding(10, 2)(i))
    assert model(np.array([1, 2])).shape == (2, 1, 2)
    assert model(np.array([[1.0], [2.0]])).shape == (2, 1, 2)
    assert model(np.array([[[1]], [[2]]])).shape == (2, 1, 2)


def test_optional_input() -> None:
    class Maybe(layers.Layer):
        def call(self, x, extra=None):
            return x if extra is None else x + extra

    a, b = lapis.Input((2,), name="a"), lapis.Input((2,), name="b", optional=True)
    model = lapis.Model([a, b], Maybe()(a, b))
    clone = lapis.models.clone_model(model)
    for each in (model, clone):
        np.testing.assert_array_equal(each([np.ones((1, 2)), None]), [[1, 1]])
        np.testing.assert_array_equal(each([np.ones((1, 2)), np.ones((1, 2))]), [[2, 2]])


def test_paths_reach_inside_nested_models() -> None:
    model = _nested(lapis)
    inner = model.get_layer("encoder/conv_b")
    assert inner is model.get_layer("encoder").get_layer("conv_b")
    features = lapis.Model(model.input, [inner.output, model.output])
    data = f32(2, 8, 8, 1)
    encoder = model.get_layer("encoder")
    expected = lapis.Model(encoder.input, encoder.get_layer("conv_b").output)(data)
    got = features(data)
    np.testing.assert_array_equal(got[0], expected)
    np.testing.assert_array_equal(got[1], model(data))
    again = lapis.Model.from_config(features.get_config())
    again.set_weights(features.get_weights())
    np.testing.assert_array_equal(again(data)[0], expected)
    head = layers.Flatten()(inner.output)
    assert lapis.Model(model.input, head)(data).shape == (2, 4 * 4 * 2)


def test_paths_reach_through_two_models_and_wrappers() -> None:
    middle_in = lapis.Input((8, 8, 1))
    middle = lapis.Model(middle_in, layers.Dense(3)(_encoder(lapis)(middle_in)), name="middle")
    i = lapis.Input((8, 8, 1))
    model = lapis.Model(i, layers.Dense(1)(middle(i)))
    conv = model.get_layer("middle/encoder/conv_a")
    data = f32(2, 8, 8, 1)
    expected = conv(data)
    np.testing.assert_allclose(lapis.Model(i, conv.output)(data), expected, rtol=1e-6)
    j = lapis.Input((5, 3))
    wrapped = lapis.Model(j, layers.TimeDistributed(layers.Dense(2, name="each"), name="time")(j))
    assert wrapped.get_layer("time/each").units == 2


def test_shared_nested_model_is_ambiguous_until_the_call_is_named() -> None:
    encoder = _encoder(lapis)
    a, b = lapis.Input((8, 8, 1)), lapis.Input((8, 8, 1))
    model = lapis.Model([a, b], layers.Subtract()([encoder(a), encoder(b)]))
    with pytest.raises(ValueError, match=r"called 2 times.*get_tensor"):
        lapis.Model([a, b], encoder.get_layer("conv_a").output)
    second = lapis.Model([a, b], model.get_tensor("encoder/conv_a", call=1))
    x, y = f32(1, 8, 8, 1, seed=1), f32(1, 8, 8, 1, seed=2)
    np.testing.assert_allclose(second([x, y]), encoder.get_layer("conv_a")(y), rtol=1e-6)


def test_batch_norm_inside_features_updates_once() -> None:
    i = lapis.Input((3,))
    inner = lapis.Model(i, layers.Dense(2)(layers.BatchNormalization(momentum=0.5, name="bn")(i)), name="inner")
    j = lapis.Input((3,))
    outer = lapis.Model(j, inner(j))
    features = lapis.Model(j, [inner.get_layer("bn").output, outer.output])
    features(np.full((4, 3), 2.0), training=True)
    np.testing.assert_allclose(inner.get_layer("bn").moving_mean, [1.0, 1.0, 1.0])


def test_shared_layer_has_no_single_output() -> None:
    dense = layers.Dense(2, name="twice")
    a, b = lapis.Input((3,)), lapis.Input((3,))
    dense(a)
    assert dense.output.shape == (None, 2) and dense.input is a
    dense(b)
    with pytest.raises(AttributeError, match=r"'twice' has been called 2 times"):
        _ = dense.output


def test_several_outputs_of_a_layer_are_a_list() -> None:
    for k in (lapis, keras):
        x = k.Input((4, 3))
        layer = k.layers.LSTM(2, return_state=True)
        layer(x)
        assert type(layer.output) is list and [tuple(y.shape) for y in layer.output] == [(None, 2)] * 3
        assert type(k.Model(x, layer.output).predict(np.zeros((1, 4, 3)), verbose=0)) is list


def test_model_from_the_middle() -> None:
    i = lapis.Input((4,))
    x = layers.Dense(3, name="first")(i)
    model = lapis.Model(x, layers.Dense(2, name="second")(x))
    assert [layer.name for layer in model.layers][1:] == ["second"] and model.input_shape == (None, 3)
    assert model(f32(2, 3)).shape == (2, 2)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda i: lapis.Model(np.ones(3), i), "must be symbolic tensors"),
        (lambda i: lapis.Model(i, np.ones(3)), "must be symbolic tensors"),
        (lambda i: lapis.Model([i, i], i), "may be given once"),
        (lambda i: lapis.Model(i, []), "at least one tensor"),
        (
            lambda i: lapis.Model(i, layers.Dense(1, name="same")(layers.Dense(1, name="same")(i))),
            "Two layers of the model are named 'same'",
        ),
    ],
)
def test_wrong_graphs(build, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(lapis.Input((3,), name="i"))


def test_get_layer_errors() -> None:
    model = _branched(lapis)
    assert model.get_layer(index=0) is model.layers[0]
    with pytest.raises(ValueError, match="no layer named 'nope'"):
        model.get_layer("nope")
    with pytest.raises(ValueError, match="no index 99"):
        model.get_layer(index=99)
    with pytest.raises(ValueError, match="either a name or an index"):
        model.get_layer()


@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: (x,)], ids=["list", "tuple"])
def test_a_list_of_one_gives_that_one(wrap) -> None:
    def make(k):
        x = k.Input((3,), name="x")
        return k.Model(wrap(x), wrap(k.layers.Dense(2, name="y")(x)))

    ours, theirs = make(lapis), make(keras)
    x, y = f32(8, 3), f32(8, 2)
    ours.set_weights([np.asarray(weight.value) for weight in theirs.weights])
    assert (ours.input_shape, ours.output_shape) == (theirs.input_shape, theirs.output_shape)
    assert type(ours(lapis.Input((3,)))) is type(theirs(keras.Input((3,))))
    for call in (lambda m: m(wrap(x)), lambda m: m.predict(wrap(x), verbose=0), lambda m: m.predict_on_batch(wrap(x))):
        assert np.shape(call(ours)) == np.shape(call(theirs)) == (8, 2)
        np.testing.assert_allclose(call(ours), call(theirs), atol=1e-5)
    for loss, metrics, targets in (("mse", ["mae"], y), (["mse"], [["mae"]], [y]), ({"y": "mse"}, {"y": ["mae"]}, y)):
        logs = []
        for model in (ours, theirs):
            model.compile("sgd", loss, metrics=metrics)
            logs.append(model.evaluate(wrap(x), targets, verbose=0, return_dict=True))
        assert list(logs[0]) == list(logs[1])
        np.testing.assert_allclose(list(logs[0].values()), list(logs[1].values()), rtol=1e-5)


def test_clone_model() -> None:
    for model in (_branched(lapis), _nested(lapis), lapis.Sequential([lapis.Input((3,)), layers.Dense(2)])):
        clone = lapis.models.clone_model(model)
        assert [w.shape for w in clone.weights] == [w.shape for w in model.weights]
        assert not {id(w) for w in clone.weights} & {id(w) for w in model.weights}
        assert clone.get_config() == model.get_config()
    made = []

    def widen(layer):
        made.append(layer.name)
        config = layer.get_config()
        if "units" in config:
            config["units"] += 1
        return type(layer).from_config(config)

    clone = lapis.models.clone_model(lapis.Sequential([lapis.Input((3,)), layers.Dense(2)]), clone_function=widen)
    assert clone.output_shape == (None, 3) and len(made) == 1
    i = lapis.Input((4,), name="fresh")
    clone = lapis.models.clone_model(_with_operations(lapis), input_tensors=i)
    assert clone.input_names == ["fresh"]


def test_subclass_and_functional_mix() -> None:
    functional = _encoder(lapis)

    class Outer(lapis.Model):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.encoder = functional
            self.head = layers.Dense(units)

        def call(self, x, training=False):
            return self.head(self.encoder(x))

    outer = Outer(name="outer")
    assert not outer.built
    data = f32(2, 8, 8, 1)
    assert outer(data).shape == (2, 3)
    assert [w.path for w in outer.weights][-2:] == ["outer/dense/kernel", "outer/dense/bias"]
    i = lapis.Input((8, 8, 1))
    model = lapis.Model(i, Outer(units=2)(i))
    assert model.output_shape == (None, 2)
    again = lapis.Model.from_config(model.get_config(), custom_objects={"Outer": Outer})
    assert again.output_shape == (None, 2)
    assert Outer.from_config(Outer(5).get_config()).head.units == 5


def test_subclass_that_hands_a_graph_to_super() -> None:
    class Net(lapis.Model):
        def __init__(self, width=4):
            i = lapis.Input((3,))
            super().__init__(i, layers.Dense(width)(i))

        def double(self):
            return self.output_shape[-1] * 2

    net = Net()
    assert isinstance(net, Net) and net.double() == 8 and net(f32(2, 3)).shape == (2, 4)


def test_state_is_fixed_after_build() -> None:
    class Late(layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(1,))

        def call(self, x):
            return x * self.w

    layer = Late()
    layer(np.ones((1, 1)))
    with pytest.raises(ValueError, match="has been built"):
        layer.add_weight(shape=(2,))
    with pytest.raises(ValueError, match="has been built"):
        layer.more = layers.Dense(1)

    class NoSuper(layers.Layer):
        def __init__(self):
            self.dense = layers.Dense(1)

    with pytest.raises(RuntimeError, match="super"):
        NoSuper()


def test_a_failed_build_leaves_nothing_behind() -> None:
    class Fragile(layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(shape[-1],), name="w")
            if shape[-1] == 3:
                raise ValueError("three is too many")

        def call(self, x):
            return x * self.w

    layer = Fragile()
    with pytest.raises(ValueError, match="too many"):
        layer(np.ones((1, 3)))
    assert layer.weights == [] and not layer.built
    layer(np.ones((1, 2)))
    assert [w.path for w in layer.weights] == ["fragile/w"]


def test_errors_in_a_model_s_call_come_through() -> None:
    class Broken(lapis.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x, y):
            return self.dense(x) + missing + y  # noqa: F821

    with pytest.raises(NameError, match="missing"):
        Broken()(np.ones((1, 2)), np.ones((1, 1)))


def test_tracking_in_containers_and_order() -> None:
    class Holder(layers.Layer):
        def __init__(self):
            super().__init__()
            self.blocks = [layers.Dense(2), layers.Dense(2)]
            self.named = {"x": layers.Dense(3)}
            self.blocks.append(layers.Dense(4))

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return self.named["x"](x)

    layer = Holder()
    layer(f32(1, 2))
    assert len(layer.weights) == 8 and len({w.path for w in layer.weights}) == 8
    layer.trainable = False
    assert layer.trainable_weights == [] and len(layer.non_trainable_weights) == 8


def test_two_variables_never_share_a_path() -> None:
    class Twins(layers.Layer):
        def build(self, shape):
            self.a = self.add_weight(shape=(1,), name="w")
            self.b = self.add_weight(shape=(1,), name="w")

    layer = Twins()
    layer.build((None, 1))
    assert [w.path for w in layer.weights] == ["twins/w", "twins/w_1"]


def test_call_arguments_pass_down_and_default() -> None:
    seen = []

    class Inner(layers.Layer):
        def call(self, x, training=None, scale=2.0):
            seen.append(training)
            return x * scale

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def call(self, x, training=None):
            return self.inner(x, scale=3.0)

    layer = Outer()
    np.testing.assert_array_equal(layer(np.ones((1, 1)), training=True), [[3.0]])
    assert seen[-1] is True
    layer(np.ones((1, 1)))
    assert not seen[-1]
    with pytest.raises(TypeError, match="unknown argument 'nope'"):
        layer(np.ones((1, 1)), nope=1)
    with pytest.raises(ValueError, match="only tensors as positional"):
        Inner()(np.ones((1, 1)), "text")


def test_add_loss_and_regularizers() -> None:
    class Penal(layers.Layer):
        def call(self, x):
            self.add_loss(ops.sum(x))
            return x

    i = lapis.Input((2,))
    model = lapis.Model(i, Penal()(layers.Dense(2, kernel_regularizer="l2", activity_regularizer="l1")(i)))
    model(np.ones((2, 2)))
    assert len(model.losses) == 3
    model(np.ones((2, 2)))
    assert len(model.losses) == 3
    _, _, losses = model.stateless_call(
        [v.value for v in model.trainable_variables], [], np.ones((2, 2)), return_losses=True
    )
    np.testing.assert_allclose(sorted(map(float, losses)), sorted(map(float, model.losses)), rtol=1e-6)


def test_deepcopy_and_custom_objects() -> None:
    model = _branched(lapis)
    twin = copy.deepcopy(model)
    data = [f32(2, 4), f32(2, 3)]
    np.testing.assert_array_equal(twin(data)["big"], model(data)["big"])
    twin.set_weights([w * 0 for w in twin.get_weights()])
    assert float(abs(model(data)["big"]).sum()) > 0

    class Odd(layers.Layer):
        def call(self, x):
            return x + 1

    i = lapis.Input((2,))
    custom = lapis.Model(i, Odd()(i))
    with pytest.raises(ValueError, match=r"'.*Odd'.*not known here"):
        lapis.Model.from_config(custom.get_config())
    with lapis.saving.custom_object_scope({"Odd": Odd}):
        assert lapis.Model.from_config(custom.get_config()).output_shape == (None, 2)


def test_float64_is_refused_rather_than_rounded() -> None:
    with pytest.raises(ValueError, match="JAX_ENABLE_X64"):
        layers.Dense(2, dtype="float64")(np.ones((1, 2)))


def test_masks_travel() -> None:
    class Eat(layers.Layer):
        def call(self, x):
            return ops.sum(x, axis=1)

    i = lapis.Input((None,))
    x = layers.Embedding(10, 4, mask_zero=True)(i)
    with pytest.warns(UserWarning, match="does not support masking"):
        Eat(name="eat")(x)
    model = lapis.Model(i, layers.LSTM(3)(layers.Dense(4)(x)))
    short, padded = np.array([[1, 2]]), np.array([[1, 2, 0, 0]])
    np.testing.assert_allclose(model(short), model(padded), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("call", ["__call__", "predict"])
@pytest.mark.parametrize(
    ("shape", "given"), [((6, 6, 1), (6, 6, 1)), ((6, 6, 3), (6, 6, 3)), ((6, 6, 3), (6, 6, 1, 3))]
)
def test_one_sample_without_a_batch_axis_is_told(call, shape, given):
    inputs = lapis.Input(shape)
    model = lapis.Model(inputs, lapis.layers.Flatten()(inputs))
    with pytest.raises(lapis.CheckError) as raised:
        getattr(model, call)(np.zeros(given, "float32"))
    assert ("needs an axis of batches: x[None]" in str(raised.value)) == (len(given) == 3)
