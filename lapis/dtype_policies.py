"""Which types layers compute in, Keras's `keras.dtype_policies`."""

from lapis.core.dtype_policies import DTypePolicy as DTypePolicy
from lapis.core.dtype_policies import DTypePolicyMap as DTypePolicyMap
from lapis.core.dtype_policies import FloatDTypePolicy as FloatDTypePolicy
from lapis.core.dtype_policies import deserialize as deserialize
from lapis.core.dtype_policies import get as get
from lapis.core.dtype_policies import serialize as serialize
