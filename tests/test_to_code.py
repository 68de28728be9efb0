"""A model's hash, and the Python that makes a model of equal hash again."""

import ast
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lapis
from lapis import layers
from tests.descriptors import LAYER_FAMILIES, Row, rows
from tests.nested_models import MAKERS, four_levels, many_outputs, shared_layers, stack_of_models
from tests.oracle import keras


def _again(model: Any, **supplied: Any) -> Any:
    """The model that the code of a model makes."""
    scope = dict(supplied)
    exec(compile(model.to_code(), "<code>", "exec"), scope)
    return scope["model"]


def _first_model() -> Any:
    i = lapis.Input((784,), name="img")
    x = layers.Dense(64, activation="relu")(layers.Dense(64, activation="relu")(i))
    return lapis.Model(i, layers.Dense(10, activation="softmax")(x), name="my_first_model")


def _encoder(i: Any) -> Any:
    x = layers.Conv2D(16, 3, activation="relu")(i)
    x = layers.MaxPooling2D(3)(layers.Conv2D(32, 3, activation="relu")(x))
    x = layers.Conv2D(16, 3, activation="relu")(layers.Conv2D(32, 3, activation="relu")(x))
    return layers.GlobalMaxPooling2D()(x)


def _decoder(i: Any) -> Any:
    x = layers.Conv2DTranspose(16, 3, activation="relu")(layers.Reshape((4, 4, 1))(i))
    x = layers.UpSampling2D(3)(layers.Conv2DTranspose(32, 3, activation="relu")(x))
    return layers.Conv2DTranspose(1, 3, activation="relu")(layers.Conv2DTranspose(16, 3, activation="relu")(x))


def _one_graph() -> Any:
    i = lapis.Input((28, 28, 1), name="img")
    return lapis.Model(i, _decoder(_encoder(i)), name="autoencoder")


def _models_as_layers() -> Any:
    a, b, i = lapis.Input((28, 28, 1), name="original_img"), lapis.Input((16,)), lapis.Input((28, 28, 1), name="img")
    encoder, decoder = lapis.Model(a, _encoder(a), name="encoder"), lapis.Model(b, _decoder(b), name="decoder")
    return lapis.Model(i, decoder(encoder(i)), name="autoencoder")


def _ensemble() -> Any:
    def member() -> Any:
        i = lapis.Input((128,))
        return lapis.Model(i, layers.Dense(1, activation="sigmoid")(i))

    i = lapis.Input((128,))
    return lapis.Model(i, layers.average([member()(i) for _ in range(3)]))


def _many_inputs() -> Any:
    title, body, tags = (
        lapis.Input((None,), name="title"),
        lapis.Input((None,), name="body"),
        lapis.Input((12,), name="tags"),
    )
    a = layers.LSTM(128)(layers.Embedding(10000, 64)(title))
    b = layers.LSTM(32)(layers.Embedding(10000, 64)(body))
    x = layers.concatenate([a, b, tags])
    outputs = [layers.Dense(1, "sigmoid", name="priority")(x), layers.Dense(4, "softmax", name="department")(x)]
    model = lapis.Model([title, body, tags], outputs)
    losses = {"priority": "binary_crossentropy", "department": "categorical_crossentropy"}
    model.compile(lapis.optimizers.RMSprop(1e-3), losses, loss_weights=[1.0, 0.2])
    return model


def _toy_resnet() -> Any:
    i = lapis.Input((32, 32, 3), name="img")
    block = layers.MaxPooling2D(3)(layers.Conv2D(64, 3, activation="relu")(layers.Conv2D(32, 3, activation="relu")(i)))
    for _ in range(2):
        x = layers.Conv2D(64, 3, activation="relu", padding="same")(block)
        block = layers.add([layers.Conv2D(64, 3, activation="relu", padding="same")(x), block])
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(64, 3, activation="relu")(block))
    x = layers.Dropout(0.5)(layers.Dense(256, activation="relu")(x))
    return lapis.Model(i, layers.Dense(10, activation="softmax")(x), name="toy_resnet")


def _shared_embedding() -> Any:
    shared, a, b = layers.Embedding(1000, 128), lapis.Input((None,), dtype="int32"), lapis.Input((None,), dtype="int32")
    return lapis.Model([a, b], [shared(a), shared(b)])


def _vgg_features() -> Any:
    vgg = lapis.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    return lapis.Model(vgg.input, [layer.output for layer in vgg.layers])


class Half(layers.Layer):
    """A layer of the user's, with arguments of its own."""

    def __init__(self, units: int, shift: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.shift = units, shift

    def build(self, shape: Any) -> None:
        self.w = self.add_weight(shape=(shape[-1], self.units))

    def call(self, x: Any) -> Any:
        return x @ self.w / 2 + self.shift


def _custom_layer() -> Any:
    i = lapis.Input(batch_shape=(16, 10, 5))
    return lapis.Model(i, Half(3, shift=0.5)(layers.Conv1D(32, 3)(i)))


def _frozen_and_mixed() -> Any:
    policy = lapis.DTypePolicy("mixed_bfloat16")
    first = layers.Dense(4, dtype=policy, kernel_regularizer="l2", kernel_constraint=lapis.constraints.MaxNorm(3))
    model = lapis.Sequential([lapis.Input((3,), batch_size=2), first, layers.Dense(2, bias_initializer="ones")])
    model.trainable = False
    return model


def _features() -> Any:
    return four_levels().features(["enc/seq/block/c1", "enc/seq:1/block/add", "enc/seq:1/block", "**/gap"])


MODELS = (
    _first_model, _one_graph, _models_as_layers, _ensemble, _many_inputs, _toy_resnet, _shared_embedding, _vgg_features,
    _custom_layer, _frozen_and_mixed, _features, *MAKERS,
)  # fmt: skip


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__.strip("_"))
def test_the_code_makes_a_model_of_equal_hash(make: Any) -> None:
    model = make()
    code = model.to_code()
    new = _again(model)
    assert new.graph_hash() == model.graph_hash() == make().graph_hash()
    assert [w.shape for w in new.weights] == [w.shape for w in model.weights]
    assert len(new.trainable_weights) == len(model.trainable_weights)
    assert max(map(len, code.splitlines())) <= 140
    assert new.compiled == model.compiled


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNetV2", "ResNet50", "EfficientNetB0", "DenseNet121"])
def test_the_code_of_published_architectures(name: str) -> None:
    theirs = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=10)
    model = lapis.models.model_from_json(theirs.to_json())
    assert _again(model).graph_hash() == model.graph_hash()


def _model_of(row: Row) -> Any:
    """A model of a row's layer alone."""

    def one(array: Any) -> Any:
        return lapis.Input(array.shape[1:], dtype=str(array.dtype))

    inputs = lapis.tree.map_structure(one, list(row.inputs))
    return lapis.Model(inputs, row.make(lapis)(*inputs, **row.kwargs))


@pytest.mark.parametrize("family", LAYER_FAMILIES)
def test_the_code_of_every_layer(family: str) -> None:
    wrong, checked = [], 0
    for row in rows(family):
        try:
            model, twin = _model_of(row), _model_of(row)
            same = model.graph_hash() == twin.graph_hash()
        except Exception:  # rows that make no model: of arrays without a batch, or without a config
            continue
        checked += 1
        if not same or _again(model).graph_hash() != model.graph_hash():
            wrong.append(row.name)
    assert not wrong and checked >= len(rows(family)) * 0.75 - 1


_CHANGES = [
    lambda: layers.Dense(4),
    lambda: layers.Dense(3, "relu"),
    lambda: layers.Dense(3, use_bias=False),
    lambda: layers.Dense(3, name="mine"),
    lambda: layers.Dense(3, trainable=False),
    lambda: layers.Dense(3, dtype="mixed_bfloat16"),
    lambda: layers.Dense(3, kernel_initializer=lapis.initializers.HeNormal(seed=1)),
    lambda: layers.EinsumDense("ab,bc->ac", 3),
    lambda: layers.Lambda(lambda x: x[:, :3]),
    lambda: layers.Lambda(lambda x: x[:, 1:]),
]


def _around(layer: Any) -> Any:
    i = lapis.Input((4,))
    return lapis.Model(i, lapis.ops.tanh(layer(i)))


def test_hashes_tell_models_apart() -> None:
    hashes = [_around(make()).graph_hash() for make in (lambda: layers.Dense(3), *_CHANGES)]
    assert len(set(hashes)) == len(hashes) and all(len(h) == 64 for h in hashes)
    assert hashes == [_around(make()).graph_hash() for make in (lambda: layers.Dense(3), *_CHANGES)]


def test_hashes_see_sharing_order_and_arguments() -> None:
    i = lapis.Input((4,))
    d, e = layers.Dense(4), layers.Dense(4)
    a, b = layers.Dense(2)(i), layers.Dense(2)(i)
    made = [
        d(d(i)),
        e(d(i)),
        d(i) - i,
        i - d(i),
        d(i)[:, 1:],
        d(i)[:, :3],
        d(i)[:, [1, 2]],
        d(i)[1, 2],
        d(i) * 2,
        d(i) * 2.5,
    ]
    models = [*(lapis.Model(i, x) for x in made), lapis.Model(i, [a, b]), lapis.Model(i, {"a": a, "b": b})]
    hashes = [model.graph_hash() for model in models]
    assert len(set(hashes)) == len(hashes)


def test_hashes_do_not_depend_on_weights_training_or_process(tmp_path: Any) -> None:
    model = stack_of_models()
    before = model.graph_hash()
    model.compile("adam", "mse")
    model.fit(np.ones((4, 6), "float32"), np.ones((4, 3), "float32"), verbose=0)
    assert model.graph_hash() == before
    model.save(tmp_path / "m.keras")
    assert lapis.models.load_model(tmp_path / "m.keras").graph_hash() == before
    program = "from tests.nested_models import *\n[m() for m in MAKERS]\nprint(*[m().graph_hash() for m in MAKERS])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [make().graph_hash() for make in MAKERS]


def test_the_code_reads_well() -> None:
    code = shared_layers().to_code()
    assert (
        code
        == """\
import lapis
from lapis import layers, ops

i = lapis.Input((4,), name="i")
first = layers.Dense(4, activation="tanh", name="first")(i)
dense = layers.Dense(4)
dense_output = dense(first)
twice = lapis.Model(i, dense_output, name="twice")

a = lapis.Input((4,), name="a")
b = lapis.Input((4,), name="b")
twice_output = twice(a)
dense_output_2 = dense(twice_output)
twice_output_2 = twice(b)
subtract = twice_output_2 - a
dense_output_3 = dense(subtract)
both = layers.Concatenate(name="both")([dense_output_2, dense_output_3])
sum_2 = ops.sum(both, axis=-1)
model = lapis.Model([a, b], {"sum": sum_2, "all": both}, name="shared")
"""
    )


def test_the_code_compiles_the_model_as_it_was() -> None:
    model = _many_inputs()
    schedule = lapis.optimizers.schedules.ExponentialDecay(1e-3, 100, 0.9)
    metrics = [["accuracy"], [lapis.metrics.TopKCategoricalAccuracy(k=2, name="top")]]
    losses = [lapis.losses.BinaryCrossentropy(label_smoothing=0.1), "categorical_crossentropy"]
    model.compile(lapis.optimizers.AdamW(schedule, weight_decay=1e-3), losses, metrics=metrics, steps_per_execution=4)
    new = _again(model)

    def known(config: Any) -> Any:
        return {**config, "optimizer": {**config["optimizer"], "config": {**config["optimizer"]["config"], "name": ""}}}

    assert known(new.get_compile_config()) == known(model.get_compile_config())
    assert "optimizers.schedules.ExponentialDecay(0.001, 100, 0.9)" in model.to_code()


def test_what_has_to_be_supplied_is_named() -> None:
    i = lapis.Input((3,))

    class Local(layers.Layer):
        def call(self, x: Any) -> Any:
            return x + 1.0

    twice, more = (lambda x: x * 2.0), (lambda x: x + 2.0)
    model = lapis.Model(i, layers.Lambda(more)(layers.Lambda(twice)(Local()(i))))
    heads = [line.split()[2] for line in model.to_code().splitlines() if line.startswith("# Needs")]
    assert heads == ["Local,", "nameless_function,", "nameless_function_2,"]
    new = _again(model, Local=Local, nameless_function=twice, nameless_function_2=more)
    assert new.graph_hash() == model.graph_hash()
    assert "from tests.test_to_code import Half" in _custom_layer().to_code()


def test_a_layer_that_cannot_be_written_is_named() -> None:
    class Closed(layers.Layer):
        def __init__(self, thing: Any) -> None:
            super().__init__(name="closed")
            self.thing = thing

        def call(self, x: Any) -> Any:
            return x

    model = lapis.Sequential([lapis.Input((3,)), Closed(object())])
    for method in (model.graph_hash, model.to_code):
        with pytest.raises(ValueError, match=r"'closed' \(Closed\) cannot be written as plain data"):
            method()


def test_names_that_would_hide_others_are_changed() -> None:
    i = lapis.Input((3,), name="lapis")
    x = layers.Dense(3, name="layers")(i)
    x = layers.Dense(3, name="class")(layers.Dense(3, name="2nd")(x))
    model = lapis.Model(i, layers.Dense(3, name="a-b.c")(x), name="model")
    ast.parse(model.to_code())
    assert _again(model).graph_hash() == model.graph_hash()
    assert _again(model).get_layer("a-b.c").name == "a-b.c"


_UNARY = (
    lambda x: -x, lambda x: x[:, ::-1], lapis.ops.relu, lambda x: lapis.ops.sum(x, axis=-1, keepdims=True) + x,
    lambda x: 1.0 - x, lambda x: x**2, lambda x: lapis.ops.where(x > 0, x, 0.1 * x),
)  # fmt: skip
_BINARY = (
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lapis.ops.maximum, lambda a, b: layers.Add()([a, b]),
    lambda a, b: layers.Dense(4)(lapis.ops.concatenate([a, b], axis=-1)), lambda a, b: layers.Average()([a, b]),
)  # fmt: skip


def _graph(draw: Any, depth: int = 2) -> Any:
    """A random graph on tensors of four numbers: new and shared layers, nested models and stacks, functions."""
    inputs = [lapis.Input((4,)) for _ in range(draw(st.integers(1, 2)))]
    tensors, shared = list(inputs), [layers.Dense(4, draw(st.sampled_from([None, "tanh"])))]
    for _ in range(draw(st.integers(1, 6))):
        x, y = draw(st.sampled_from(tensors)), draw(st.sampled_from(tensors))
        kind = draw(st.sampled_from(["new", "shared", "unary", "binary", "nested"]))
        if kind == "nested" and depth:
            model = _graph(draw, depth - 1)
            shared.append(model) if len(model.inputs) == 1 and len(model.outputs) == 1 else None
            out = model([x, y][: len(model.inputs)] if len(model.inputs) > 1 else x)
            tensors += lapis.tree.flatten(out)
        elif kind == "shared":
            tensors.append(draw(st.sampled_from(shared))(x))
        elif kind == "unary":
            tensors.append(draw(st.sampled_from(_UNARY))(x))
        elif kind == "binary":
            tensors.append(draw(st.sampled_from(_BINARY))(x, y))
        else:
            tensors.append(layers.Dense(4, use_bias=draw(st.booleans()))(x))
    if depth < 2 and draw(st.booleans()):
        stack = [layers.Dense(4) for _ in range(draw(st.integers(1, 3)))]
        return lapis.Sequential([lapis.Input((4,)), *stack])
    outputs = draw(st.lists(st.sampled_from(tensors), min_size=1, max_size=2, unique_by=id))
    return lapis.Model(inputs, outputs if len(outputs) > 1 else outputs[0])


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_random_graphs(data: Any) -> None:
    model = _graph(data.draw)
    known = model.graph_hash()
    assert _again(model).graph_hash() == known
    editor = model.edit()
    assert editor.build().graph_hash() == known and len(editor.report.kept) == len(model.weights)
    assert type(model).from_config(model.get_config()).graph_hash() == known
    paths = [place.path for place in model.find("**")]
    assert len(paths) == len(set(paths))
    x = [np.ones((2, 4), "float32") for _ in model.inputs]
    features = model.features(paths[-1])(x if len(x) > 1 else x[0])
    assert list(features) == [paths[-1]]


def test_many_outputs_are_written_by_their_place() -> None:
    code = many_outputs().to_code()
    assert "get_item = drop[:, 0, 1:]" in code and "get_item_1 = each[..., -1, :]" in code
    assert "(lstm[0], initial_state=[lstm[1], lstm[2]])" in code and "power = 2.0 ** lstm[1]" in code
