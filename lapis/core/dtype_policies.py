"""Which type a layer computes in and which its weights are stored in: maps of policies, and policies by name."""

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from lapis.core import dtypes
from lapis.core.dtype_policy import DTypePolicy as DTypePolicy
from lapis.core.dtype_policy import FloatDTypePolicy as FloatDTypePolicy
from lapis.core.dtype_policy import dtype_policy as dtype_policy
from lapis.core.dtype_policy import set_default
from lapis.core.quantized_policies import quantized_policy
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object


@builtin("keras.dtype_policies")
class DTypePolicyMap(DTypePolicy, MutableMapping):
    """Policies by layer path, with a default for the rest.

    A key is a path, or a regular expression that must match a whole path and is tried where no key is the path itself;
    a path that several match is a `ValueError`.

    Args:
        default_policy: for paths without a policy; the global policy at the time when not given.
        policy_map: a dict of policies by path.

    >>> policies = DTypePolicyMap("float32", {"encoder/.*": "bfloat16"})
    >>> policies["encoder/dense"].name, policies["decoder"].name
    ('bfloat16', 'float32')
    """

    def __init__(self, default_policy: Any = None, policy_map: dict | None = None) -> None:
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError("A DTypePolicyMap cannot be the default of another; give the policy that is meant.")
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(f"policy_map must be a dict of policies by path; got {policy_map!r}.")
        self._default_policy = None if default_policy is None else get(default_policy)
        self._given_default = default_policy
        self._policy_map = {path: get(policy) for path, policy in (policy_map or {}).items()}

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of paths that are given none."""
        return dtype_policy() if self._default_policy is None else self._default_policy

    @property
    def name(self) -> str:
        return f"map_{self.default_policy.name}"

    @property
    def compute_dtype(self) -> str:
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        return self.default_policy.variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        return self.default_policy.quantization_mode

    def __getitem__(self, path: str) -> DTypePolicy:
        if path in self._policy_map:
            return self._policy_map[path]
        keys = [key for key in self._policy_map if re.fullmatch(key, path)]
        if len(keys) > 1:
            raise ValueError(f"The path {path!r} has several policies, by the keys {keys}; at most one may match it.")
        return self._policy_map[keys[0]] if keys else self.default_policy

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
            "default_policy": serialize_keras_object(self._given_default),
            "policy_map": {path: serialize_keras_object(policy) for path, policy in self._policy_map.items()},
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "DTypePolicyMap":
        """The map again; `custom_objects` are classes of policies that the config may name."""
        return cls(**{name: deserialize_keras_object(value, custom_objects) for name, value in config.items()})


def set_dtype_policy(policy: Any) -> None:
    """Set the policy of layers made from now on: a policy or its name."""
    set_default(None if policy is None else get(policy))


def get(identifier: Any) -> DTypePolicy:
    """A policy from `None` (the global one), a name, an element type, a config or a policy."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize_keras_object(identifier)
    if isinstance(identifier, str):
        return quantized_policy(identifier) if "_from_" in identifier else DTypePolicy(identifier)
    try:
        return DTypePolicy(dtypes.standardize_dtype(identifier))
    except (ValueError, TypeError, AttributeError):
        raise ValueError(
            f"{identifier!r} is no dtype policy; expected a DTypePolicy, its name, or an element type."
        ) from None


def serialize(dtype_policy: DTypePolicy) -> dict:
    """The policy as plain data."""
    return serialize_keras_object(dtype_policy)


def deserialize(config: dict, custom_objects: dict | None = None) -> DTypePolicy:
    """A policy from its plain data."""
    return deserialize_keras_object(config, custom_objects)
