"""Which type a layer computes in and which its weights are stored in."""

import threading
from collections.abc import Iterator, MutableMapping
from typing import Any

from lapis.core import dtypes
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object

_MIXED = {"mixed_float16": ("float16", "float32"), "mixed_bfloat16": ("bfloat16", "float32")}
_global = threading.local()


@builtin("keras")
class DTypePolicy:
    """The types of a layer: `name` is an element type or `"mixed_float16"` / `"mixed_bfloat16"`.

    `compute_dtype` is the type that inputs are cast to and outputs come in, `variable_dtype` that of the weights. A
    mixed policy computes in 16 bits and keeps the weights in float32.

    >>> DTypePolicy("mixed_bfloat16").compute_dtype, DTypePolicy("mixed_bfloat16").variable_dtype
    ('bfloat16', 'float32')
    """

    def __init__(self, name: Any = None) -> None:
        if name is None:
            name = dtypes.standardize_dtype(None)
        if not isinstance(name, str):
            raise TypeError(f"A dtype policy's name must be a string; got {name!r}.")
        self.name = name
        if name in _MIXED:
            self.compute_dtype, self.variable_dtype = _MIXED[name]
        else:
            try:
                self.compute_dtype = self.variable_dtype = dtypes.standardize_dtype(name)
            except ValueError:
                raise ValueError(
                    f"{name!r} is no dtype policy; expected 'mixed_float16', 'mixed_bfloat16' or an element type "
                    "such as 'float32'."
                ) from None

    @property
    def quantization_mode(self) -> None:
        """Always `None`: this policy does not quantize."""
        return None

    def convert_input(self, x: Any, autocast: bool, dtype: str) -> Any:
        """`x` cast to `dtype` where it is a floating-point array and `autocast` is set."""
        if autocast and hasattr(x, "astype") and dtypes.is_float_dtype(x.dtype) and x.dtype != dtype:
            return x.astype(dtype)
        return x

    def get_config(self) -> dict:
        """`{"name": …}`."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "DTypePolicy":
        """The policy again."""
        return cls(**config)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.name == self.name  # pyright: ignore[reportAttributeAccessIssue]

    def __hash__(self) -> int:
        return hash((type(self), self.name))


FloatDTypePolicy = DTypePolicy


@builtin("keras.dtype_policies")
class DTypePolicyMap(DTypePolicy, MutableMapping):
    """Policies by layer path, with a default for the rest."""

    def __init__(self, default_policy: Any = None, policy_map: dict | None = None) -> None:
        self.default_policy = get(default_policy)
        self._policy_map = {path: get(policy) for path, policy in (policy_map or {}).items()}

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return f"map_{self.default_policy.name}"

    @property
    def compute_dtype(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.default_policy.variable_dtype

    def __getitem__(self, path: str) -> DTypePolicy:
        return self._policy_map.get(path, self.default_policy)

    def __setitem__(self, path: str, policy: Any) -> None:
        if path in self._policy_map:
            raise ValueError(f"{path!r} already has the policy {self._policy_map[path]}; delete it first.")
        self._policy_map[path] = get(policy)

    def __delitem__(self, path: str) -> None:
        del self._policy_map[path]

    def __contains__(self, path: object) -> bool:
        return path in self._policy_map

    def __iter__(self) -> Iterator[str]:
        return iter(self._policy_map)

    def __len__(self) -> int:
        return len(self._policy_map)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicyMap) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"<DTypePolicyMap default={self.default_policy.name} paths={list(self._policy_map)}>"

    def get_config(self) -> dict:
        return {
            "default_policy": serialize_keras_object(self.default_policy),
            "policy_map": {path: serialize_keras_object(policy) for path, policy in self._policy_map.items()},
        }


def dtype_policy() -> DTypePolicy:
    """The policy of layers that are given none."""
    return getattr(_global, "policy", None) or DTypePolicy(dtypes.standardize_dtype(None))


def set_dtype_policy(policy: Any) -> None:
    """Set the policy of layers made from now on: a policy or its name."""
    _global.policy = None if policy is None else get(policy)


def get(identifier: Any) -> DTypePolicy:
    """A policy from `None` (the global one), a name, an element type, a config or a policy."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize_keras_object(identifier)
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    try:
        return DTypePolicy(dtypes.standardize_dtype(identifier))
    except (ValueError, TypeError, AttributeError):
        raise ValueError(
            f"{identifier!r} is no dtype policy; expected a DTypePolicy, its name, or an element type."
        ) from None


def serialize(policy: DTypePolicy) -> dict:
    """The policy as plain data."""
    return serialize_keras_object(policy)


def deserialize(config: dict, custom_objects: dict | None = None) -> DTypePolicy:
    """A policy from its plain data."""
    return deserialize_keras_object(config, custom_objects)
