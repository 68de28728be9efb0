"""Layers made with arguments of another kind."""

import lapis as keras
from lapis import layers

layers.Dense("64")  # error: reportArgumentType
layers.Dense(64, activation=3)  # error: reportArgumentType
layers.Dense(64, use_bias="no", name="a")  # error: reportArgumentType
layers.Dense(64, activation_fn="relu")  # error: reportCallIssue
layers.Dense()  # error: reportCallIssue
layers.Dropout("half")  # error: reportArgumentType
layers.Conv2D(8, "3")  # error: reportArgumentType
layers.Conv2D(8)  # error: reportCallIssue
layers.LSTM("8")  # error: reportArgumentType
layers.Embedding(10)  # error: reportCallIssue
layers.LSTM(8, return_sequence=True)  # error: reportCallIssue
layers.Embedding(10, 4, mask_zeros=True)  # error: reportCallIssue
keras.layers.Dense(2, name=5)  # error: reportArgumentType
keras.layers.Dence(2)  # error: reportAttributeAccessIssue
