"""Saving and plots with what they do not take."""

import lapis as keras

model = keras.Sequential([keras.layers.Dense(1)])
model.save()  # error: reportCallIssue
keras.models.load_model()  # error: reportCallIssue
model.summary(line_length="wide")  # error: reportArgumentType
keras.utils.set_random_seed("one")  # error: reportArgumentType
keras.config.set_epsilon("small")  # error: reportArgumentType
