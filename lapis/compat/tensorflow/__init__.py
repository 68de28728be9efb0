"""The part of the `tf` namespace that Keras programs touch, on Lapis; `tf.keras` is Lapis itself.

>>> import lapis.compat.tensorflow as tf
>>> tf.reduce_sum(tf.ones((2, 2)), axis=0).tolist()
[2.0, 2.0]
"""

import sys
from typing import Any

from lapis.compat.tensorflow import image as image
from lapis.compat.tensorflow import linalg as linalg
from lapis.compat.tensorflow import math as math
from lapis.compat.tensorflow import nn as nn
from lapis.compat.tensorflow import random as random
from lapis.compat.tensorflow.arithmetic import matmul as matmul
from lapis.compat.tensorflow.arithmetic import tensordot as tensordot
from lapis.compat.tensorflow.arithmetic import einsum as einsum
from lapis.compat.tensorflow.arithmetic import clip_by_value as clip_by_value
from lapis.compat.tensorflow.arithmetic import norm as norm
from lapis.compat.tensorflow.arithmetic import reduce_sum as reduce_sum
from lapis.compat.tensorflow.arithmetic import reduce_mean as reduce_mean
from lapis.compat.tensorflow.arithmetic import reduce_max as reduce_max
from lapis.compat.tensorflow.arithmetic import reduce_min as reduce_min
from lapis.compat.tensorflow.arithmetic import reduce_prod as reduce_prod
from lapis.compat.tensorflow.arithmetic import reduce_any as reduce_any
from lapis.compat.tensorflow.arithmetic import reduce_all as reduce_all
from lapis.compat.tensorflow.arithmetic import reduce_logsumexp as reduce_logsumexp
from lapis.compat.tensorflow.arithmetic import abs as abs
from lapis.compat.tensorflow.arithmetic import acos as acos
from lapis.compat.tensorflow.arithmetic import acosh as acosh
from lapis.compat.tensorflow.arithmetic import asin as asin
from lapis.compat.tensorflow.arithmetic import asinh as asinh
from lapis.compat.tensorflow.arithmetic import atan as atan
from lapis.compat.tensorflow.arithmetic import atanh as atanh
from lapis.compat.tensorflow.arithmetic import cos as cos
from lapis.compat.tensorflow.arithmetic import cosh as cosh
from lapis.compat.tensorflow.arithmetic import exp as exp
from lapis.compat.tensorflow.arithmetic import floor as floor
from lapis.compat.tensorflow.arithmetic import logical_not as logical_not
from lapis.compat.tensorflow.arithmetic import negative as negative
from lapis.compat.tensorflow.arithmetic import round as round
from lapis.compat.tensorflow.arithmetic import sigmoid as sigmoid
from lapis.compat.tensorflow.arithmetic import sign as sign
from lapis.compat.tensorflow.arithmetic import sin as sin
from lapis.compat.tensorflow.arithmetic import sinh as sinh
from lapis.compat.tensorflow.arithmetic import sqrt as sqrt
from lapis.compat.tensorflow.arithmetic import square as square
from lapis.compat.tensorflow.arithmetic import tan as tan
from lapis.compat.tensorflow.arithmetic import tanh as tanh
from lapis.compat.tensorflow.arithmetic import add as add
from lapis.compat.tensorflow.arithmetic import divide as divide
from lapis.compat.tensorflow.arithmetic import equal as equal
from lapis.compat.tensorflow.arithmetic import greater as greater
from lapis.compat.tensorflow.arithmetic import greater_equal as greater_equal
from lapis.compat.tensorflow.arithmetic import less as less
from lapis.compat.tensorflow.arithmetic import less_equal as less_equal
from lapis.compat.tensorflow.arithmetic import logical_and as logical_and
from lapis.compat.tensorflow.arithmetic import logical_or as logical_or
from lapis.compat.tensorflow.arithmetic import logical_xor as logical_xor
from lapis.compat.tensorflow.arithmetic import maximum as maximum
from lapis.compat.tensorflow.arithmetic import minimum as minimum
from lapis.compat.tensorflow.arithmetic import multiply as multiply
from lapis.compat.tensorflow.arithmetic import not_equal as not_equal
from lapis.compat.tensorflow.arithmetic import pow as pow
from lapis.compat.tensorflow.arithmetic import subtract as subtract
from lapis.compat.tensorflow.arithmetic import truediv as truediv
from lapis.compat.tensorflow.arithmetic import add_n as add_n
from lapis.compat.tensorflow.arithmetic import cumsum as cumsum
from lapis.compat.tensorflow.arithmetic import squared_difference as squared_difference
from lapis.compat.tensorflow.arithmetic import atan2 as atan2
from lapis.compat.tensorflow.arrays import Tensor as Tensor
from lapis.compat.tensorflow.arrays import TensorShape as TensorShape
from lapis.compat.tensorflow.arrays import Variable as Variable
from lapis.compat.tensorflow.arrays import constant as constant
from lapis.compat.tensorflow.arrays import convert_to_tensor as convert_to_tensor
from lapis.compat.tensorflow.arrays import zeros as zeros
from lapis.compat.tensorflow.arrays import ones as ones
from lapis.compat.tensorflow.arrays import fill as fill
from lapis.compat.tensorflow.arrays import zeros_like as zeros_like
from lapis.compat.tensorflow.arrays import ones_like as ones_like
from lapis.compat.tensorflow.arrays import eye as eye
from lapis.compat.tensorflow.arrays import range as range
from lapis.compat.tensorflow.arrays import linspace as linspace
from lapis.compat.tensorflow.arrays import one_hot as one_hot
from lapis.compat.tensorflow.arrays import cast as cast
from lapis.compat.tensorflow.arrays import shape as shape
from lapis.compat.tensorflow.arrays import rank as rank
from lapis.compat.tensorflow.arrays import size as size
from lapis.compat.tensorflow.arrays import identity as identity
from lapis.compat.tensorflow.arrays import reshape as reshape
from lapis.compat.tensorflow.arrays import expand_dims as expand_dims
from lapis.compat.tensorflow.arrays import squeeze as squeeze
from lapis.compat.tensorflow.arrays import transpose as transpose
from lapis.compat.tensorflow.arrays import concat as concat
from lapis.compat.tensorflow.arrays import stack as stack
from lapis.compat.tensorflow.arrays import unstack as unstack
from lapis.compat.tensorflow.arrays import split as split
from lapis.compat.tensorflow.arrays import tile as tile
from lapis.compat.tensorflow.arrays import repeat as repeat
from lapis.compat.tensorflow.arrays import pad as pad
from lapis.compat.tensorflow.arrays import reverse as reverse
from lapis.compat.tensorflow.arrays import roll as roll
from lapis.compat.tensorflow.arrays import gather as gather
from lapis.compat.tensorflow.arrays import where as where
from lapis.compat.tensorflow.arrays import boolean_mask as boolean_mask
from lapis.compat.tensorflow.arrays import sort as sort
from lapis.compat.tensorflow.arrays import argsort as argsort
from lapis.compat.tensorflow.arrays import argmax as argmax
from lapis.compat.tensorflow.arrays import argmin as argmin
from lapis.compat.tensorflow.arrays import is_tensor as is_tensor
from lapis.compat.tensorflow.arrays import stop_gradient as stop_gradient
from lapis.compat.tensorflow.arrays import function as function
from lapis.compat.tensorflow.arrays import executing_eagerly as executing_eagerly
from lapis.compat.tensorflow.dtypes import NAMES as _DTYPES
from lapis.compat.tensorflow.dtypes import DType as DType
from lapis.compat.tensorflow.dtypes import as_dtype as as_dtype
from lapis.compat.tensorflow.refusals import refusal as _refusal
from lapis.compat.tensorflow.masks import broadcast_to as broadcast_to
from lapis.compat.tensorflow.masks import sequence_mask as sequence_mask
from lapis.core.version import VERSION as _VERSION

__version__ = f"2.0.0+lapis.{_VERSION}"
newaxis = None
globals().update(_DTYPES)
_OF_KERAS = ("initializers", "losses", "metrics", "optimizers")  # TensorFlow has them under `tf` too


def __getattr__(name: str) -> Any:
    if name == "keras":
        return sys.modules["lapis"]
    if name in _OF_KERAS:
        return getattr(sys.modules["lapis"], name)
    raise _refusal("tf", name, globals())
