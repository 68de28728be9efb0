"""A functional model: graph, training, history, prediction."""

import numpy as np

import lapis as keras
from lapis import layers

inputs = keras.Input(shape=(784,), name="img")
x = layers.Dense(64, activation="relu")(inputs)
x = layers.Dropout(0.5)(x)
outputs = layers.Dense(10, activation="softmax", name="digits", dtype="float32")(x)
model = keras.Model(inputs, outputs, name="mnist")
model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(np.zeros((8, 784)), np.zeros(8), batch_size=4, epochs=2, validation_split=0.5, verbose=0)
losses: list[float] = history.history["loss"]
last = losses[-1] + 1.0
prediction: np.ndarray = model.predict(np.zeros((2, 784)))
model.summary()
sizes = [x.shape[-1] for x in model.inputs], model.output_names, model.output_shape
model.save("model.keras")
weights = [weight.shape for weight in model.get_weights()]
names: list[str] = [layer.name for layer in model.layers]
