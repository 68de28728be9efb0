"""Features shifted and scaled to mean 0 and variance 1, as data or the caller say."""

import itertools
import math
from typing import Any, Unpack

import numpy as np

import lapis.ops as ops
from lapis.core.config import epsilon
from lapis.core.serialization import builtin
from lapis.layers.options import LayerOptions
from lapis.layers.preprocessing.data_layer import DataLayer
from lapis.layers.preprocessing.host_layer import batches_of


@builtin("keras.layers")
class Normalization(DataLayer):
    """`(inputs - mean) / max(sqrt(variance), epsilon)`, with the mean and variance of each index along some axes.

    `adapt` takes them from data, or they are given.

    Args:
        axis: the axis, or axes, of which each index has a mean and variance of its own; `None` for one of all.
        mean, variance: the numbers, in place of `adapt`; both or none.
        invert: undo it instead: `mean + inputs * max(sqrt(variance), epsilon)`.

    Raises:
        ValueError: for axes that the inputs do not have or whose size is unknown, and for numbers that do not fit.

    >>> import numpy as np
    >>> layer = Normalization()
    >>> layer.adapt(np.array([[1.0, 0.0], [3.0, 4.0]]))
    >>> layer(np.array([[3.0, 2.0]])).tolist()
    [[1.0, 0.0]]
    """

    _kept: tuple[int, ...]
    _reduced: tuple[int, ...]
    _broadcast_shape: tuple[int, ...]

    def __init__(
        self,
        axis: int | tuple[int, ...] | list[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        if (mean is None) != (variance is None):
            raise ValueError(f"Normalization takes mean and variance together; got mean={mean}, variance={variance}.")
        if np.shape(mean) != np.shape(variance) or np.ndim(mean) > len(self.axis):
            raise ValueError(
                f"Normalization takes mean and variance of one shape, with at most {len(self.axis)} axes; got shapes "
                f"{np.shape(mean)} and {np.shape(variance)}."
            )
        self.input_mean = mean
        self.input_variance = variance
        self.invert = invert
        self.supports_masking = True
        self._build_input_shape: tuple | None = None

    def build(self, input_shape: tuple) -> None:
        ndim = len(input_shape)
        if any(not -ndim <= axis < ndim for axis in self.axis):
            raise ValueError(f"Normalization has axis={self.axis}; inputs of shape {input_shape} lack such an axis.")
        kept = tuple(sorted(axis % ndim for axis in self.axis))
        if any(input_shape[axis] is None for axis in kept):
            raise ValueError(f"Normalization needs sizes along axis={self.axis}; inputs have shape {input_shape}.")
        self._build_input_shape = tuple(input_shape)
        self._kept = kept
        self._reduced = tuple(axis for axis in range(ndim) if axis not in kept)
        self._broadcast_shape = tuple(input_shape[axis] if axis in kept else 1 for axis in range(ndim))
        if self.input_mean is None:
            shape = tuple(input_shape[axis] for axis in kept)
            self.adapt_mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
            self.adapt_variance = self.add_weight(name="variance", shape=shape, initializer="ones", trainable=False)
            self.count = self.add_weight(name="count", shape=(), dtype="int", initializer="zeros", trainable=False)

    def adapt(self, data: Any) -> None:
        """Take mean and variance from data.

        Args:
            data: an array; or batches of them, as a list, a data set or a generator has them, alone or with targets.

        Raises:
            ValueError: for data without batches, or of shapes other than the layer was built for.
            TypeError: for data of another kind.
        """
        batches = iter(data) if isinstance(data, list) else batches_of(data)
        if batches is None:
            if not hasattr(data, "__array__"):
                raise TypeError(f"adapt takes arrays or batches of arrays; got a {type(data).__name__}.")
            batches = iter([data])
        first = next(batches, None)
        if first is None:
            raise ValueError("adapt got no batches.")
        if not hasattr(first, "shape"):
            raise TypeError(f"adapt takes arrays or batches of arrays; got a batch of type {type(first).__name__}.")
        if not self.built:
            self.build(tuple(first.shape))
        if self.input_mean is not None:
            raise ValueError(f"The layer {self.path!r} was given its mean and variance, so it cannot be adapted.")
        mean, variance = self._statistics(itertools.chain([first], batches))
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)

    def _statistics(self, batches: Any) -> tuple[Any, Any]:
        """Mean and variance of all batches, joined one by one (Chan, Golub and LeVeque, 1979)."""
        mean = variance = 0.0
        total = 0
        for batch in batches:
            batch = np.asarray(batch)
            wanted = self._build_input_shape or ()
            if batch.ndim != len(wanted) or any(batch.shape[axis] != wanted[axis] for axis in self._kept):
                raise ValueError(f"The layer {self.path!r} was built for shape {wanted}; got data of {batch.shape}.")
            count = math.prod(batch.shape[axis] for axis in self._reduced)
            total += count
            share = count / max(total, 1)
            batch_mean = batch.mean(self._reduced, dtype=np.float64)
            joint = mean * (1 - share) + batch_mean * share
            batch_variance = batch.var(self._reduced, dtype=np.float64) + (batch_mean - joint) ** 2
            variance = (variance + (mean - joint) ** 2) * (1 - share) + batch_variance * share
            mean = joint
        return mean, variance

    def finalize_state(self) -> None:
        """Nothing to do: mean and variance are read when the layer is called."""

    @property
    def mean(self) -> Any:
        """The mean in the inputs' number of axes; `None` before the layer is built."""
        return self._spread(self.input_mean, "adapt_mean")

    @property
    def variance(self) -> Any:
        """The variance in the inputs' number of axes; `None` before the layer is built."""
        return self._spread(self.input_variance, "adapt_variance")

    def _spread(self, given: Any, learned: str) -> Any:
        if self._build_input_shape is None:
            return None
        if given is None:
            return ops.reshape(ops.cast(getattr(self, learned), self.compute_dtype), self._broadcast_shape)
        given = np.asarray(given, np.float64)
        shape = [1] * len(self._broadcast_shape)
        for place in range(1, given.ndim + 1):
            shape[self._kept[-place]] = given.shape[-place]
        return ops.cast(np.broadcast_to(given.reshape(shape), self._broadcast_shape), self.compute_dtype)

    def call(self, inputs: Any) -> Any:
        inputs = ops.cast(inputs, self.compute_dtype)
        deviation = ops.maximum(ops.sqrt(self.variance), epsilon())
        return self.mean + inputs * deviation if self.invert else (inputs - self.mean) / deviation

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "axis": self.axis,
            "invert": self.invert,
            "mean": np.array(self.input_mean).tolist(),
            "variance": np.array(self.input_variance).tolist(),
        }
