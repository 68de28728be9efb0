"""Optimizers, losses and metrics with what they do not take."""

import lapis as keras

keras.optimizers.Adam("fast")  # error: reportArgumentType
keras.optimizers.Adam(lr=0.1)  # error: reportCallIssue
keras.optimizers.SGD(0.1, nesterov="yes")  # error: reportArgumentType
keras.losses.MeanSquaredError(3)  # error: reportArgumentType
keras.losses.CategoricalCrossentropy(from_logits="yes")  # error: reportArgumentType
keras.metrics.Mean(name=3)  # error: reportArgumentType
keras.optimizers.Adm()  # error: reportAttributeAccessIssue
