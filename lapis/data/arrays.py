"""Arrays that are held whole in memory: NumPy, JAX, pandas, torch, scipy.sparse, or anything with `__array__`."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

import lapis.core.nest as nest
from lapis.core.config import floatx
from lapis.core.dtypes import is_float_dtype
from lapis.core.findings import refuse
from lapis.core.naming import did_you_mean
from lapis.data.adapter import DataAdapter
from lapis.data.packing import OutputClassWeights, class_weight_to_sample_weight, pack_x_y_sample_weight
from lapis.state import make_default_seed

_PER_OUTPUT = "Give them in the structure of y: a list, or a dict by output name."


class SparseRows:
    """A scipy.sparse matrix whose rows become dense when they are taken."""

    def __init__(self, matrix: Any) -> None:
        self.matrix = matrix.tocsr()
        self.shape = tuple(matrix.shape)

    def __getitem__(self, rows: Any) -> np.ndarray:
        return to_numpy(self.matrix[rows].toarray())

    def part(self, rows: slice) -> "SparseRows":
        """These rows, still sparse."""
        return SparseRows(self.matrix[rows])


def is_array_like(x: Any) -> bool:
    """Whether rows can be taken from the value as from an array."""
    if hasattr(x, "_keras_history"):
        return False
    return hasattr(x, "shape") and (hasattr(x, "__array__") or hasattr(x, "toarray") or hasattr(x, "todense"))


def to_numpy(x: Any, strings: bool = False) -> np.ndarray:
    """The value as a NumPy array; floats in `floatx()`. Only with `strings` it may hold such.

    A pandas Series becomes a column `(samples, 1)`.

    >>> to_numpy(np.zeros(3, "float64")).dtype
    dtype('float32')
    """
    if hasattr(x, "iloc") and hasattr(x, "to_numpy"):
        array = x.to_numpy()
        array = array[:, None] if array.ndim == 1 else array
    elif hasattr(x, "detach") and hasattr(x, "cpu"):
        array = x.detach().cpu().numpy()
    elif hasattr(x, "todense") and not isinstance(x, np.ndarray):
        array = np.asarray(x.todense())
    else:
        array = np.asarray(x)
    if array.dtype.kind in "OUSM" and not (strings and array.dtype.kind != "M"):
        raise TypeError(
            f"An array of {array.dtype} cannot be fed to a model: {str(array)[:80]!r}. Turn it into numbers first, "
            "for example with array.astype('float32'); rows of unequal length need padding."
        )
    is_float = array.dtype.kind not in "OUS" and is_float_dtype(array.dtype)
    return array.astype(floatx(), copy=False) if is_float else array


def _to_rows(x: Any, strings: bool = False) -> Any:
    if x is None:
        return None
    if isinstance(x, SparseRows):
        return x
    rows = SparseRows(x) if hasattr(x, "tocsr") and hasattr(x, "toarray") else to_numpy(x, strings)
    if not rows.shape:
        raise ValueError(
            f"Arrays need a leading axis of samples; got the scalar {x!r}. Lists of numbers become "
            "arrays with numpy.array(...), those of different lengths with utils.pad_sequences(...)."
        )
    return rows


def _lengths(label: str, structure: Any) -> list[tuple[str, int]]:
    found = []
    for path, rows in nest.flatten_with_path(structure):
        if rows is not None:
            found.append((label + "".join(f"[{key!r}]" for key in path), rows.shape[0]))
    return found


def _check_lengths(x: Any, y: Any, sample_weight: Any) -> int:
    lengths = _lengths("x", x) + _lengths("y", y) + _lengths("sample_weight", sample_weight)
    if len({length for _, length in lengths}) > 1:
        told = ", ".join(f"{label} has {length}" for label, length in lengths)
        raise ValueError(f"All arrays must hold the same number of samples, but {told}.")
    return lengths[0][1]


def _check_batch_size(batch_size: Any) -> None:
    if batch_size is not None and (not isinstance(batch_size, (int, np.integer)) or batch_size < 1):
        raise ValueError(f"batch_size is {batch_size!r}; expected a whole number of at least 1, or None.")


def _check_keys(y: Any, sample_weight: Any) -> None:
    by_name = isinstance(y, dict) and isinstance(sample_weight, dict)
    unknown = [key for key in sample_weight if key not in y] if by_name else []
    if unknown:
        refuse(
            "unknown-output",
            f"sample_weight names outputs that y does not have: {unknown}. It has {list(y)}.",
            f"Use these names as keys.{did_you_mean(str(unknown[0]), map(str, y))}",
        )


def _spread_weights(y: Any, sample_weight: Any) -> Any:
    if sample_weight is None or not nest.is_nested(y):
        return sample_weight
    if nest.is_nested(sample_weight):
        _check_keys(y, sample_weight)
        try:
            nest.assert_same_structure(y, sample_weight)
        except ValueError as error:
            refuse("sample-weight-structure", f"sample_weight needs one array per array of y. {error}", _PER_OUTPUT)
        return sample_weight
    shape = np.shape(sample_weight)  # pyright: ignore[reportArgumentType, reportCallIssue]
    if len(shape) != 1 and not (len(shape) == 2 and shape[1] == 1):
        refuse(
            "sample-weight-structure",
            f"y holds {len(nest.flatten(y))} arrays and sample_weight is one array of shape {shape}. One array for "
            "all must be of shape (samples,).",
            "For other shapes give one array per array of y.",
        )
    return nest.map_structure(lambda _: sample_weight, y)


class ArrayAdapter(DataAdapter):
    """Batches cut from arrays, in order or shuffled anew for each pass.

    `batch_size` is 32 unless given; with `steps` and no `batch_size` it is what makes that many batches. The last
    batch holds what remains. `shuffle` is `True`, `False` or `"batch"` (only within each batch). With `strings`, `x`
    may hold such.

    >>> adapter = ArrayAdapter(np.arange(5), np.arange(5), batch_size=2)
    >>> adapter.num_batches, [len(x) for x, y in adapter.batches()]
    (3, [2, 2, 1])
    """

    batch_size: int  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: int | None = None,
        steps: int | None = None,
        shuffle: bool | str = False,
        class_weight: dict | OutputClassWeights | None = None,
        strings: bool = False,
    ) -> None:
        _check_batch_size(batch_size)
        if class_weight is not None and sample_weight is not None:
            raise ValueError("Give either class_weight or sample_weight, not both; multiply them into sample_weight.")
        sample_weight = _spread_weights(y, sample_weight)
        x = nest.map_structure(lambda leaf: _to_rows(leaf, strings), x)
        y, sample_weight = nest.map_structure(_to_rows, (y, sample_weight))
        if class_weight is not None:
            sample_weight = class_weight_to_sample_weight(y, class_weight)
        self.num_samples = _check_lengths(x, y, sample_weight)
        if not self.num_samples:
            raise ValueError("The arrays hold no samples: their leading axis is 0.")
        self.inputs = pack_x_y_sample_weight(x, y, sample_weight)
        self.batch_size = int(batch_size or (math.ceil(self.num_samples / steps) if steps else 32))
        self.num_batches = math.ceil(self.num_samples / self.batch_size)
        self.shuffle = shuffle
        self._generator = np.random.default_rng(make_default_seed()) if shuffle else None

    @property
    def row_bytes(self) -> int:
        """The bytes of one sample, targets and weights included."""
        leaves = [leaf for leaf in nest.flatten(self.inputs) if leaf is not None]
        return sum(
            4 * math.prod(leaf.shape[1:]) if isinstance(leaf, SparseRows) else leaf.nbytes // len(leaf)
            for leaf in leaves
        )

    @property
    def is_dense(self) -> bool:
        """Whether all of the data are NumPy arrays."""
        return not any(isinstance(leaf, SparseRows) for leaf in nest.flatten(self.inputs))

    def batches(self) -> Iterator[Any]:
        return map(self.take, self.choices())

    def generators(self) -> Sequence[np.random.Generator]:
        return () if self._generator is None else (self._generator,)

    def take(self, rows: Any) -> Any:
        """The samples that a slice or an array of indices chooses."""
        return nest.map_structure(lambda array: None if array is None else array[rows], self.inputs)

    def rows(self) -> "ChosenRows":
        """The same batches as indices, for whoever takes the samples."""
        return ChosenRows(self)

    def choices(self) -> Iterator[Any]:
        """The samples of each batch of one pass, as slices or arrays of indices."""
        samples, size = self.num_samples, self.batch_size
        order = self._generator.permutation(samples) if self._generator and self.shuffle != "batch" else None
        for start in range(0, samples, size):
            stop = min(start + size, samples)
            if self._generator is None:
                yield slice(start, stop)
            elif order is None:
                yield self._generator.permutation(np.arange(start, stop))
            else:
                yield order[start:stop]


class ChosenRows(DataAdapter):
    """An `ArrayAdapter`'s batches as arrays of indices.

    >>> [rows.tolist() for rows in ArrayAdapter(np.zeros(3), batch_size=2).rows().batches()]
    [[0, 1], [2]]
    """

    def __init__(self, arrays: ArrayAdapter) -> None:
        self._arrays = arrays
        self.num_batches = arrays.num_batches
        self.batch_size = arrays.batch_size

    def generators(self) -> Sequence[np.random.Generator]:
        return self._arrays.generators()

    def batches(self) -> Iterator[np.ndarray]:
        for rows in self._arrays.choices():
            yield np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows


def split_arrays(arrays: tuple, fraction: float, strings: bool = False) -> tuple[tuple, tuple]:
    """The arrays without, and only with, the last `fraction` of their samples, for training and validation.

    >>> split_arrays((np.arange(10), None, None), 0.2)[1][0].tolist()
    [8, 9]
    """
    if not 0 < fraction < 1:
        raise ValueError(f"validation_split is {fraction!r}; expected a number between 0 and 1.")
    for leaf in nest.flatten(arrays):
        if leaf is not None and not is_array_like(leaf):
            raise ValueError(
                f"validation_split works on arrays, but the data hold a {type(leaf).__name__}. Pass the validation "
                "part yourself with validation_data."
            )
    x = nest.map_structure(lambda leaf: _to_rows(leaf, strings), arrays[0])
    rows = (x, *nest.map_structure(_to_rows, arrays[1:]))
    samples = _check_lengths(*rows)
    split_at = math.floor(samples * (1.0 - fraction))
    if split_at in (0, samples):
        raise ValueError(
            f"validation_split={fraction} leaves one of the two parts of {samples} samples empty. Give more samples, "
            "or another fraction."
        )

    def take(part: slice) -> tuple:
        return nest.map_structure(lambda array: _part(array, part), rows)

    return take(slice(0, split_at)), take(slice(split_at, samples))


def _part(rows: Any, part: slice) -> Any:
    if rows is None:
        return None
    return rows.part(part) if isinstance(rows, SparseRows) else rows[part]
