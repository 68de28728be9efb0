"""Models for the tests of saving, each built from a namespace that is Lapis or real Keras."""

from typing import Any

import numpy as np

from lapis.core import nest
from tests.descriptors import f32, i32


def scaled_sum(k: Any) -> Any:
    """A registered layer with a weight, sublayers, and sublayers in containers."""

    @k.saving.register_keras_serializable("test_saving")
    class ScaledSum(k.layers.Layer):
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.inner = k.layers.Dense(units)
            self.branches = [k.layers.Dense(2), {"a": k.layers.Dense(2), "b": [k.layers.Dense(2)]}]

        def build(self, input_shape: Any) -> None:
            self.scale = self.add_weight(shape=(input_shape[-1],), name="scale")
            for layer in (self.inner, self.branches[0], self.branches[1]["a"], self.branches[1]["b"][0]):
                layer.build(input_shape)

        def call(self, x: Any) -> Any:
            total = sum(layer(x) for layer in (self.branches[0], self.branches[1]["a"], self.branches[1]["b"][0]))
            return self.inner(x * self.scale) + k.ops.sum(total, axis=-1, keepdims=True)

        def get_config(self) -> dict:
            return {**super().get_config(), "units": self.units}

    return ScaledSum


def subclassed(k: Any) -> Any:
    """A registered model whose attributes are not in the order of their names."""

    @k.saving.register_keras_serializable("test_saving")
    class Tower(k.Model):
        def __init__(self, width: int = 4, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.width = width
            self.zeta = k.layers.Dense(3)
            self.alpha = k.layers.Dense(width)
            self.norm = k.layers.BatchNormalization()
            self._hidden = k.layers.Dense(width)
            self.steps = [k.layers.Dense(width), k.layers.Dropout(0.5), k.layers.Dense(width)]

        def call(self, x: Any, training: bool = False) -> Any:
            x = self.norm(self.alpha(x), training=training)
            for step in self.steps:
                x = step(x)
            return self.zeta(self._hidden(x))

        def get_config(self) -> dict:
            return {**super().get_config(), "width": self.width}

    return Tower


def functional(k: Any) -> Any:
    x = k.Input((4,), name="x")
    y = k.layers.Dense(5, activation="relu", kernel_regularizer="l2", kernel_initializer="he_normal")(x)
    return k.Model(x, k.layers.Dense(2, activation="softmax")(y), name="plain")


def sequential(k: Any) -> Any:
    return k.Sequential([k.Input((4,)), k.layers.Dense(3, activation="relu"), k.layers.Dense(1)])


def deferred(k: Any) -> Any:
    model = k.Sequential([k.layers.Dense(3), k.layers.Dropout(0.2), k.layers.Dense(1)])
    model.build((None, 4))
    return model


def _inner(k: Any, name: str) -> Any:
    i = k.Input((4,))
    return k.Model(i, k.layers.Dense(4)(k.layers.Dense(3)(i)), name=name)


def nested(k: Any) -> Any:
    inner = _inner(k, "inner")
    deep = k.Sequential([k.Input((4,)), _inner(k, "innermost"), k.layers.Dense(4, use_bias=False)], name="deep")
    x = k.Input((4,))
    return k.Model(x, [deep(inner(x)), inner(x)], name="nested")


def shared_at_depths(k: Any) -> Any:
    inner = _inner(k, "inner")
    deep = k.Sequential([k.Input((4,)), inner, k.layers.Dense(4, use_bias=False)], name="deep")
    x = k.Input((4,))
    return k.Model(x, [deep(inner(x)), inner(x)], name="shared_at_depths")


def shared(k: Any) -> Any:
    dense = k.layers.Dense(4, name="both")
    i = k.Input((4,))
    inner = k.Model(i, dense(i), name="inner")
    x = k.Input((4,))
    return k.Model(x, inner(dense(dense(x))), name="shared")


def many_outputs(k: Any) -> Any:
    a, b = k.Input((4,), name="a"), k.Input((3,), name="b")
    h = k.layers.Concatenate()([k.layers.Dense(3)(a), b])
    outputs = {"left": k.layers.Dense(2, name="left")(h), "right": k.layers.Dense(1, name="right")(h)}
    return k.Model({"a": a, "b": b}, outputs, name="many")


def recurrent(k: Any) -> Any:
    x = k.Input((None,), dtype="int32")
    y = k.layers.Embedding(10, 4, mask_zero=True)(x)
    y = k.layers.Bidirectional(k.layers.LSTM(3, return_sequences=True))(y)
    y = k.layers.TimeDistributed(k.layers.Dense(3))(y)
    y = k.layers.RNN([k.layers.SimpleRNNCell(3), k.layers.GRUCell(2)])(y)
    return k.Model(x, y, name="recurrent")


def normalized(k: Any) -> Any:
    x = k.Input((8, 8, 2))
    y = k.layers.Conv2D(3, 3, padding="same")(x)
    y = k.layers.BatchNormalization(trainable=False)(y)
    y = k.layers.LeakyReLU(negative_slope=0.2)(y)
    y = k.layers.LayerNormalization()(k.layers.BatchNormalization()(y))
    y = k.layers.Dropout(0.5)(k.layers.GlobalAveragePooling2D()(y))
    return k.Model(x, k.layers.Dense(2)(y), name="normalized")


def with_operations(k: Any) -> Any:
    x, y = k.Input((4,)), k.Input((4,))
    z = k.layers.Dense(4)(x * 2 + k.ops.sum(y, axis=-1, keepdims=True)) / 3.0
    z = k.ops.concatenate([z[:, 1:3], 1.0 - k.ops.relu(y)], axis=-1)
    return k.Model([x, y], k.ops.reshape(z, (-1, 2, 3)) ** 2, name="operations")


def custom(k: Any) -> Any:
    x = k.Input((4,))
    return k.Model(x, k.layers.Dense(2)(scaled_sum(k)(5)(x)), name="custom")


def tower(k: Any) -> Any:
    model = subclassed(k)(5)
    model(np.zeros((1, 4), "float32"))
    return model


def half(k: Any) -> Any:
    x = k.Input((4,))
    y = k.layers.Dense(3, dtype="mixed_float16")(x)
    return k.Model(x, k.layers.Dense(2, dtype="bfloat16")(y), name="half")


X = f32(6, 4)
MODELS = {
    "functional": (functional, X),
    "sequential": (sequential, X),
    "deferred": (deferred, X),
    "nested": (nested, X),
    "shared": (shared, X),
    "shared_at_depths": (shared_at_depths, X),
    "many_outputs": (many_outputs, {"a": X, "b": f32(6, 3)}),
    "recurrent": (recurrent, i32(5, 6)),
    "normalized": (normalized, f32(3, 8, 8, 2)),
    "with_operations": (with_operations, [X, f32(6, 4, seed=1)]),
    "custom": (custom, X),
    "tower": (tower, X),
    "half": (half, X),
}


def randomize(model: Any, seed: int = 0) -> None:
    """Give every weight numbers of its own, the same in both libraries."""
    draw = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(draw.uniform(0.1, 0.9, tuple(weight.shape)).astype("float32"))


def outputs(model: Any, x: Any) -> list[np.ndarray]:
    """What a model of Lapis's gives for an input, flat."""
    return [np.asarray(leaf) for leaf in nest.flatten(model(x))]


def assert_same(a: Any, b: Any, x: Any) -> None:
    """Two models give the same, bit for bit."""
    for one, other in zip(outputs(a, x), outputs(b, x), strict=True):
        np.testing.assert_array_equal(one, other)
