"""The models in Keras's functional API: one text for Lapis and for Keras on each of its engines.

`k` is the namespace, `lapis` or `keras`. Sizes are arguments so that a test can build each model small.
"""

from typing import Any

from benchmarks.data import CLASSES, WORDS


def mlp(k: Any, width: int = 64) -> Any:
    """The guide's first model."""
    inputs = k.Input((784,), name="img")
    x = k.layers.Dense(width, activation="relu")(inputs)
    x = k.layers.Dense(width, activation="relu")(x)
    return k.Model(inputs, k.layers.Dense(CLASSES, activation="softmax", name="digit")(x), name="mlp")


def toy_resnet(k: Any, width: int = 32) -> Any:
    """The guide's toy ResNet."""
    layers = k.layers
    inputs = k.Input((32, 32, 3), name="img")
    x = layers.Conv2D(width, 3, activation="relu")(inputs)
    x = layers.Conv2D(2 * width, 3, activation="relu")(x)
    x = layers.MaxPooling2D(3)(x)
    for _ in range(2):
        y = layers.Conv2D(2 * width, 3, activation="relu", padding="same")(x)
        y = layers.Conv2D(2 * width, 3, activation="relu", padding="same")(y)
        x = layers.add([y, x])
    x = layers.Conv2D(2 * width, 3, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(layers.Dense(256, activation="relu")(x))
    return k.Model(inputs, layers.Dense(CLASSES, activation="softmax", name="object")(x), name="toy_resnet")


def lstm(k: Any, width: int = 32, title: int | None = None, body: int | None = None) -> Any:
    """The guide's model of two texts and tags; lengths of the texts are open unless given."""
    layers = k.layers
    titles, bodies = k.Input((title,), name="title"), k.Input((body,), name="body")
    tags = k.Input((12,), name="tags")
    x = layers.LSTM(4 * width)(layers.Embedding(WORDS, 2 * width)(titles))
    y = layers.LSTM(width)(layers.Embedding(WORDS, 2 * width)(bodies))
    x = layers.concatenate([x, y, tags])
    priority = layers.Dense(1, activation="sigmoid", name="priority")(x)
    department = layers.Dense(4, activation="softmax", name="department")(x)
    return k.Model([titles, bodies, tags], [priority, department], name="lstm")


def autoencoder(k: Any, width: int = 16) -> Any:
    """The guide's autoencoder, encoder and decoder in one graph."""
    layers = k.layers
    inputs = k.Input((28, 28, 1), name="img")
    x = layers.Conv2D(width, 3, activation="relu")(inputs)
    x = layers.Conv2D(2 * width, 3, activation="relu")(x)
    x = layers.MaxPooling2D(3)(x)
    x = layers.Conv2D(2 * width, 3, activation="relu")(x)
    x = layers.Conv2D(16, 3, activation="relu")(x)
    x = layers.Reshape((4, 4, 1))(layers.GlobalMaxPooling2D()(x))
    x = layers.Conv2DTranspose(width, 3, activation="relu")(x)
    x = layers.Conv2DTranspose(2 * width, 3, activation="relu")(x)
    x = layers.UpSampling2D(3)(x)
    x = layers.Conv2DTranspose(width, 3, activation="relu")(x)
    return k.Model(inputs, layers.Conv2DTranspose(1, 3, activation="relu", name="copy")(x), name="autoencoder")


def transformer(k: Any, width: int = 128, blocks: int = 4, heads: int = 4, length: int = 128) -> Any:
    """A text classifier of pre-norm encoder blocks (https://arxiv.org/abs/2002.04745), learned positions."""
    layers = k.layers

    class Positions(layers.Layer):
        """Adds a learned vector to each place."""

        def build(self, shape: Any) -> None:
            self.table = self.add_weight(shape=shape[1:], initializer="random_normal", name="table")
            self.built = True

        def call(self, x: Any) -> Any:
            return x + self.table

    inputs = k.Input((length,), dtype="int32", name="words")
    x = Positions()(layers.Embedding(WORDS, width)(inputs))
    for _ in range(blocks):
        y = layers.LayerNormalization(epsilon=1e-5)(x)
        x = layers.add([x, layers.MultiHeadAttention(heads, width // heads)(y, y)])
        y = layers.LayerNormalization(epsilon=1e-5)(x)
        y = layers.Dense(width)(layers.Dense(4 * width, activation="relu")(y))
        x = layers.add([x, y])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-5)(x))
    return k.Model(inputs, layers.Dense(CLASSES, activation="softmax", name="topic")(x), name="transformer")


def gru(k: Any, width: int = 128, length: int | None = None) -> Any:
    """Embedding, GRU, one probability."""
    inputs = k.Input((length,), name="words")
    x = k.layers.GRU(width)(k.layers.Embedding(WORDS, width // 2)(inputs))
    return k.Model(inputs, k.layers.Dense(1, activation="sigmoid", name="mood")(x), name="gru")


RESNET_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))


def resnet50(k: Any, size: int = 64, classes: int = CLASSES, stages: Any = RESNET_STAGES) -> Any:
    """He et al., 2015 (https://arxiv.org/abs/1512.03385), table 1; a stage's stride is in its first 1x1 convolution."""
    layers = k.layers

    def normal(x: Any, filters: int, kernel: int, stride: int = 1, padding: str = "same") -> Any:
        return layers.BatchNormalization()(layers.Conv2D(filters, kernel, strides=stride, padding=padding)(x))

    def block(x: Any, filters: int, stride: int, widen: bool) -> Any:
        shortcut = normal(x, 4 * filters, 1, stride) if widen else x
        x = layers.ReLU()(normal(x, filters, 1, stride))
        x = layers.ReLU()(normal(x, filters, 3))
        return layers.ReLU()(layers.add([normal(x, 4 * filters, 1), shortcut]))

    inputs = k.Input((size, size, 3), name="img")
    x = layers.ReLU()(normal(layers.ZeroPadding2D(3)(inputs), stages[0][0], 7, 2, "valid"))
    x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(x))
    for filters, blocks, stride in stages:
        for number in range(blocks):
            x = block(x, filters, 1 if number else stride, not number)
    x = layers.GlobalAveragePooling2D()(x)
    return k.Model(inputs, layers.Dense(classes, activation="softmax", name="object")(x), name="resnet50")


# Expansion, channels out, blocks, first stride.
MOBILE_STAGES = ((1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 3, 2), (6, 96, 2, 1), (6, 160, 2, 2))


def mobilenet(k: Any, stages: Any = MOBILE_STAGES) -> Any:
    """Inverted residuals with depthwise convolutions (https://arxiv.org/abs/1801.04381), cut to 32x32 pictures."""
    layers = k.layers

    def normal(x: Any, six: bool = True) -> Any:
        x = layers.BatchNormalization()(x)
        return layers.ReLU(6.0)(x) if six else x

    def block(x: Any, expansion: int, filters: int, stride: int) -> Any:
        channels = x.shape[-1]
        y = normal(layers.Conv2D(expansion * channels, 1, use_bias=False)(x)) if expansion > 1 else x
        y = layers.ZeroPadding2D(1)(y)
        y = normal(layers.DepthwiseConv2D(3, strides=stride, use_bias=False)(y))
        y = normal(layers.Conv2D(filters, 1, use_bias=False)(y), six=False)
        return layers.add([x, y]) if stride == 1 and channels == filters else y

    inputs = k.Input((32, 32, 3), name="img")
    x = normal(layers.Conv2D(32, 3, padding="same", use_bias=False)(inputs))
    for expansion, filters, blocks, stride in stages:
        for number in range(blocks):
            x = block(x, expansion, filters, 1 if number else stride)
    x = normal(layers.Conv2D(4 * x.shape[-1], 1, use_bias=False)(x))
    x = layers.GlobalAveragePooling2D()(x)
    return k.Model(inputs, layers.Dense(CLASSES, activation="softmax", name="object")(x), name="mobilenet")


MODELS = {
    "mlp": mlp,
    "toy_resnet": toy_resnet,
    "lstm": lstm,
    "autoencoder": autoencoder,
    "transformer": transformer,
    "gru": gru,
    "resnet50": resnet50,
    "mobilenet": mobilenet,
}
