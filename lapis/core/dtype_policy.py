"""The policy of one layer, and the policy of layers that are given none."""

import threading
from typing import Any

from lapis.core import dtypes
from lapis.core.serialization import builtin

_MIXED = {"mixed_float16": ("float16", "float32"), "mixed_bfloat16": ("bfloat16", "float32")}


class _Local(threading.local):
    policy: "DTypePolicy | None" = None


_local = _Local()


@builtin("keras", "FloatDTypePolicy")
@builtin("keras")
class DTypePolicy:
    """The types of a layer: `name` is an element type or `"mixed_float16"` / `"mixed_bfloat16"`.

    `compute_dtype` is the type that inputs are cast to and outputs come in, `variable_dtype` that of the weights. A
    mixed policy computes in 16 bits and keeps the weights in float32.

    >>> DTypePolicy("mixed_bfloat16").compute_dtype, DTypePolicy("mixed_bfloat16").variable_dtype
    ('bfloat16', 'float32')
    """

    def __init__(self, name: Any = None) -> None:
        self._name = dtype_policy().name if name is None else name
        self._compute_dtype, self._variable_dtype = types_of(self._name)

    @property
    def name(self) -> str:
        """The name that the policy was made by."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The type that a layer computes in."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The type that weights are stored in."""
        return self._variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        """How weights are quantized; `None` for a policy that does not quantize."""
        return None

    def convert_input(self, x: Any, autocast: bool, dtype: str) -> Any:
        """`x` cast to `dtype` where it is a floating-point array and `autocast` is set."""
        if autocast and hasattr(x, "astype") and dtypes.is_float_dtype(x.dtype) and x.dtype != dtype:
            return x.astype(dtype)
        return x

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "DTypePolicy":
        """The policy again."""
        return cls(**config)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.get_config() == self.get_config()  # pyright: ignore[reportAttributeAccessIssue]

    def __hash__(self) -> int:
        return hash((type(self), self.name))


FloatDTypePolicy = DTypePolicy


def types_of(name: Any) -> tuple[str, str]:
    """The compute and the variable type of a policy without quantization, by its name."""
    if not isinstance(name, str):
        raise TypeError(f"A dtype policy's name must be a string; got {name!r}.")
    if name in _MIXED:
        return _MIXED[name]
    try:
        dtype = dtypes.standardize_dtype(name)
    except ValueError:
        raise ValueError(
            f"{name!r} is no dtype policy; expected 'mixed_float16', 'mixed_bfloat16' or an element type "
            "such as 'float32'."
        ) from None
    return dtype, dtype


def dtype_policy() -> DTypePolicy:
    """The policy of layers that are given none."""
    return _local.policy or DTypePolicy(dtypes.standardize_dtype(None))


def set_default(policy: DTypePolicy | None) -> None:
    """Set the policy of layers made from now on; `None` is that of `floatx()`."""
    _local.policy = policy
