"""Plans of models against hand counts, against one another, and in all the forms that they are shown in."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import lapis as keras
from benchmarks.planning import measure
from lapis import layers, ops
from lapis.kernels import available
from lapis.training.planning import largest_batch, parse_memory

BATCH = 16
TOLERANCE = 0.02


def dense(n: int, m: int, rows: int = 1) -> int:
    """Products and sums of a dense layer, without its bias."""
    return 2 * BATCH * rows * n * m


def conv(size: int, window: int, n: int, m: int) -> int:
    """Those of a convolution with `size * size` outputs."""
    return 2 * BATCH * size * size * window * window * n * m


def mlp() -> tuple:
    inputs = keras.Input((784,))
    x = layers.Dense(64, activation="relu")(inputs)
    x = layers.Dense(64, activation="relu")(x)
    first, rest = dense(784, 64), dense(64, 64) + dense(64, 10)
    # No gradient for the inputs.
    return keras.Model(inputs, layers.Dense(10)(x)), first + rest, first + 2 * rest


def toy_resnet() -> tuple:
    """The guide's."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(32, 3, activation="relu")(inputs)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    block = layers.MaxPooling2D(3)(x)
    for _ in range(2):
        x = layers.Conv2D(64, 3, activation="relu", padding="same")(block)
        x = layers.Conv2D(64, 3, activation="relu", padding="same")(x)
        block = layers.add([x, block])
    x = layers.Conv2D(64, 3, activation="relu")(block)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(layers.Dense(256, activation="relu")(x))
    first = conv(30, 3, 3, 32)
    rest = conv(28, 3, 32, 64) + 4 * conv(9, 3, 64, 64) + conv(7, 3, 64, 64) + dense(64, 256) + dense(256, 10)
    return keras.Model(inputs, layers.Dense(10)(x)), first + rest, first + 2 * rest


def lstm() -> tuple:
    steps, features, units = 40, 64, 128
    inputs = keras.Input((steps,), dtype="int32")
    x = layers.LSTM(units)(layers.Embedding(1000, features)(inputs))
    products = steps * (dense(features, 4 * units) + dense(units, 4 * units))
    # Four gates, and the cell: 4 additions for the input, 4 for the bias, 3 sigmoids, 2 tanh, 3 products, 1 sum.
    cell = BATCH * steps * units * 17
    forward = products + cell + dense(units, 2)
    return keras.Model(inputs, layers.Dense(2)(x)), forward, 2 * forward


def transformer() -> tuple:
    time, width, heads, depth, hidden = 64, 128, 4, 32, 512
    inputs = keras.Input((time, width))
    x = layers.LayerNormalization()(inputs)
    x = layers.add([inputs, layers.MultiHeadAttention(heads, depth)(x, x)])
    h = layers.Dense(hidden, activation="relu")(layers.LayerNormalization()(x))
    x = layers.add([x, layers.Dense(width)(h)])
    x = layers.GlobalAveragePooling1D()(x)
    weights = 4 * dense(width, heads * depth, time) + 2 * dense(width, hidden, time)
    scores = 2 * BATCH * heads * time * time * depth
    softmax = 4 * BATCH * heads * time * time
    norms = 2 * 8 * BATCH * time * width
    forward = weights + 2 * scores + softmax + norms + dense(width, 10)
    # The native gradient of attention computes the scores and their softmax once more.
    again = scores + softmax if available() else 0
    backward = 2 * weights + 4 * scores + softmax + 3 * norms + 2 * dense(width, 10) + again
    return keras.Model(inputs, layers.Dense(10)(x)), forward, backward


def vgg16() -> tuple:
    """Half as wide, for smaller images."""
    x = inputs = keras.Input((64, 64, 3))
    size, channels, products = 64, 3, []
    for filters, count in ((32, 2), (64, 2), (128, 3), (256, 3), (256, 3)):
        for _ in range(count):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            products.append(conv(size, 3, channels, filters))
            channels = filters
        x = layers.MaxPooling2D(2)(x)
        size //= 2
    x = layers.Flatten()(x)
    x = layers.Dense(512, activation="relu")(x)
    products += [dense(size * size * channels, 512), dense(512, 100)]
    return keras.Model(inputs, layers.Dense(100)(x)), sum(products), 2 * sum(products) - products[0]


def mobilenet() -> tuple:
    """Depthwise and pointwise convolutions, with strides and batch normalization."""
    x = inputs = keras.Input((64, 64, 3))
    x = layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False)(x)
    first = conv(32, 3, 3, 32)
    size, channels, rest, numbers = 32, 32, 0, 32 * 32 * 32
    for filters, stride in ((64, 1), (128, 2), (128, 1), (256, 2)):
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Conv2D(filters, 1, use_bias=False)(x)
        size //= stride
        rest += conv(size, 3, 1, channels) + conv(size, 1, channels, filters)
        numbers += size * size * (channels + filters)
        channels = filters
    x = layers.GlobalAveragePooling2D()(layers.BatchNormalization()(x))
    # Batch normalization is 3 operations on each number with given moments. In training the moments take 4 more, and
    # the gradient 9: two sums over rows (4), and a combination of three terms (5). A ReLU is one.
    model, products = keras.Model(inputs, layers.Dense(10)(x)), first + rest + dense(channels, 10)
    relu = numbers - size * size * channels
    return (
        model,
        products + BATCH * (3 * numbers + relu),
        2 * products - first + BATCH * 9 * numbers,
        BATCH * 4 * numbers,
    )


MODELS = {f.__name__: f for f in (mlp, toy_resnet, lstm, transformer, vgg16, mobilenet)}


def by_layer(plan, which: str) -> int:
    return sum(getattr(each, which) for each in plan.layers)


@pytest.mark.parametrize("name", MODELS)
def test_flops_are_those_of_a_hand_count(name: str) -> None:
    model, forward, backward, *more = MODELS[name]()
    plan = model.plan(BATCH, training=False, compiler=False)
    assert plan.total.flops_forward == pytest.approx(forward, rel=TOLERANCE)
    assert plan.total.flops_backward == 0
    assert plan.total.parameters == model.count_params()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    plan = model.plan(BATCH, compiler=False)
    assert by_layer(plan, "flops_forward") == pytest.approx(forward + sum(more), rel=TOLERANCE)
    assert by_layer(plan, "flops_backward") == pytest.approx(backward, rel=TOLERANCE)


def test_operations_of_the_optimizer() -> None:
    """Adam takes 12 for each weight: 3 and 4 for its means, 5 for the step (Kingma and Ba 2015); SGD takes 2."""
    model, *_ = mlp()
    rests = {}
    for optimizer in ("adam", "sgd"):
        model.compile(optimizer, "mse")
        rests[optimizer] = model.plan(BATCH, compiler=False).rest.flops
    assert rests["adam"] - rests["sgd"] == pytest.approx(10 * model.count_params(), rel=TOLERANCE)


def _loop(x):
    return ops.fori_loop(0, 7, lambda _, x: x * 2.0, x)


N = 24
COUNTS = {
    "matmul": (lambda x: ops.matmul(x, x), 2 * N**3),
    "einsum": (lambda x: ops.einsum("ij,kj->ik", x, x), 2 * N**3),
    "elementwise": (lambda x: ops.exp(x) * x + 1.0, 3 * N**2),
    "sum": (lambda x: ops.sum(x, axis=0), N**2),
    "moves": (lambda x: ops.concatenate([ops.transpose(x), ops.reshape(x, (N, N))]), 0),
    "comparisons": (lambda x: ops.where(x > 0, x, 0.0), 0),
    "whole numbers": (lambda x: ops.cast(ops.cast(x, "int32") * 3, "float32"), 0),
    "scan": (lambda x: ops.scan(lambda c, row: (c + row, None), x[0], x)[0], N * N),
    "loop": (_loop, 7 * N**2),
    "branches": (lambda x: ops.cond(ops.sum(x) > 0, lambda: x * x * x, lambda: x * x), 3 * N**2),
    "cholesky": (lambda x: ops.cholesky(x), N**3 / 3 + 2 * N**2),  # made symmetric first
    "fft": (lambda x: ops.fft((x, x))[0], 5 * N**2 * math.log2(N) + 2 * N**2),  # put together and taken apart
}


@pytest.mark.parametrize("name", COUNTS)
def test_operations_by_kind(name: str) -> None:
    function, expected = COUNTS[name]
    inputs = keras.Input(batch_shape=(N, N))
    plan = keras.Model(inputs, layers.Lambda(function)(inputs)).plan(N, training=False, compiler=False)
    assert plan.total.flops_forward == pytest.approx(expected, rel=0.01)


def test_figures_of_a_layer() -> None:
    """What a dense layer reads and writes, forward and backward, and what it keeps."""
    inputs = keras.Input((100,))
    hidden = layers.Dense(50, name="first")(inputs)
    model = keras.Model(inputs, layers.Dense(20, name="second")(hidden))
    model.compile("sgd", "mse")
    plan = model.plan(8, compiler=False)
    first, second = plan.layers
    x, w, b, y = (4 * n for n in (8 * 100, 100 * 50, 50, 8 * 50))
    assert (first.path, first.kind, first.output_shapes) == ("first", "Dense", ((8, 50),))
    assert (first.parameters, first.parameter_bytes) == (5050, 20200)
    assert first.activation_bytes == y  # the input of the second
    assert first.bytes_read == (x + w + b) + (y + x)  # backward the gradient of its output, and its input
    assert first.bytes_written == y + (w + b)
    v, c, z = 4 * 50 * 20, 4 * 20, 4 * 8 * 20
    assert second.activation_bytes == 0
    assert second.bytes_read == (y + v + c) + (z + y + v)
    assert second.bytes_written == z + (v + c + y)


def test_rows_follow_the_layers() -> None:
    """Layers of nested models have rows of their own, shared ones a single row, and frozen ones no gradient."""
    inner = keras.Sequential([keras.Input((8,)), layers.Dense(8, name="a")], name="inner")
    shared = layers.Dense(8, name="shared")
    inputs = keras.Input((8,))
    outputs = inner(shared(shared(inputs))) * 2.0
    model = keras.Model(inputs, outputs, name="outer")
    plan = model.plan(4, compiler=False)
    assert [(each.path, each.kind) for each in plan.layers] == [
        ("outer", "operations"),
        ("shared", "Dense"),
        ("inner/a", "Dense"),
    ]
    assert plan.layers[1].flops_forward == 2 * (2 * 4 * 8 * 8 + 4 * 8)
    assert plan.total.parameters == model.count_params() == 144
    shared.trainable = False
    frozen = model.plan(4, compiler=False).layers[1]
    assert frozen.flops_backward == 0 and frozen.parameters == 72


def test_what_is_computed_again_counts_again() -> None:
    inputs = keras.Input((8,))
    plans = []
    for mode in (None, "full"):
        with keras.RematScope(mode=mode):
            hidden = layers.Dense(64, activation="tanh")
        model = keras.Model(inputs, layers.Dense(8)(hidden(inputs)))
        model.compile("sgd", "mse")
        plans.append(model.plan(16, compiler=False).layers[0])
    kept, again = plans
    assert again.flops_forward == pytest.approx(kept.flops_forward, rel=0.1)
    assert again.flops_backward > kept.flops_backward + 2 * 16 * 8 * 64 - 1


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__(name="own")
        self.first, self.second = layers.Dense(8, name="first"), layers.Dense(3, name="second")

    def call(self, x):
        return self.second(self.first(x))


def test_subclassed_models() -> None:
    with pytest.raises(ValueError, match=r"'own' has no graph .* Pass input_shapes"):
        Subclassed().plan(16)
    plan = Subclassed().plan(16, training=False, input_shapes=(5,), compiler=False)
    assert [each.path for each in plan.layers] == ["first", "second"]
    assert plan.total.flops == 2 * 16 * (5 * 8 + 8 * 3) + 16 * (8 + 3)
    model = Subclassed()
    model(np.zeros((2, 5), "float32"))
    assert model.plan(16, training=False, compiler=False).layers == plan.layers


def test_half_precision_halves_activations() -> None:
    sizes = {}
    for policy in ("float32", "mixed_bfloat16"):
        inputs = keras.Input((64,))
        x = layers.Dense(64, dtype=policy)(inputs)
        model = keras.Model(inputs, layers.Dense(64, dtype=policy)(x))
        sizes[policy] = model.plan(128, training=False, compiler=False).layers[0].activation_bytes
    assert sizes["mixed_bfloat16"] * 2 == sizes["float32"]


def test_a_plan_changes_nothing() -> None:
    model, *_ = mlp()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    before, optimizer = [w.numpy() for w in model.weights], model.optimizer
    model.plan(BATCH)
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(before, model.weights, strict=True))
    assert model.optimizer is optimizer and not optimizer.built and not model._compile_loss.built
    assert model.train_function is None
    # One-hot targets, where the plan took class numbers.
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.plan(BATCH)
    model.fit(np.zeros((8, 784), "float32"), np.eye(10, dtype="float32")[:8], verbose=0)
    assert model.plan(BATCH).memory.state == sum(
        4 * math.prod(v.shape) for v in [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    )


def test_memory_is_that_of_what_fit_runs() -> None:
    """The state and two stacks of batches are known; what the program takes beside is more than one activation."""
    model, *_ = mlp()
    model.compile("sgd", "mse")
    memory = model.plan(4096).memory
    assert memory.batches == 2 * 4096 * (784 + 10) * 4
    assert memory.temporary > 2 * 4096 * 64 * 4
    assert memory.peak == memory.state + memory.batches + memory.outputs + memory.temporary
    assert model.plan(4096, training=False).memory.peak < memory.peak


MISTAKES = {
    "unknown sizes": (
        lambda: keras.Input((None, 3), name="text"),
        {},
        r"'text' .* Pass input_shapes=\{'text': \(64, 3\)\}",
    ),
    "another rank": (lambda: keras.Input((4, 3), name="text"), {"input_shapes": (3,)}, r"'text' .* Got \(3,\)"),
    "another size": (lambda: keras.Input((4, 3), name="text"), {"input_shapes": {"text": (5, 3)}}, "Got"),
    "unknown name": (lambda: keras.Input((4, 3), name="text"), {"input_shapes": {"txt": (4, 3)}}, r"\['txt'\]"),
    "fixed batch": (lambda: keras.Input(batch_shape=(8, 4, 3)), {}, "Pass batch_size=8"),
    "no batch": (lambda: keras.Input((4, 3)), {"batch_size": 0}, "batch_size is 0"),
    "strings": (lambda: keras.Input((), dtype="string"), {}, "runs on the host"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_say_what_to_do(name: str) -> None:
    make, options, message = MISTAKES[name]
    x = make()
    layer = layers.StringLookup(vocabulary=["a"]) if x.dtype == "string" else layers.Dense(2)
    with pytest.raises(ValueError, match=message):
        keras.Model(x, layer(x)).plan(**{"batch_size": 4, **options}, compiler=False)


def test_unknown_sizes_by_name() -> None:
    a, b = keras.Input((None,), name="a", dtype="int32"), keras.Input((7,), name="b")
    x = layers.concatenate([layers.LSTM(4)(layers.Embedding(9, 8)(a)), b])
    model = keras.Model([a, b], layers.Dense(1)(x))
    found = [model.plan(2, False, {"a": (steps,)}, compiler=False).layers[1].flops_forward for steps in (10, 20)]
    assert found[1] == pytest.approx(2 * found[0], rel=0.01)


def test_several_outputs() -> None:
    inputs = keras.Input((6,))
    outputs = {"kind": layers.Dense(5, name="kind")(inputs), "size": layers.Dense(1, name="size")(inputs)}
    model = keras.Model(inputs, outputs)
    model.compile("sgd", {"kind": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "size": "mse"})
    assert model.plan(4).memory.peak > 0
    assert model.plan(4, target_shapes={"kind": (1,), "size": (1,)}, compiler=False).total.flops > 0
    with pytest.raises(ValueError, match="has 2 outputs; got 1"):
        model.plan(4, target_shapes=[(1,)])


def test_json_table_and_chart(tmp_path) -> None:
    model, *_ = toy_resnet()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    plan = model.plan(4)
    found = json.loads(plan.to_json(indent=1))
    assert found["batch_size"] == 4 and found["training"] is True
    assert found["memory"]["peak"] == plan.memory.peak
    assert [each["path"] for each in found["layers"]] == [each.path for each in plan.layers]
    for field in ("flops_forward", "flops_backward", "parameters", "activation_bytes", "bytes_read", "bytes_written"):
        assert found["total"][field] == by_layer(plan, field) + found["rest"][field]
    table = str(plan)
    for each in plan.layers:
        assert f"{each.path} ({each.kind})" in table.replace("\n", " ") or each.path in table
    assert f"{plan.total.parameters:,}" in table and "Peak memory" in table
    plan.plot(tmp_path / "plan.svg")
    drawn = (tmp_path / "plan.svg").read_text()
    assert drawn.count("conv2d") == 7 and "backward" in drawn
    pytest.importorskip("PIL")
    plan.plot(tmp_path / "plan")
    assert (tmp_path / "plan.png").read_bytes().startswith(b"\x89PNG")


def test_largest_batch_of_a_model() -> None:
    model, *_ = mlp()
    model.compile("adam", "mse")
    budget = parse_memory("80MB")
    size = model.max_batch("80MB")
    assert 0.97 * budget < model.plan(size).memory.peak <= budget
    with pytest.raises(ValueError, match="A batch of one takes"):
        model.max_batch("100KB")


PEAKS = {
    "line": lambda batch: 10_000 + 7 * batch,
    "steps": lambda batch: 10_000 + 7 * -(-batch // 64) * 64,
    "bend": lambda batch: 10_000 + max(7 * batch, 12 * batch - 40_000),
    "flat at first": lambda batch: max(50_000, 11 * batch),
    "little": lambda batch: 90_000 * batch,
}


@pytest.mark.parametrize("name", PEAKS)
def test_largest_batch(name: str) -> None:
    peak, budget, asked = PEAKS[name], 1_000_000, []

    def ask(batch: int) -> int:
        asked.append(batch)
        return peak(batch)

    found = largest_batch(ask, budget)
    assert peak(found) <= budget and found in asked
    assert peak(found) >= 0.98 * budget or peak(found + 1) > budget
    assert len(asked) <= 8


@pytest.mark.parametrize("memory", ["16 apples", "GB", "", -1, 0, True, None])
def test_memory_that_is_none(memory) -> None:
    with pytest.raises(ValueError, match="expected a number of bytes"):
        parse_memory(memory)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the resident memory is read from /proc")
@pytest.mark.parametrize("training", [True, False], ids=["training", "prediction"])
@pytest.mark.parametrize("name, batch", [("mlp", 32768), ("toy_resnet", 1024), ("gru", 1024)])
def test_peak_memory_is_what_a_process_takes(name: str, batch: int, training: bool) -> None:
    found = measure(name, training, batch)
    assert found["predicted"] == pytest.approx(found["measured"], rel=0.15)
