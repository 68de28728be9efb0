"""`tf.math`."""

from typing import Any

from lapis.compat.tensorflow.arithmetic import abs as abs
from lapis.compat.tensorflow.arithmetic import acos as acos
from lapis.compat.tensorflow.arithmetic import acosh as acosh
from lapis.compat.tensorflow.arithmetic import add as add
from lapis.compat.tensorflow.arithmetic import add_n as add_n
from lapis.compat.tensorflow.arithmetic import asin as asin
from lapis.compat.tensorflow.arithmetic import asinh as asinh
from lapis.compat.tensorflow.arithmetic import atan as atan
from lapis.compat.tensorflow.arithmetic import atan2 as atan2
from lapis.compat.tensorflow.arithmetic import atanh as atanh
from lapis.compat.tensorflow.arithmetic import ceil as ceil
from lapis.compat.tensorflow.arithmetic import cos as cos
from lapis.compat.tensorflow.arithmetic import cosh as cosh
from lapis.compat.tensorflow.arithmetic import cumsum as cumsum
from lapis.compat.tensorflow.arithmetic import divide as divide
from lapis.compat.tensorflow.arithmetic import divide_no_nan as divide_no_nan
from lapis.compat.tensorflow.arithmetic import equal as equal
from lapis.compat.tensorflow.arithmetic import erf as erf
from lapis.compat.tensorflow.arithmetic import exp as exp
from lapis.compat.tensorflow.arithmetic import expm1 as expm1
from lapis.compat.tensorflow.arithmetic import floor as floor
from lapis.compat.tensorflow.arithmetic import floordiv as floordiv
from lapis.compat.tensorflow.arithmetic import floormod as floormod
from lapis.compat.tensorflow.arithmetic import greater as greater
from lapis.compat.tensorflow.arithmetic import greater_equal as greater_equal
from lapis.compat.tensorflow.arithmetic import is_finite as is_finite
from lapis.compat.tensorflow.arithmetic import is_inf as is_inf
from lapis.compat.tensorflow.arithmetic import is_nan as is_nan
from lapis.compat.tensorflow.arithmetic import less as less
from lapis.compat.tensorflow.arithmetic import less_equal as less_equal
from lapis.compat.tensorflow.arithmetic import log as log
from lapis.compat.tensorflow.arithmetic import log1p as log1p
from lapis.compat.tensorflow.arithmetic import log_sigmoid as log_sigmoid
from lapis.compat.tensorflow.arithmetic import logical_and as logical_and
from lapis.compat.tensorflow.arithmetic import logical_not as logical_not
from lapis.compat.tensorflow.arithmetic import logical_or as logical_or
from lapis.compat.tensorflow.arithmetic import logical_xor as logical_xor
from lapis.compat.tensorflow.arithmetic import maximum as maximum
from lapis.compat.tensorflow.arithmetic import minimum as minimum
from lapis.compat.tensorflow.arithmetic import mod as mod
from lapis.compat.tensorflow.arithmetic import multiply as multiply
from lapis.compat.tensorflow.arithmetic import negative as negative
from lapis.compat.tensorflow.arithmetic import not_equal as not_equal
from lapis.compat.tensorflow.arithmetic import pow as pow
from lapis.compat.tensorflow.arithmetic import reciprocal as reciprocal
from lapis.compat.tensorflow.arithmetic import reduce_all as reduce_all
from lapis.compat.tensorflow.arithmetic import reduce_any as reduce_any
from lapis.compat.tensorflow.arithmetic import reduce_logsumexp as reduce_logsumexp
from lapis.compat.tensorflow.arithmetic import reduce_max as reduce_max
from lapis.compat.tensorflow.arithmetic import reduce_mean as reduce_mean
from lapis.compat.tensorflow.arithmetic import reduce_min as reduce_min
from lapis.compat.tensorflow.arithmetic import reduce_prod as reduce_prod
from lapis.compat.tensorflow.arithmetic import reduce_std as reduce_std
from lapis.compat.tensorflow.arithmetic import reduce_sum as reduce_sum
from lapis.compat.tensorflow.arithmetic import reduce_variance as reduce_variance
from lapis.compat.tensorflow.arithmetic import round as round
from lapis.compat.tensorflow.arithmetic import rsqrt as rsqrt
from lapis.compat.tensorflow.arithmetic import sigmoid as sigmoid
from lapis.compat.tensorflow.arithmetic import sign as sign
from lapis.compat.tensorflow.arithmetic import sin as sin
from lapis.compat.tensorflow.arithmetic import sinh as sinh
from lapis.compat.tensorflow.arithmetic import softplus as softplus
from lapis.compat.tensorflow.arithmetic import sqrt as sqrt
from lapis.compat.tensorflow.arithmetic import square as square
from lapis.compat.tensorflow.arithmetic import squared_difference as squared_difference
from lapis.compat.tensorflow.arithmetic import subtract as subtract
from lapis.compat.tensorflow.arithmetic import tan as tan
from lapis.compat.tensorflow.arithmetic import tanh as tanh
from lapis.compat.tensorflow.arithmetic import top_k as top_k
from lapis.compat.tensorflow.arithmetic import truediv as truediv
from lapis.compat.tensorflow.arrays import argmax as argmax
from lapis.compat.tensorflow.arrays import argmin as argmin
from lapis.compat.tensorflow.masks import unsorted_segment_sum as unsorted_segment_sum
from lapis.compat.tensorflow.nn import l2_normalize as l2_normalize
from lapis.compat.tensorflow.refusals import refusal as _refusal


def __getattr__(name: str) -> Any:
    raise _refusal("tf.math", name, globals())
