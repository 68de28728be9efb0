"""What layers give is a tensor, not a layer, a model or an array."""

import lapis as keras
from lapis import layers

inputs = keras.Input((3,))
x = layers.Dense(3)(inputs)
x.units  # error: reportAttributeAccessIssue
x.numpy()  # error: reportAttributeAccessIssue
layers.Dense(3).kernal  # error: reportAttributeAccessIssue
model = keras.Model(inputs, x)
model.layer[0]  # error: reportAttributeAccessIssue
model.get_layer(index="first")  # error: reportArgumentType
count: str = model.count_params()  # error: reportAssignmentType
