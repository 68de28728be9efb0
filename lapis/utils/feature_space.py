"""Tables with columns of many kinds, encoded as one matrix or as a dict of arrays."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

import lapis.layers as layers
import lapis.saving as saving
from lapis.core import nest
from lapis.core.naming import unique_name
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.graph import KerasTensor, any_symbolic
from lapis.utils.features import Cross, Feature, TFDConcat, TFDIdentity

_Float = float  # the class below has a method of this name
_ROWS = 32  # that are given to `adapt` together
_KINDS = (
    *("float", "float_normalized", "float_rescaled", "float_discretized"),
    *("integer_categorical", "string_categorical", "integer_hashed", "string_hashed"),
)
_NOT_ADAPTED = "Call `adapt` on the FeatureSpace first: its features {names} learn from data."
_NO_SIZE = (
    "The feature {name!r} has output_mode='one_hot', but its preprocessor, a {kind}, does not tell how many values it "
    "has. Take output_mode='int'."
)
_NO_INTEGERS = (
    "The feature {name!r} has output_mode='one_hot', so its preprocessor must give whole numbers; it gives {dtype}."
)
_NOT_ENCODED = (
    "The feature {name!r} gives {dtype} and so cannot be concatenated with others. Encode it with "
    "output_mode='one_hot', or take output_mode='dict' for all."
)


@builtin("keras.utils")
class FeatureSpace(layers.Layer):
    """Encodes the columns of a table, each in its own way.

    Args:
        features: for each column's name a kind: `"float"`, `"float_normalized"`, `"float_rescaled"`,
            `"float_discretized"`, `"integer_categorical"`, `"string_categorical"`, `"integer_hashed"` or
            `"string_hashed"`; or what the class method of that name or `FeatureSpace.feature` gives.
        output_mode: `"concat"` for one matrix `(batch, features)`, `"dict"` for an array for each feature and cross.
        crosses: combinations of features that are encoded too, as tuples of names or by `FeatureSpace.cross`.
        crossing_dim: into how many buckets combinations are hashed.
        hashing_dim: into how many buckets values are hashed.
        num_discretization_bins: how many bins floats are discretized into.
        name: a name.

    Raises:
        ValueError: for kinds and names that are not known.

    >>> import numpy as np
    >>> space = FeatureSpace({"size": "float", "color": FeatureSpace.string_categorical(num_oov_indices=0)})
    >>> table = {"size": np.array([1.0, 2.0]), "color": np.array(["red", "blue"])}
    >>> space.adapt(table)
    >>> space(table).tolist()
    [[1.0, 0.0, 1.0], [0.0, 1.0, 2.0]]
    """

    def __init__(
        self,
        features: dict[str, Any],
        output_mode: str = "concat",
        crosses: Any = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if not features:
            raise ValueError("FeatureSpace needs `features`, a dict from names to kinds.")
        if output_mode not in ("dict", "concat"):
            raise ValueError(f"FeatureSpace got output_mode={output_mode!r}; expected 'dict' or 'concat'.")
        self.crossing_dim = crossing_dim
        self.hashing_dim = hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.output_mode = output_mode
        self.features = {name: self._feature(name, value) for name, value in features.items()}
        self.crosses = [self._cross(cross) for cross in crosses or ()]
        self.inputs = {
            name: layers.Input((1,), dtype=feature.dtype, name=name) for name, feature in self.features.items()
        }
        self.preprocessors = {name: feature.preprocessor for name, feature in self.features.items()}
        self.crossers = {
            cross.name: layers.HashedCrossing(cross.crossing_dim, name=cross.name) for cross in self.crosses
        }
        self.one_hot_encoders: dict[str, layers.CategoryEncoding] = {}
        self.concat: Any = None
        self.encoded_features: Any = None
        self._is_adapted = False

    # Kinds of features

    @classmethod
    def cross(cls, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """A combination of features, hashed into `crossing_dim` buckets."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """A feature of the type `dtype` that goes through a layer of one's own, and is given on as `output_mode` says.

        It is `"int"`, `"float"`, or `"one_hot"` for a vector for each whole number that the layer gives.
        """
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """A number as it is."""
        return Feature("float32", TFDIdentity(dtype="float32", name=_name(name, "float")), "float")

    @classmethod
    def float_rescaled(cls, scale: _Float = 1.0, offset: _Float = 0.0, name: str | None = None) -> Feature:
        """A number times `scale`, plus `offset`."""
        layer = layers.Rescaling(scale=scale, offset=offset, name=_name(name, "float_rescaled"))
        return Feature("float32", layer, "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """A number shifted and scaled to mean 0 and variance 1."""
        layer = layers.Normalization(axis=-1, name=_name(name, "float_normalized"))
        return Feature("float32", layer, "float")

    @classmethod
    def float_discretized(
        cls, num_bins: int, bin_boundaries: Any = None, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """The bin that a number falls into, between given boundaries or ones learned for `num_bins`."""
        name = _name(name, "float_discretized")
        layer = layers.Discretization(num_bins=num_bins, bin_boundaries=bin_boundaries, name=name)
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """The place of a whole number in a vocabulary."""
        name = _name(name, "integer_categorical")
        layer = layers.IntegerLookup(name=name, max_tokens=max_tokens, num_oov_indices=num_oov_indices)
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """The place of a string in a vocabulary."""
        name = _name(name, "string_categorical")
        layer = layers.StringLookup(name=name, max_tokens=max_tokens, num_oov_indices=num_oov_indices)
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """The bucket of a string's hash."""
        layer = layers.Hashing(name=_name(name, "string_hashed"), num_bins=num_bins)
        return Feature("string", layer, output_mode)

    @classmethod
    def integer_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """The bucket of a whole number's hash."""
        layer = layers.Hashing(name=_name(name, "integer_hashed"), num_bins=num_bins)
        return Feature("int32", layer, output_mode)

    def _feature(self, name: str, value: Any) -> Feature:
        if isinstance(value, Feature):
            return value
        if isinstance(value, dict):
            return deserialize_keras_object(value)
        if value not in _KINDS:
            raise ValueError(f"The feature {name!r} is {value!r}; expected one of {', '.join(_KINDS)}, or a Feature.")
        sizes: dict[str, dict] = {
            "float_discretized": {"num_bins": self.num_discretization_bins},
            "integer_hashed": {"num_bins": self.hashing_dim},
            "string_hashed": {"num_bins": self.hashing_dim},
        }
        return getattr(self, value)(**sizes.get(value, {}), name=name)

    def _cross(self, value: Any) -> Cross:
        cross: Cross = deserialize_keras_object(value) if isinstance(value, dict) else value
        if not isinstance(cross, Cross):
            if not self.crossing_dim:
                raise ValueError("FeatureSpace needs `crossing_dim` where `crosses` are tuples of names.")
            cross = Cross(value, self.crossing_dim)
        if unknown := [name for name in cross.feature_names if name not in self.features]:
            raise ValueError(
                f"The cross {cross.feature_names} names {unknown}; the features are {list(self.features)}."
            )
        return cross

    # Learning

    def _learning(self) -> list[str]:
        """The names of the features whose preprocessor learns from data."""
        return [name for name, layer in self.preprocessors.items() if hasattr(layer, "adapt") and not _is_given(layer)]

    def adapt(self, dataset: Any) -> None:
        """Let each feature learn what it needs.

        Args:
            dataset: a dict of arrays or lists by feature; or anything that yields such dicts, of batches or samples.
        """
        if not isinstance(dataset, dict) and not isinstance(dataset, Iterable):
            raise ValueError(f"adapt takes a dict of arrays, or something that yields such; got {dataset!r:.80}.")
        if isinstance(dataset, Iterator):  # it can be read only once
            dataset = list(dataset)
        for name in self._learning():
            self.preprocessors[name].adapt(_column(dataset, name))
        self._is_adapted = True
        self.get_encoded_features()
        self.built = True

    def _check_adapted(self) -> None:
        if not self._is_adapted and (names := self._learning()):
            raise ValueError(_NOT_ADAPTED.format(names=names))

    # Encoding

    def get_inputs(self) -> dict[str, KerasTensor]:
        """The symbolic inputs by name, of models that take raw data."""
        self.get_encoded_features()
        return self.inputs

    def get_encoded_features(self) -> Any:
        """The symbolic encoded features: inputs of models that take encoded data, or outputs for `get_inputs`."""
        self._check_adapted()
        if self.encoded_features is None:
            self.encoded_features = self._encode(self.inputs)
            self._is_adapted = True
        return self.encoded_features

    def __call__(self, data: dict[str, Any]) -> Any:
        """The encoded features for a dict of arrays `(batch,)` or `(batch, 1)`, or of single values."""
        self.get_encoded_features()
        if not isinstance(data, dict):
            raise ValueError(f"A FeatureSpace is called on a dict of arrays; got a {type(data).__name__}.")
        if any_symbolic(data):
            return self._encode(data)
        data = {name: _as_array(value) for name, value in data.items()}
        is_single = any(not value.ndim for value in data.values())
        encoded = self._encode({name: _as_column(value) for name, value in data.items()})
        return nest.map_structure(lambda x: x[0], encoded) if is_single else encoded

    def _encode(self, data: dict[str, Any]) -> Any:
        if missing := [name for name in self.features if name not in data]:
            raise ValueError(f"The data lack the features {missing}; they hold {list(data)}.")
        values = {name: layer(data[name]) for name, layer in self.preprocessors.items()}
        crossed = {
            cross.name: self.crossers[cross.name]([values[n] for n in cross.feature_names]) for cross in self.crosses
        }
        modes = {name: feature.output_mode for name, feature in self.features.items()}
        modes.update((cross.name, cross.output_mode) for cross in self.crosses)
        encoded = {
            name: self._as_vector(name, value) if modes[name] == "one_hot" else value
            for part in (values, crossed)
            for name, value in sorted(part.items())
        }
        if self.output_mode == "dict":
            return encoded
        for name, value in encoded.items():
            if str(value.dtype).startswith(("int", "uint", "string")):
                raise ValueError(_NOT_ENCODED.format(name=name, dtype=value.dtype))
        if self.concat is None:
            self.concat = TFDConcat(axis=-1)
        return self.concat(list(encoded.values()))

    def _as_vector(self, name: str, value: Any) -> Any:
        encoder = self.one_hot_encoders.get(name)
        if encoder is None:
            if not str(value.dtype).startswith("int"):
                raise ValueError(_NO_INTEGERS.format(name=name, dtype=value.dtype))
            layer = self.preprocessors.get(name) or self.crossers[name]
            encoder = layers.CategoryEncoding(num_tokens=_size(layer, name), output_mode="multi_hot")
            self.one_hot_encoders[name] = encoder
        return encoder(value)

    # Files

    def get_config(self) -> dict:
        return {
            "features": serialize_keras_object(self.features),
            "output_mode": self.output_mode,
            "crosses": serialize_keras_object(self.crosses),
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
        }

    @classmethod
    def from_config(cls, config: dict) -> Any:
        return cls(**config)

    def get_build_config(self) -> dict:
        return {name: feature.preprocessor.get_build_config() for name, feature in self.features.items()}

    def build_from_config(self, config: dict) -> None:
        for name, shapes in config.items():
            layer = self.features[name].preprocessor
            if shapes and not layer.built:
                layer.build_from_config(shapes)
        self._is_adapted = True
        self.built = True

    def save(self, filepath: Any) -> None:
        """Write the feature space to a `.keras` file, which `lapis.saving.load_model` reads."""
        saving.save_model(self, filepath)


def _name(name: str | None, kind: str) -> str:
    return f"{name or unique_name(kind)}_preprocessor"


def _is_given(layer: Any) -> bool:
    """Whether a layer was given what it would learn."""
    if isinstance(layer, layers.Normalization):
        return layer.input_mean is not None
    if isinstance(layer, layers.Discretization):
        return layer.num_bins is None
    return getattr(layer, "_has_input_vocabulary", False)


def _size(layer: Any, name: str) -> int | None:
    """How many different whole numbers a layer gives."""
    if isinstance(layer, (layers.IntegerLookup, layers.StringLookup)):
        return layer.vocabulary_size()
    if isinstance(layer, layers.CategoryEncoding):
        return layer.num_tokens
    if isinstance(layer, layers.Discretization):
        return layer.num_bins if layer.bin_boundaries is None else len(layer.bin_boundaries) + 1
    if isinstance(layer, (layers.HashedCrossing, layers.Hashing)):
        return layer.num_bins
    raise ValueError(_NO_SIZE.format(name=name, kind=type(layer).__name__))


def _as_array(value: Any) -> Any:
    return value if hasattr(value, "shape") and hasattr(value, "dtype") else np.asarray(value)


def _as_column(value: Any) -> Any:
    """An array with the samples along the first of at least two axes."""
    return value.reshape((-1, 1)) if value.ndim < 2 else value


def _column(dataset: Any, name: str) -> Iterator[Any]:
    """A feature's values, in batches."""
    if isinstance(dataset, dict):
        yield from _in_batches(dataset[name])
        return
    source = dataset.as_numpy_iterator() if hasattr(dataset, "as_numpy_iterator") else dataset
    values = [_as_array(batch[name]) for batch in source]
    if any(value.ndim for value in values):
        yield from map(_as_column, values)
    else:
        yield from _in_batches(values)


def _in_batches(samples: Any) -> Iterator[Any]:
    column = _as_column(_as_array(samples))
    return (column[start : start + _ROWS] for start in range(0, len(column), _ROWS))
