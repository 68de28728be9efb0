"""Operators and operations on symbolic tensors."""

import lapis as keras
from lapis import layers, ops

a = keras.Input((4, 3))
b = keras.Input((4, 3))
total = (a + b) * 2 - a / 3
power = -(total**2) + 1
part = power[:, 0]
product = ops.matmul(a, ops.transpose(b, (0, 2, 1)))
mean = ops.mean(product, axis=-1)
shape: tuple[int | None, ...] = total.shape
joined = layers.concatenate([a, b, total])
model = keras.Model([a, b], [layers.Dense(1)(joined), part, mean])
