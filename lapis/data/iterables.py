"""Anything that yields batches: generators, Lapis's and tf.data's data sets, torch's and grain's loaders."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

import lapis.core.nest as nest
from lapis.core.notes import noting
from lapis.data.adapter import DataAdapter
from lapis.data.packing import OutputClassWeights, unpack_x_y_sample_weight, with_class_weight


def to_array(x: Any) -> Any:
    """A part of a batch as a NumPy or JAX array.

    >>> to_array(2.0)
    array(2.)
    """
    if x is None or isinstance(x, np.ndarray):
        return x
    if hasattr(x, "detach") and hasattr(x, "cpu"):
        return x.detach().cpu().numpy()
    if hasattr(x, "toarray"):
        return x.toarray()
    if hasattr(x, "todense"):
        return x.todense()
    if hasattr(x, "iloc") and hasattr(x, "to_numpy"):
        array = x.to_numpy()
        return array[:, None] if array.ndim == 1 else array
    if hasattr(x, "addressable_shards"):  # a JAX array may stay where it is
        return x
    return np.asarray(x)


def standardize_batch(batch: Any, strings: bool = False) -> Any:
    """The batch as a tuple (or the lone `x`) of arrays; only with `strings` its inputs may hold such.

    >>> standardize_batch([np.zeros(2), np.ones(2)])[1]
    array([1., 1.])
    """
    if isinstance(batch, (tuple, list)):
        unpack_x_y_sample_weight(batch)  # for its error
        batch = tuple(batch)
    batch = nest.map_structure(to_array, batch)
    numbers = nest.flatten(unpack_x_y_sample_weight(batch)[1:]) if strings else nest.flatten(batch)
    for array in numbers:
        if array is not None and (array.ndim == 0 or array.dtype.kind in "OUS"):
            raise ValueError(
                f"A batch must hold arrays of numbers with a leading axis of samples; got {array!r:.80} of type "
                f"{array.dtype} and shape {array.shape}."
            )
    return batch


def _length(source: Any) -> int | None:
    """How many batches one pass has, as far as the source knows."""
    try:
        length = int(source.cardinality()) if hasattr(source, "cardinality") else len(source)
    except (TypeError, NotImplementedError):
        return None
    # Of what has no end, or none that is known, tf.data says a number below 0, and grain the largest that there is.
    return length if 0 <= length < sys.maxsize else None


class IterableAdapter(DataAdapter):
    """Batches as an iterable yields them.

    >>> adapter = IterableAdapter((np.zeros(2), np.ones(2)) for _ in range(3))
    >>> adapter.num_batches, len(list(adapter.batches()))
    (None, 3)
    """

    def __init__(
        self, source: Iterable, class_weight: dict | OutputClassWeights | None = None, strings: bool = False
    ) -> None:
        self.source = source
        self.strings = strings
        self.class_weight = class_weight
        self.num_batches = _length(source)
        self.one_pass = isinstance(source, Iterator)

    def generators(self) -> Sequence[np.random.Generator]:
        return getattr(self.source, "_generators", ())

    def batches(self) -> Iterator[Any]:
        source: Any = self.source
        if hasattr(source, "as_numpy_iterator"):
            source = source.as_numpy_iterator()
        done = 0
        with noting(lambda: f"In the data ({type(self.source).__name__}), as batch {done} of a pass was made."):
            for batch in source:
                yield with_class_weight(standardize_batch(batch, self.strings), self.class_weight)
                done += 1
