"""What a `FeatureSpace` is made of, under the names that Keras's files have for it."""

from typing import Any

import lapis.ops as ops
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.layers.preprocessing.data_layer import DataLayer

_MODULE = "keras.src.layers.preprocessing.feature_space"


def _check_mode(mode: str, allowed: tuple[str, ...]) -> None:
    if mode not in allowed:
        raise ValueError(f"A feature got output_mode={mode!r}; expected one of {', '.join(map(repr, allowed))}.")


@builtin(_MODULE, registered_name="Cross")
class Cross:
    """A combination of features.

    Args:
        feature_names: their names.
        crossing_dim: into how many buckets it is hashed.
        output_mode: `"one_hot"` or `"int"`.
    """

    def __init__(self, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot") -> None:
        _check_mode(output_mode, ("int", "one_hot"))
        self.feature_names = tuple(feature_names)
        self.crossing_dim = crossing_dim
        self.output_mode = output_mode

    @property
    def name(self) -> str:
        """The features' names, joined."""
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict:
        """The constructor's arguments as plain data."""
        return {
            "feature_names": self.feature_names,
            "crossing_dim": self.crossing_dim,
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config: dict) -> "Cross":
        """The combination again."""
        return cls(**config)


@builtin(_MODULE, registered_name="Feature")
class Feature:
    """A column of a table.

    Args:
        dtype: the type of its values.
        preprocessor: the layer that they go through.
        output_mode: `"int"`, `"float"` or `"one_hot"`.
    """

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str) -> None:
        _check_mode(output_mode, ("int", "one_hot", "float"))
        self.dtype = dtype
        self.preprocessor = deserialize_keras_object(preprocessor) if isinstance(preprocessor, dict) else preprocessor
        self.output_mode = output_mode

    def get_config(self) -> dict:
        """The constructor's arguments as plain data."""
        return {
            "dtype": self.dtype,
            "preprocessor": serialize_keras_object(self.preprocessor),
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config: dict) -> "Feature":
        """The feature again."""
        return cls(**config)


@builtin(_MODULE, registered_name="TFDConcat")
class TFDConcat(DataLayer):
    """Arrays joined along an axis."""

    def __init__(self, axis: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, xs: list[Any]) -> Any:
        return ops.concatenate(xs, axis=self.axis)

    def get_config(self) -> dict:
        return {**super().get_config(), "axis": self.axis}


@builtin(_MODULE, registered_name="TFDIdentity")
class TFDIdentity(DataLayer):
    """Numbers in the layer's float type."""

    def call(self, x: Any) -> Any:
        return ops.cast(x, self.compute_dtype)
