"""Operations with what they do not take."""

import lapis as keras
from lapis import ops

x = keras.Input((3,))
ops.reshape(x)  # error: reportCallIssue
ops.one_hot(x)  # error: reportCallIssue
ops.concat([x, x])  # error: reportAttributeAccessIssue
ops.mean(x, axs=1)  # error: reportCallIssue
ops.sum(x, keepdims="yes")  # error: reportArgumentType
