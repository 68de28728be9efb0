"""The engine's settings, Keras's `keras.backend`."""

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
