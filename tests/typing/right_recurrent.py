"""Recurrent layers with states, embeddings, several inputs and outputs."""

import lapis as keras
from lapis import layers

words = keras.Input((None,), dtype="int32")
x = layers.Embedding(1000, 16, mask_zero=True)(words)
x, hidden, cell = layers.LSTM(8, return_sequences=True, return_state=True)(x)
x = layers.Bidirectional(layers.GRU(4))(x)
x = layers.concatenate([x, hidden, cell])
one, two = layers.Dense(1, name="one")(x), layers.Dense(2, name="two")(x)
model = keras.Model(inputs={"words": words}, outputs={"one": one, "two": two})
model.compile("adam", loss={"one": "mse", "two": "mae"}, loss_weights={"one": 1.0, "two": 0.2})
