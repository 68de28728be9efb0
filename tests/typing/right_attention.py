"""A block of a transformer, with calls by several arguments."""

import lapis as keras
from lapis import layers


def block(x: keras.KerasTensor, heads: int, width: int) -> keras.KerasTensor:
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    y = layers.MultiHeadAttention(heads, width // heads, dropout=0.1)(y, y, use_causal_mask=True)
    x = layers.add([x, y])
    y = layers.Dense(4 * width, activation="gelu")(layers.LayerNormalization()(x))
    return layers.Add()([x, layers.Dense(width)(y)])


inputs = keras.Input((16, 32))
x = inputs
for _ in range(2):
    x = block(x, heads=4, width=32)
model = keras.Model(inputs, layers.GlobalAveragePooling1D()(x))
model.trainable = False
inner = keras.Model(model.input, model.get_layer("dense").output)
