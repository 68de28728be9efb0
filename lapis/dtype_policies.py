"""Which types layers compute in, Keras's `keras.dtype_policies`."""

from lapis.core.dtype_policies import DTypePolicyMap as DTypePolicyMap
from lapis.core.dtype_policies import deserialize as deserialize
from lapis.core.dtype_policies import get as get
from lapis.core.dtype_policies import serialize as serialize
from lapis.core.dtype_policy import DTypePolicy as DTypePolicy
from lapis.core.dtype_policy import FloatDTypePolicy as FloatDTypePolicy
from lapis.core.quantized_policies import AWQDTypePolicy as AWQDTypePolicy
from lapis.core.quantized_policies import GPTQDTypePolicy as GPTQDTypePolicy
from lapis.core.quantized_policies import Int4DTypePolicy as Int4DTypePolicy
from lapis.core.quantized_policies import QuantizedDTypePolicy as QuantizedDTypePolicy
from lapis.core.quantized_policies import QuantizedFloat8DTypePolicy as QuantizedFloat8DTypePolicy
