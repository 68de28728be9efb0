"""A layer and a model of the user's own."""

from typing import Any

import lapis as keras
from lapis import layers, ops


class Scale(layers.Layer):
    def __init__(self, factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

    def call(self, x: Any) -> Any:
        return ops.multiply(x, self.scale) * self.factor

    def get_config(self) -> dict:
        return {**super().get_config(), "factor": self.factor}


class Classifier(keras.Model):
    def __init__(self, classes: int) -> None:
        super().__init__(name="classifier")
        self.scale = Scale(2.0, name="scale")
        self.top = layers.Dense(classes)

    def call(self, x: Any, training: bool | None = None) -> Any:
        return self.top(self.scale(x), training=training)


y = Scale(0.5, name="half", dtype="float16")(keras.Input((3,)))
model = Classifier(3)
model.compile(keras.optimizers.Adam(1e-3), keras.losses.MeanSquaredError())
size: int = y.ndim
