"""Element types as `tf.float32`: strings that also answer `.name`, `.is_floating` and so on."""

from typing import Any

import ml_dtypes
import numpy as np

from lapis.core.dtypes import ALLOWED_DTYPES, is_float_dtype, is_int_dtype, standardize_dtype


class DType(str):
    """An element type: its name, which all of Lapis takes as `dtype`.

    >>> DType("float32").is_floating, DType("int32") == "int32"
    (True, True)
    """

    __slots__ = ()

    @property
    def name(self) -> str:
        """The type's name."""
        return str(self)

    @property
    def is_floating(self) -> bool:
        """Whether its values are real floating-point numbers."""
        return is_float_dtype(str(self))

    @property
    def is_integer(self) -> bool:
        """Whether its values are whole numbers."""
        return is_int_dtype(str(self))

    @property
    def is_bool(self) -> bool:
        """Whether its values are true and false."""
        return self == "bool"

    @property
    def as_numpy_dtype(self) -> Any:
        """NumPy's class of such values."""
        return (np.dtype(str(self)) if not hasattr(ml_dtypes, self) else np.dtype(getattr(ml_dtypes, self))).type

    def __repr__(self) -> str:
        return f"tf.{self}"


def as_dtype(type_value: Any) -> DType:
    """The type that a name, a NumPy type or a Python class stands for.

    >>> as_dtype(float)
    tf.float32
    """
    return DType(standardize_dtype(type_value))


NAMES = {name: DType(name) for name in ALLOWED_DTYPES if not name.startswith("float8")}
