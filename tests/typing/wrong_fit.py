"""fit with what it does not take, and results taken for something else."""

import numpy as np

import lapis as keras

model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
x, y = np.zeros((4, 3)), np.zeros((4, 1))
model.fit(x, y, epochs="3")  # error: reportArgumentType
model.fit(x, y, epoch=3)  # error: reportCallIssue
model.fit(x, y, batch_size=0.5)  # error: reportArgumentType
model.fit(x, y, validation_split="half")  # error: reportArgumentType
model.fit(x, y, callbacks=3)  # error: reportArgumentType
history = model.fit(x, y)
history.historie["loss"]  # error: reportAttributeAccessIssue
history.history[0]  # error: reportArgumentType
history["loss"]  # error: reportIndexIssue
