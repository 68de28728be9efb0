"""The engine's settings, Keras's `keras.backend`, and the functions that TensorFlow's Keras has there."""

from lapis.core.config import backend as backend
from lapis.core.config import epsilon as epsilon
from lapis.core.config import floatx as floatx
from lapis.core.config import image_data_format as image_data_format
from lapis.core.config import set_epsilon as set_epsilon
from lapis.core.config import set_floatx as set_floatx
from lapis.core.config import set_image_data_format as set_image_data_format
from lapis.core.dtypes import is_float_dtype as is_float_dtype
from lapis.core.dtypes import is_int_dtype as is_int_dtype
from lapis.core.dtypes import result_type as result_type
from lapis.core.dtypes import standardize_dtype as standardize_dtype
from lapis.core.naming import get_uid as get_uid
from lapis.graph import is_symbolic as is_keras_tensor
from lapis.legacy.backend import argmax as argmax
from lapis.legacy.backend import argmin as argmin
from lapis.legacy.backend import batch_dot as batch_dot
from lapis.legacy.backend import batch_flatten as batch_flatten
from lapis.legacy.backend import binary_crossentropy as binary_crossentropy
from lapis.legacy.backend import cast_to_floatx as cast_to_floatx
from lapis.legacy.backend import categorical_crossentropy as categorical_crossentropy
from lapis.legacy.backend import clip as clip
from lapis.legacy.backend import concatenate as concatenate
from lapis.legacy.backend import constant as constant
from lapis.legacy.backend import ctc_batch_cost as ctc_batch_cost
from lapis.legacy.backend import ctc_decode as ctc_decode
from lapis.legacy.backend import cumprod as cumprod
from lapis.legacy.backend import cumsum as cumsum
from lapis.legacy.backend import dot as dot
from lapis.legacy.backend import eval as eval
from lapis.legacy.backend import expand_dims as expand_dims
from lapis.legacy.backend import flatten as flatten
from lapis.legacy.backend import gather as gather
from lapis.legacy.backend import get_value as get_value
from lapis.legacy.backend import hard_sigmoid as hard_sigmoid
from lapis.legacy.backend import int_shape as int_shape
from lapis.legacy.backend import l2_normalize as l2_normalize
from lapis.legacy.backend import permute_dimensions as permute_dimensions
from lapis.legacy.backend import pow as pow
from lapis.legacy.backend import relu as relu
from lapis.legacy.backend import repeat as repeat
from lapis.legacy.backend import repeat_elements as repeat_elements
from lapis.legacy.backend import reverse as reverse
from lapis.legacy.backend import set_value as set_value
from lapis.legacy.backend import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from lapis.legacy.backend import switch as switch
from lapis.legacy.backend import variable as variable
from lapis.ops import abs as abs
from lapis.ops import all as all
from lapis.ops import any as any
from lapis.ops import arange as arange
from lapis.ops import cast as cast
from lapis.ops import cos as cos
from lapis.ops import elu as elu
from lapis.ops import equal as equal
from lapis.ops import exp as exp
from lapis.ops import eye as eye
from lapis.ops import greater as greater
from lapis.ops import greater_equal as greater_equal
from lapis.ops import less as less
from lapis.ops import less_equal as less_equal
from lapis.ops import log as log
from lapis.ops import logsumexp as logsumexp
from lapis.ops import max as max
from lapis.ops import maximum as maximum
from lapis.ops import mean as mean
from lapis.ops import min as min
from lapis.ops import minimum as minimum
from lapis.ops import ndim as ndim
from lapis.ops import not_equal as not_equal
from lapis.ops import one_hot as one_hot
from lapis.ops import ones as ones
from lapis.ops import ones_like as ones_like
from lapis.ops import prod as prod
from lapis.ops import reshape as reshape
from lapis.ops import round as round
from lapis.ops import shape as shape
from lapis.ops import sigmoid as sigmoid
from lapis.ops import sign as sign
from lapis.ops import sin as sin
from lapis.ops import softmax as softmax
from lapis.ops import softplus as softplus
from lapis.ops import softsign as softsign
from lapis.ops import sqrt as sqrt
from lapis.ops import square as square
from lapis.ops import squeeze as squeeze
from lapis.ops import stack as stack
from lapis.ops import std as std
from lapis.ops import stop_gradient as stop_gradient
from lapis.ops import sum as sum
from lapis.ops import tanh as tanh
from lapis.ops import tile as tile
from lapis.ops import transpose as transpose
from lapis.ops import var as var
from lapis.ops import zeros as zeros
from lapis.ops import zeros_like as zeros_like
from lapis.utils.session import clear_session as clear_session

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]
