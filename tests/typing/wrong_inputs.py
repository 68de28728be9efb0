"""Inputs and models made of something else."""

import lapis as keras

keras.Input("784")  # error: reportArgumentType
keras.Input((3,), batch_size="8")  # error: reportArgumentType
keras.Input((3,), nmae="x")  # error: reportCallIssue
inputs = keras.Input((3,))
inputs.fit()  # error: reportAttributeAccessIssue
keras.Model(inputs, inputs, nme="model")  # error: reportCallIssue
keras.Model(3, inputs)  # error: reportArgumentType
keras.Sequential(3)  # error: reportArgumentType
keras.Sequential([]).add("dense")  # error: reportArgumentType
