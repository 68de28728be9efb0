"""Plans of models against hand counts, against one another, and in all the forms that they are shown in."""

import json
import math

import numpy as np
import pytest

import lapis as keras
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
    return model, products + BATCH * (3 * numbers + relu), 2 * products - first + BATCH * 9 * numbers, BATCH * 4 * numbers


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
    assert plan.total.flops == pytest.approx(forward + sum(more) + backward, rel=TOLERANCE)
