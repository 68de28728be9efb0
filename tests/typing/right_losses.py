"""Losses, metrics, initializers, constraints, by name, function and object."""

from typing import Any

import numpy as np

import lapis as keras
from lapis import ops


def loss(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


class Largest(keras.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return ops.max(ops.abs(y_true - y_pred), axis=-1)


inputs = keras.Input((3,))
dense = keras.layers.Dense(
    2,
    activation=lambda x: ops.tanh(x),
    kernel_initializer=keras.initializers.HeNormal(seed=1),
    bias_initializer="zeros",
    kernel_constraint=keras.constraints.MaxNorm(2.0),
    activity_regularizer="l2",
)
model = keras.Model(inputs, dense(inputs))
for one in (loss, Largest(), "mse", None):
    model.compile("adam", one)
metric = keras.metrics.Mean(name="m")
metric.update_state([1.0, 2.0], sample_weight=np.ones(2))
value = float(metric.result())
