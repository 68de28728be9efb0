"""The adapter for what `fit`, `evaluate` and `predict` were given."""

from collections.abc import Iterable
from typing import Any

import lapis.core.nest as nest
from lapis.data.adapter import DataAdapter
from lapis.data.arrays import ArrayAdapter, SparseRows, is_array_like
from lapis.data.iterables import IterableAdapter
from lapis.data.packing import OutputClassWeights
from lapis.data.py_dataset import PyDataset, PyDatasetAdapter


def _is_arrays(structure: Any) -> bool:
    return all(leaf is None or isinstance(leaf, SparseRows) or is_array_like(leaf) for leaf in nest.flatten(structure))


def _refuse_targets(x: Any, y: Any, sample_weight: Any) -> None:
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(
                f"x is a {type(x).__name__}, which yields whole batches, so {name} cannot be given apart from it. "
                "Let it yield (x, y) or (x, y, sample_weight)."
            )


def get_data_adapter(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = False,
    class_weight: dict | OutputClassWeights | None = None,
    strings: bool = False,
) -> DataAdapter:
    """The adapter that reads `x`: arrays in any nesting, a `PyDataset`, or an iterable of batches.

    Only arrays have a `batch_size`, separate `y` and `sample_weight`; a generator is never shuffled. `strings` says
    whether inputs may hold such.

    >>> import numpy as np
    >>> type(get_data_adapter({"a": np.zeros(3), "b": np.zeros((3, 2))})).__name__
    'ArrayAdapter'
    """
    if isinstance(x, DataAdapter):
        return x
    if isinstance(x, PyDataset):
        _refuse_targets(x, y, sample_weight)
        return PyDatasetAdapter(x, shuffle=shuffle, class_weight=class_weight, strings=strings)
    if x is None or (nest.is_nested(x) and not any(leaf is not None for leaf in nest.flatten(x))):
        raise ValueError(f"x is {x!r}; expected arrays, or something that yields batches.")
    if _is_arrays(x):
        if not _is_arrays((y, sample_weight)):
            wrong = next(leaf for leaf in nest.flatten((y, sample_weight)) if not _is_arrays(leaf))
            raise TypeError(
                f"y and sample_weight must be arrays like x; got a {type(wrong).__name__}. Lists of numbers become "
                "arrays with numpy.array(...)."
            )
        return ArrayAdapter(x, y, sample_weight, batch_size, steps, shuffle, class_weight, strings)
    if isinstance(x, Iterable) and not nest.is_nested(x) and not isinstance(x, (str, bytes)) and not _is_symbolic(x):
        _refuse_targets(x, y, sample_weight)
        return IterableAdapter(x, class_weight=class_weight, strings=strings)
    raise TypeError(_explain(x))


def _is_symbolic(x: Any) -> bool:
    return hasattr(x, "_keras_history")


def _explain(x: Any) -> str:
    if _is_symbolic(x):
        return f"x is a symbolic tensor {x!r}, which holds no values. Pass arrays, or call the model on it: model(x)."
    if callable(x):
        return f"x is a function, {x!r}. Call it, and pass the generator that it returns."
    wrong = next((leaf for leaf in nest.flatten(x) if not _is_arrays(leaf)), x)
    return (
        f"x holds a {type(wrong).__name__}: {str(wrong)[:60]!r}. Expected arrays (NumPy, JAX, pandas, torch) in any "
        "nesting, a PyDataset, or an iterable of batches. Lists of numbers become arrays with numpy.array(...), those "
        "of different lengths with utils.pad_sequences(...)."
    )
