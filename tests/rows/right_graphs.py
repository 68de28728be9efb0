"""Programs that are right, in which the checks of graphs and settings find nothing."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import lapis
from lapis import callbacks, layers, ops
from lapis.training.checks import Subject
from tests.rows.graph_mistakes import (
    about,
    base,
    data,
    embedded,
    embedding_of,
    fixed_batch,
    frozen_between_fits,
    holding,
    in_list,
    initialized,
    large_numbers,
    mixed,
    normalized,
    of,
    regression,
    stacked,
    watching,
)


class Right(NamedTuple):
    """`make()` gives what is checked; nothing is found."""

    label: str
    make: Callable[[], Subject]


def carried_by_operators() -> Subject:
    i, x = embedded()
    positions = layers.Embedding(6, 8)(ops.arange(6))
    return about(i, layers.LSTM(3)(ops.relu(x * 2.0 + positions)[:, 1:]), "check")


def decoder_after_an_encoding() -> Subject:
    i, x = embedded()
    code = layers.LSTM(4)(x)
    return about(i, layers.LSTM(4, return_sequences=True)(layers.RepeatVector(5)(code)), "check")


def mean_over_unmasked_time() -> Subject:
    i, x = embedded()
    return about(i, layers.Dense(1)(ops.mean(x, axis=1)), "check")


def masked_attention() -> Subject:
    i, x = embedded()
    x = x + layers.MultiHeadAttention(2, 4)(x, x)
    x = layers.LayerNormalization()(x)
    return about(i, layers.Dense(1)(layers.GlobalAveragePooling1D()(x)), "check")


def extractor() -> Subject:
    x = lapis.Input((4,))
    h = layers.Dense(3)(x)
    lapis.Model(x, layers.Dense(7)(h))  # nobody keeps it
    return about(x, h)


def siamese() -> Subject:
    a, b = lapis.Input((4,)), lapis.Input((4,))
    tower = layers.Dense(3, name="tower")
    return about([a, b], layers.Dense(1)(layers.Subtract()([tower(a), tower(b)])))


def weight_tied_blocks() -> Subject:
    x = lapis.Input((4,))
    inner = lapis.Input((4,))
    block = lapis.Model(inner, inner + layers.Dense(4)(layers.Dense(4, "relu")(inner)))
    h = x
    for _ in range(3):
        h = block(h)
    return about(x, layers.Dense(1)(h))


def under_a_head(made: Any) -> Subject:
    """A frozen model of images under a new head."""
    made.trainable = False
    x = lapis.Input((32, 32, 3))
    h = layers.GlobalAveragePooling2D()(made(x, training=False))
    return about(x, layers.Dense(2)(h))


def vgg16() -> Any:
    return lapis.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))


def mobile_net() -> Any:
    """MobileNetV2 at a quarter of its width, with the squeezing and the swish of EfficientNet."""

    def normalized(x: Any, activation: Any = "swish") -> Any:
        x = layers.BatchNormalization()(x)
        return layers.Activation(activation)(x) if activation else x

    def squeezed(x: Any) -> Any:
        channels = x.shape[-1]
        s = layers.Reshape((1, 1, channels))(layers.GlobalAveragePooling2D()(x))
        s = layers.Conv2D(max(channels // 24, 1), 1, activation="swish")(s)
        return layers.Multiply()([x, layers.Conv2D(channels, 1, activation="sigmoid")(s)])

    i = lapis.Input((32, 32, 3))
    x = normalized(layers.Conv2D(8, 3, 2, padding="same", use_bias=False)(layers.Rescaling(1 / 255)(i)))
    plan = ((1, 4, 1, 1), (6, 6, 2, 2), (6, 8, 3, 2), (6, 16, 4, 2), (6, 24, 3, 1), (6, 40, 3, 2), (6, 80, 1, 1))
    for expansion, channels, count, stride in plan:
        for index in range(count):
            h = normalized(layers.Conv2D(expansion * x.shape[-1], 1, use_bias=False)(x)) if expansion > 1 else x
            strides = stride if index == 0 else 1
            h = squeezed(normalized(layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(h)))
            h = normalized(layers.Conv2D(channels, 1, use_bias=False)(h), None)
            x = layers.Add()([x, layers.Dropout(0.1)(h)]) if h.shape == x.shape else h
    return lapis.Model(i, normalized(layers.Conv2D(320, 1, use_bias=False)(x)))


def mobile_net_alone() -> Subject:
    model = mobile_net()
    x = lapis.Input((32, 32, 3))
    head = layers.Dense(2, "softmax")(layers.GlobalAveragePooling2D()(model(x)))
    return about(x, head, loss="sparse_categorical_crossentropy")


def with_autoencoder(encoder_alone: bool) -> Subject:
    x = lapis.Input((4,))
    code = layers.Dense(2)(x)
    auto = lapis.Model(x, layers.Dense(4)(code))
    encoder = lapis.Model(x, code)
    return of(encoder if encoder_alone else auto, "evaluate" if encoder_alone else "fit")


def generator_and_critic() -> Subject:
    z = lapis.Input((4,))
    critic = lapis.Sequential([lapis.Input((3,)), layers.Dense(1)])
    critic.trainable = False
    generator = lapis.Sequential([lapis.Input((4,)), layers.Dense(3)])
    return about(z, critic(generator(z)))


def fine_tuned() -> Subject:
    model = base(True)
    for layer in model.layers[:-1]:
        layer.trainable = isinstance(layer, layers.Conv2D)
    model.layers[2].set_weights([np.full(2, 0.5)] * 4)
    x = lapis.Input((4, 4, 3))
    return about(x, layers.Dense(1)(layers.Flatten()(model(x, training=False))))


def frozen_and_compiled_again() -> Subject:
    subject = frozen_between_fits()
    subject.model.compile("sgd", "mse")
    subject.model.make_train_function()
    return subject


def grown() -> Subject:
    model = lapis.Sequential([lapis.Input((4,))])
    model.add(layers.Dense(3, "relu"))
    model.add(layers.BatchNormalization())
    model.add(layers.Dropout(0.2))
    model.add(layers.Dense(1))
    return of(model, **data(20, 8, 4), batch_size=8, steps_per_epoch=3)


def built_on_a_batch() -> Subject:
    model = lapis.Sequential([layers.Dense(1)])
    model(np.ones((8, 4), "float32"))
    return of(model, **data(32, 16, 4), batch_size=16)


def straight_through() -> Subject:
    x = lapis.Input((4,))
    h = layers.Dense(3)(x)
    return about(x, layers.Dense(1)(h + ops.stop_gradient(ops.round(h) - h)))


def monte_carlo_dropout() -> Subject:
    x = lapis.Input((4,))
    return about(x, layers.Dense(1)(layers.Dropout(0.5)(layers.Dense(3)(x), training=True)))


def residual() -> Subject:
    x = lapis.Input((4, 4, 2))
    h = layers.BatchNormalization()(layers.Conv2D(2, 3, padding="same", use_bias=False)(x))
    h = layers.ReLU()(h + x)
    return about(x, layers.Dense(1)(layers.GlobalAveragePooling2D()(h)))


def one_loss_of_two() -> Subject:
    x = lapis.Input((4,))
    return about(x, [layers.Dense(1, name="a")(x), layers.Dense(1, name="b")(x)], loss={"a": "mse", "b": None})


def two_outputs() -> Subject:
    x = lapis.Input((4,))
    a, b = layers.Dense(1, name="a")(x), layers.Dense(1, name="b")(x)
    watched = [callbacks.EarlyStopping(name, mode="min") for name in ("val_a_loss", "b_mae", "val_loss", "a_mae")]
    return about(x, [a, b], metrics={"a": ["mae"], "b": ["mae"]}, callbacks=watched, validates=True)


def custom_log() -> Subject:
    class Adds(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["f1"] = 1.0

    return regression(callbacks=[Adds(), callbacks.EarlyStopping("f1", mode="max")])


def padded_transformer() -> Subject:
    i, x = embedded()
    x = x + layers.Embedding(6, 8)(ops.arange(6))
    h = layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)
    x = layers.LayerNormalization()(x + h)
    return about(i, layers.Dense(10, "softmax")(x), "check", loss="sparse_categorical_crossentropy")


def attention_by_hand() -> Subject:
    i, x = embedded()
    scores = layers.Dense(8)(x) @ ops.transpose(layers.Dense(8)(x), (0, 2, 1)) / 8.0**0.5
    blocked = ops.cast(ops.equal(i, 0), "float32")[:, None, :] * -1e9
    h = layers.Softmax()(scores + blocked) @ layers.Dense(8)(x)
    return about(i, layers.Dense(1)(layers.Flatten()(h)), "check")


class Residual(layers.Layer):
    """A block that projects its input where widths differ."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.units, self.dense, self.project = units, layers.Dense(units), layers.Dense(units)

    def call(self, x: Any) -> Any:
        return self.dense(x) + (x if x.shape[-1] == self.units else self.project(x))


def with_blocks(widths: list[int]) -> Subject:
    x = lapis.Input((4,))
    h = x
    for units in widths:
        h = Residual(units)(h)
    return about(x, layers.Dense(1)(h))


RIGHT = [
    Right("a small regression", regression),
    Right("a sequential model", grown),
    Right("a sequential model built on a batch", built_on_a_batch),
    Right("a mask through operators and slices", carried_by_operators),
    Right("a decoder after an encoding", decoder_after_an_encoding),
    Right("a mean over time of one's own", mean_over_unmasked_time),
    Right("self-attention with a mask", masked_attention),
    Right("attention by hand", attention_by_hand),
    Right("a transformer with padding", padded_transformer),
    Right("a frozen base with training=False", lambda: normalized(base(False), training=False)),
    Right("a base that trains", lambda: normalized(base(True))),
    Right("fine tuning with frozen, trained normalization", fine_tuned),
    Right("normalization frozen and compiled again", frozen_and_compiled_again),
    Right("dropout in predictions", monte_carlo_dropout),
    Right("a siamese network", siamese),
    Right("blocks that share their weights", weight_tied_blocks),
    Right("an autoencoder", lambda: with_autoencoder(False)),
    Right("its encoder alone", lambda: with_autoencoder(True)),
    Right("a feature extractor whose model is gone", extractor),
    Right("a generator under a frozen critic", generator_and_critic),
    Right("mixed precision with a float32 head", lambda: mixed("head", "float32")),
    Right("mixed bfloat16 with a float32 head", lambda: mixed("head", "float32", policy="mixed_bfloat16")),
    Right("a residual block", residual),
    Right("a straight-through estimate", straight_through),
    Right("a subclass that calls its layers", lambda: holding(True)),
    Right("a block that needs no projection", lambda: with_blocks([4, 4])),
    Right("a block that needs one", lambda: with_blocks([3, 4])),
    Right("a list of three layers", lambda: in_list([layers.Dense(4) for _ in range(3)])),
    Right("a stack of two cells", lambda: stacked([layers.LSTMCell(4), layers.LSTMCell(4)])),
    Right("two initializers", lambda: initialized("he_normal", "he_normal")),
    Right("states in order", lambda: fixed_batch(stateful=True, size=8, shuffle=False)),
    Right("an output that has no loss on purpose", one_loss_of_two),
    Right("monitors of two outputs", two_outputs),
    Right("a log of the user's own", custom_log),
    Right(
        "a learning rate in a file's name", lambda: watching(callbacks.ModelCheckpoint("{epoch}-{learning_rate}.keras"))
    ),
    Right(
        "a checkpoint that saves every epoch", lambda: watching(callbacks.ModelCheckpoint("{epoch}-{mae:.2f}.keras"))
    ),
    Right("ids as float32", lambda: embedding_of(1000, "float32")),
    Right("times as integers", lambda: large_numbers("int32")),
    Right("VGG16 under a new head", lambda: under_a_head(vgg16())),
    Right("a mobile network", mobile_net_alone),
    Right("a mobile network under a new head", lambda: under_a_head(mobile_net())),
]
