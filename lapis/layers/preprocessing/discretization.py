"""Numbers to the bins that they fall into."""

from typing import Any

import numpy as np

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.graph import KerasTensor
from lapis.layers.preprocessing.category_encoding import as_vectors
from lapis.layers.preprocessing.data_layer import DataLayer
from lapis.layers.preprocessing.host_layer import OUTPUT_MODES, batches_of, encoded_shape
from lapis.layers.preprocessing.index_lookup import checked_mode, refuse_sparse


@builtin("keras.layers")
class Discretization(DataLayer):
    """Numbers to the bin between rising boundaries that each falls into.

    Args:
        bin_boundaries: the boundaries; a number below the first is in bin 0, one from the last on in the last bin.
        num_bins: how many bins `adapt` is to make, of about equally many samples each. Either this or the boundaries.
        epsilon: how exact `adapt` is, as a share of the samples.
        output_mode: `"int"` for bins; `"one_hot"` for a vector each; for the numbers along the last axis together a
            vector of ones (`"multi_hot"`) or of counts (`"count"`).
        sparse: must be false: outputs are dense.
        dtype: the type of vectors.
        name: a name.

    Raises:
        ValueError: for arguments that do not go together, and for a call before there are boundaries.

    >>> Discretization(bin_boundaries=[0.0, 1.0, 2.0])([[-1.5, 1.0, 3.4, 0.5]]).tolist()
    [[0, 2, 3, 1]]
    """

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        refuse_sparse(sparse, "Discretization")
        checked_mode(output_mode, "Discretization", OUTPUT_MODES)
        if (num_bins is None) == (bin_boundaries is None):
            raise ValueError(f"Discretization takes num_bins or bin_boundaries; got {num_bins} and {bin_boundaries}.")
        if num_bins is not None and num_bins < 0:
            raise ValueError(f"Discretization got num_bins={num_bins}; expected 0 or more.")
        self.bin_boundaries = bin_boundaries
        self.num_bins = num_bins
        self.epsilon = epsilon
        self.output_mode = output_mode
        self.sparse = sparse
        self._summary = _NOTHING

    @property
    def output_dtype(self) -> str:
        """The type of the outputs."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Take the boundaries from data, so that about equally many samples fall into each bin.

        Args:
            data: an array or a list; or batches, as a data set or a generator has them.
            steps: how many batches to take; all if not given.
        """
        if self.num_bins is None:
            raise ValueError(f"The layer {self.path!r} was given bin_boundaries, so it cannot adapt: use num_bins.")
        self.reset_state()
        for batch in batches_of(data, steps) or [data]:
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Take note of a batch."""
        merged = np.concatenate([_summarized(np.asarray(data, np.float32), self.epsilon), self._summary], axis=1)
        self._summary = _compressed(merged[:, np.argsort(merged[0])], self.epsilon)

    def finalize_state(self) -> None:
        """Make the boundaries of what has been noted."""
        if self.num_bins is not None:
            self.bin_boundaries = _compressed(self._summary, 1.0 / self.num_bins)[0, :-1].tolist()

    def reset_state(self) -> None:
        """Forget what has been noted."""
        self._summary = _NOTHING

    def call(self, inputs: Any) -> Any:
        if self.bin_boundaries is None:
            raise ValueError(f"The layer {self.path!r} has no boundaries yet: give it bin_boundaries, or call `adapt`.")
        bins = ops.digitize(inputs, np.asarray(self.bin_boundaries, np.float32))
        if self.output_mode == "int":
            return ops.cast(bins, "int32")
        return as_vectors(bins, self.output_mode, len(self.bin_boundaries) + 1, self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        depth = self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1
        return encoded_shape(input_shape, self.output_mode, depth)

    def compute_output_spec(self, inputs: Any) -> Any:
        return KerasTensor(self.compute_output_shape(inputs.shape), self.output_dtype)

    def get_config(self) -> dict:
        return {
            "bin_boundaries": None if self.bin_boundaries is None else list(self.bin_boundaries),
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Any:
        config = dict(config)
        boundaries = config.pop("bin_boundaries", None)
        if config.get("num_bins") is None:
            return cls(**config, bin_boundaries=boundaries)
        layer = cls(**config)
        layer.bin_boundaries = boundaries
        return layer


# A summary is a pair of rows: rising values, and the weight of the samples that each stands for.
_NOTHING = np.zeros((2, 0), np.float32)


def _summarized(values: np.ndarray, epsilon: float) -> np.ndarray:
    """Every so many samples one, `epsilon` of them apart."""
    ordered = np.sort(values.ravel())
    step = max(ordered.size / (1.0 / epsilon), 1)
    chosen = ordered[int(step - 1) :: int(step)]
    return np.stack([chosen, np.full_like(chosen, step)])


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """The summary at points `epsilon` of the weight apart, read off by linear interpolation."""
    if summary.shape[1] * epsilon < 1:
        return summary
    points = epsilon + np.arange(0.0, 1.0, epsilon)
    weights = summary[1].cumsum()
    shares = weights / weights[-1]
    values, reached = np.interp(points, shares, summary[0]), np.interp(points, shares, weights)
    return np.stack([values, np.diff(reached, prepend=0.0)]).astype(np.float32)
