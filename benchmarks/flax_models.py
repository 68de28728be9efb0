"""The same models as a Flax NNX user writes them: logits out, pictures channel last."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from benchmarks.data import CLASSES, WORDS
from benchmarks.keras_models import MOBILE_STAGES, RESNET_STAGES

Make = dict[str, Any]  # the random streams and the dtype that every layer is given


class Mlp(nnx.Module):
    def __init__(self, make: Make) -> None:
        self.first, self.second = nnx.Linear(784, 64, **make), nnx.Linear(64, 64, **make)
        self.last = nnx.Linear(64, CLASSES, **make)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.last(nnx.relu(self.second(nnx.relu(self.first(x)))))


def _conv(inputs: int, outputs: int, make: Make, padding: str = "VALID") -> nnx.Conv:
    return nnx.Conv(inputs, outputs, (3, 3), padding=padding, **make)


class ToyResNet(nnx.Module):
    def __init__(self, make: Make) -> None:
        self.one, self.two = _conv(3, 32, make), _conv(32, 64, make)
        self.same = nnx.List([_conv(64, 64, make, "SAME") for _ in range(4)])
        self.three = _conv(64, 64, make)
        self.hidden, self.last = nnx.Linear(64, 256, **make), nnx.Linear(256, CLASSES, **make)
        self.dropout = nnx.Dropout(0.5, rngs=make["rngs"])

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.two(nnx.relu(self.one(x))))
        x = nnx.max_pool(x, (3, 3), (3, 3))
        for first, second in (self.same[:2], self.same[2:]):
            x = x + nnx.relu(second(nnx.relu(first(x))))
        x = nnx.relu(self.three(x)).mean((1, 2))
        return self.last(self.dropout(nnx.relu(self.hidden(x))))


class TwoTexts(nnx.Module):
    def __init__(self, make: Make) -> None:
        self.title, self.body = nnx.Embed(WORDS, 64, **make), nnx.Embed(WORDS, 64, **make)
        self.title_lstm = nnx.RNN(nnx.OptimizedLSTMCell(64, 128, **make))
        self.body_lstm = nnx.RNN(nnx.OptimizedLSTMCell(64, 32, **make))
        self.priority, self.department = nnx.Linear(172, 1, **make), nnx.Linear(172, 4, **make)

    def __call__(self, title: jax.Array, body: jax.Array, tags: jax.Array) -> tuple[jax.Array, jax.Array]:
        x, y = self.title_lstm(self.title(title))[:, -1], self.body_lstm(self.body(body))[:, -1]
        features = jnp.concatenate([x, y, tags], 1)
        return self.priority(features), self.department(features)


class Autoencoder(nnx.Module):
    def __init__(self, make: Make) -> None:
        self.down = nnx.List([_conv(*sizes, make) for sizes in ((1, 16), (16, 32), (32, 32), (32, 16))])
        up = ((1, 16), (16, 32), (32, 16), (16, 1))
        self.up = nnx.List([nnx.ConvTranspose(*sizes, (3, 3), padding="VALID", **make) for sizes in up])

    def __call__(self, x: jax.Array) -> jax.Array:
        for number, layer in enumerate(self.down):
            x = nnx.relu(layer(x))
            x = nnx.max_pool(x, (3, 3), (3, 3)) if number == 1 else x
        x = x.max((1, 2)).reshape(-1, 4, 4, 1)
        for number, layer in enumerate(self.up):
            x = nnx.relu(layer(x))
            x = x.repeat(3, 1).repeat(3, 2) if number == 1 else x
        return x


class Block(nnx.Module):
    def __init__(self, make: Make) -> None:
        self.norm, self.second_norm = (nnx.LayerNorm(128, epsilon=1e-5, **make) for _ in range(2))
        self.attention = nnx.MultiHeadAttention(4, 128, decode=False, **make)
        self.widen, self.narrow = nnx.Linear(128, 512, **make), nnx.Linear(512, 128, **make)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = x + self.attention(self.norm(x))
        return x + self.narrow(nnx.relu(self.widen(self.second_norm(x))))


class Transformer(nnx.Module):
    def __init__(self, make: Make) -> None:
        self.words = nnx.Embed(WORDS, 128, **make)
        self.places = nnx.Param(0.05 * jax.random.normal(make["rngs"].params(), (128, 128)))
        self.blocks = nnx.List([Block(make) for _ in range(4)])
        self.norm, self.head = nnx.LayerNorm(128, epsilon=1e-5, **make), nnx.Linear(128, CLASSES, **make)

    def __call__(self, words: jax.Array) -> jax.Array:
        x = self.words(words)
        x = x + self.places[...].astype(x.dtype)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(1))


class TextGru(nnx.Module):
    def __init__(self, make: Make) -> None:
        self.words, self.gru = nnx.Embed(WORDS, 64, **make), nnx.RNN(nnx.GRUCell(64, 128, **make))
        self.head = nnx.Linear(128, 1, **make)

    def __call__(self, words: jax.Array) -> jax.Array:
        return self.head(self.gru(self.words(words))[:, -1])


class Normal(nnx.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, make: Make, stride: int = 1, **more: Any) -> None:
        padding = kernel // 2
        self.conv = nnx.Conv(inputs, outputs, (kernel, kernel), stride, padding=padding, **more, **make)
        self.norm = nnx.BatchNorm(outputs, **make)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.norm(self.conv(x))


class Bottleneck(nnx.Module):
    def __init__(self, inputs: int, filters: int, stride: int, make: Make) -> None:
        self.widen = None if inputs == 4 * filters else Normal(inputs, 4 * filters, 1, make, stride)
        self.one = Normal(inputs, filters, 1, make, stride)
        self.two, self.three = Normal(filters, filters, 3, make), Normal(filters, 4 * filters, 1, make)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = self.three(nnx.relu(self.two(nnx.relu(self.one(x)))))
        return nnx.relu(y + (x if self.widen is None else self.widen(x)))


class ResNet50(nnx.Module):
    def __init__(self, make: Make, classes: int = CLASSES) -> None:
        self.stem = Normal(3, 64, 7, make, 2)
        blocks, inputs = [], 64
        for filters, count, stride in RESNET_STAGES:
            for number in range(count):
                blocks.append(Bottleneck(inputs, filters, 1 if number else stride, make))
                inputs = 4 * filters
        self.blocks = nnx.List(blocks)
        self.head = nnx.Linear(inputs, classes, **make)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.max_pool(nnx.relu(self.stem(x)), (3, 3), (2, 2), padding=((1, 1), (1, 1)))
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean((1, 2)))


class InvertedResidual(nnx.Module):
    def __init__(self, inputs: int, expansion: int, outputs: int, stride: int, make: Make) -> None:
        width = expansion * inputs
        self.widen = Normal(inputs, width, 1, make, use_bias=False) if expansion > 1 else None
        self.depth = Normal(width, width, 3, make, stride, feature_group_count=width, use_bias=False)
        self.narrow = Normal(width, outputs, 1, make, use_bias=False)
        self.add = stride == 1 and inputs == outputs

    def __call__(self, x: jax.Array) -> jax.Array:
        y = x if self.widen is None else nnx.relu6(self.widen(x))
        y = self.narrow(nnx.relu6(self.depth(y)))
        return x + y if self.add else y


class MobileNet(nnx.Module):
    def __init__(self, make: Make) -> None:
        self.stem = Normal(3, 32, 3, make, use_bias=False)
        blocks, inputs = [], 32
        for expansion, outputs, count, stride in MOBILE_STAGES:
            for number in range(count):
                blocks.append(InvertedResidual(inputs, expansion, outputs, 1 if number else stride, make))
                inputs = outputs
        self.blocks = nnx.List(blocks)
        self.last = Normal(inputs, 4 * inputs, 1, make, use_bias=False)
        self.head = nnx.Linear(4 * inputs, CLASSES, **make)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu6(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return self.head(nnx.relu6(self.last(x)).mean((1, 2)))


MODELS = {
    "mlp": Mlp,
    "toy_resnet": ToyResNet,
    "lstm": TwoTexts,
    "autoencoder": Autoencoder,
    "transformer": Transformer,
    "gru": TextGru,
    "resnet50": ResNet50,
    "mobilenet": MobileNet,
}
