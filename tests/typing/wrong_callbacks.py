"""Callbacks with what they do not take."""

import lapis as keras

keras.callbacks.EarlyStopping(patience="3")  # error: reportArgumentType
keras.callbacks.EarlyStopping(patince=3)  # error: reportCallIssue
keras.callbacks.ModelCheckpoint()  # error: reportCallIssue
keras.callbacks.EarlyStoping()  # error: reportAttributeAccessIssue
