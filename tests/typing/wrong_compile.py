"""compile with what it does not take."""

import lapis as keras

model = keras.Model(keras.Input((3,)), keras.Input((3,)))
model.compile(optimizer=3)  # error: reportArgumentType
model.compile("adam", loss=0.5)  # error: reportArgumentType
model.compile("adam", "mse", metrics="accuracy")  # error: reportArgumentType
model.compile("adam", "mse", metric=["accuracy"])  # error: reportCallIssue
model.compile("adam", "mse", run_eagerly="yes")  # error: reportArgumentType
model.compile("adam", "mse", steps_per_execution=[1])  # error: reportArgumentType
model.compiel("adam", "mse")  # error: reportAttributeAccessIssue
