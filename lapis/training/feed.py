"""Batches on their way to the device: several at a time, stacked; prepared while the device is at work."""

import dataclasses
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import jax
import numpy as np

from lapis.data import ArrayAdapter, DataAdapter, Epochs
from lapis.training.hosting import prepared, prepared_whole
from lapis.training.pace import Pace
from lapis.training.stacks import Buffers, Stack, capacity_for

_RESIDENT_SHARE = 0.25  # of an accelerator's memory, for data that stay on it


@dataclasses.dataclass
class Chunk:
    """What one run is made of: the steps `first` to `last`, as stacks, or as batches where nothing is compiled."""

    first: int
    last: int
    parts: list[Any]


class Feed:
    """An adapter's batches as they are, epoch by epoch in chunks."""

    def __init__(self, adapter: DataAdapter, steps: int | None) -> None:
        self.epochs = Epochs(adapter, steps)

    @property
    def num_batches(self) -> int | None:
        """How many batches an epoch has, `None` while that is not known."""
        return self.epochs.num_batches

    @property
    def adapter(self) -> DataAdapter:
        """What the batches come from."""
        return self.epochs.adapter

    def peek(self) -> Any:
        """The next batch, which stays the next one."""
        return self.epochs.peek()

    def position(self, inside: bool) -> dict[str, Any]:
        """Where the next epoch begins, or where the latest one began, as plain values."""
        return {"epochs": self.epochs.epoch_start if inside else self.epochs.position()}

    def go_to(self, position: dict[str, Any], done: int) -> None:
        """Let the next epoch be the one that began there, without its first `done` batches."""
        self.epochs.go_to(position["epochs"], done)

    def chunks(self, pace: Pace) -> Generator[Chunk]:
        """One epoch, in chunks of as many batches as `pace.steps` says at that time."""
        self.epochs.chunk = pace.steps
        for first, last, batches in self.epochs.epoch():
            yield Chunk(first, last, self._parts(batches))
            self.epochs.chunk = pace.steps

    def _parts(self, batches: list[Any]) -> list[Any]:
        return batches

    def fill_up(self, bucket: int | None = None) -> None:
        """Let batches that are too small be filled up, to `bucket` rows where all are smaller."""

    def done(self, chunk: Chunk) -> None:
        """The device has read the chunk."""

    def close(self) -> None:
        """Let go of workers and open passes."""
        self.epochs.close()


class StackingFeed(Feed):
    """Batches of equal size on top of each other; smaller ones, if they may be, are filled up with copies of a row."""

    def __init__(self, adapter: DataAdapter, steps: int | None, prepare: Callable[[Any], Any] | None = None) -> None:
        super().__init__(adapter, steps)
        self._prepare = prepare
        self._pads = False
        self._tells_sizes = False
        self._size = 0  # rows that batches are filled up to
        self._buffers = Buffers()

    def fill_up(self, bucket: int | None = None) -> None:
        self._pads = True

    def position(self, inside: bool) -> dict[str, Any]:
        return {**super().position(inside), "size": self._size, "tells_sizes": self._tells_sizes}

    def go_to(self, position: dict[str, Any], done: int) -> None:
        super().go_to(position, done)
        self._size, self._tells_sizes = position["size"], position["tells_sizes"]

    def done(self, chunk: Chunk) -> None:
        for stack in chunk.parts:
            self._buffers.give(stack.buffers)

    def _parts(self, batches: list[Any]) -> list[Stack]:
        batches = self._made_ready(batches)
        stacks: list[Stack] = []
        while batches:
            size = self._size_for(batches[0])
            capacity = self._capacity(batches[0], size)
            count = 1
            while count < min(capacity, len(batches)) and self._fits(batches[count], batches[0], size):
                count += 1
            together, batches = batches[:count], batches[count:]
            rows = [self._rows(batch) for batch in together]
            buffers: list[np.ndarray] = []
            arrays = self._lay(together, rows, size, capacity, buffers)
            stacks.append(Stack(arrays, count, size, self._sizes(rows, size, capacity), buffers))
        return stacks

    def _made_ready(self, batches: list[Any]) -> list[Any]:
        if self._prepare is not None:
            batches = list(map(self._prepare, batches))
        return [jax.tree.map(_for_device, batch) for batch in batches]

    def _size_for(self, batch: Any) -> Any:
        """How many rows the batches of a stack that begins with this one have."""
        rows = self._rows(batch)
        if not self._pads or rows is None:
            return rows
        self._size = max(self._size, rows)
        return self._size

    def _sizes(self, rows: list[int], size: int, capacity: int) -> np.ndarray | None:
        if not self._pads or None in rows:
            return None
        # Once told, always told, so that all batches run in the same program.
        self._tells_sizes = self._tells_sizes or any(count != size for count in rows)
        if not self._tells_sizes:
            return None
        return np.array(rows + [size] * (capacity - len(rows)), np.int32)

    def _rows(self, batch: Any) -> Any:
        """The batch's rows, `None` if its arrays differ in them."""
        rows = {array.shape[0] if array.ndim else None for array in jax.tree.leaves(batch)}
        return rows.pop() if len(rows) == 1 else None

    def _capacity(self, batch: Any, size: Any) -> int:
        rows = self._rows(batch)
        per_batch = sum(array.nbytes for array in jax.tree.leaves(batch))
        return capacity_for(per_batch if rows is None else per_batch // max(rows, 1) * size, self.num_batches)

    def _fits(self, batch: Any, first: Any, size: Any) -> bool:
        """Whether the batch goes into the stack that begins with `first`."""
        rows = self._rows(batch)
        if rows is None or not self._pads:
            return _spec(batch) == _spec(first)
        return rows <= size and _spec(batch, 1) == _spec(first, 1)

    def _lay(self, batches: list[Any], rows: list[Any], size: Any, capacity: int, buffers: list) -> Any:
        def lay(*arrays: np.ndarray) -> np.ndarray:
            shape = arrays[0].shape if size is None else (size, *arrays[0].shape[1:])
            buffer = self._buffers.take((capacity, *shape), arrays[0].dtype)
            buffers.append(buffer)
            for place, (array, count) in enumerate(zip(arrays, rows)):
                if count == size:
                    buffer[place] = array
                else:
                    buffer[place, :count], buffer[place, count:] = array, array[-1]
            return buffer

        return _to_device(jax.tree.map(lay, *batches))


class ArrayFeed(StackingFeed):
    """Batches gathered out of arrays held whole: on the host for a CPU, on the accelerator where they fit there."""

    def __init__(self, arrays: ArrayAdapter, steps: int | None) -> None:
        super().__init__(arrays.rows(), steps)
        self._arrays = arrays
        self._resident: Any = jax.device_put(arrays.inputs) if _stays_on_device(arrays) else None

    def fill_up(self, bucket: int | None = None) -> None:
        self._pads = True
        self._size = bucket or self._arrays.batch_size
        self._tells_sizes = self._arrays.num_samples % self._size != 0

    def go_to(self, position: dict[str, Any], done: int) -> None:
        Feed.go_to(self, position, done)  # the sizes are those of the arrays

    @property
    def adapter(self) -> DataAdapter:
        return self._arrays

    def peek(self) -> Any:
        return self._arrays.take(super().peek())

    def _made_ready(self, batches: list[Any]) -> list[Any]:
        return batches  # the samples' numbers

    def _rows(self, batch: Any) -> int:
        return len(batch)

    def _capacity(self, batch: Any, size: int) -> int:
        if len(batch) != size and not self._pads:
            return 1  # what is left at the end of a pass
        return capacity_for(self._arrays.row_bytes * size, self.num_batches)

    def _fits(self, batch: Any, first: Any, size: int) -> bool:
        return len(batch) == size or self._pads

    def _lay(self, batches: list[np.ndarray], rows: list[int], size: int, capacity: int, buffers: list) -> Any:
        last = [np.full(size - rows[-1], batches[-1][-1])] if rows[-1] != size else []
        picks = np.concatenate(batches + last)
        if self._resident is not None:
            unused = np.zeros(capacity * size - len(picks), picks.dtype)
            return _take(self._resident, np.concatenate([picks, unused]).astype(np.int32).reshape(capacity, size))

        def gather(array: Any) -> np.ndarray:
            dense = isinstance(array, np.ndarray)
            taken = array if dense else array[picks]
            dtype = np.dtype(jax.dtypes.canonicalize_dtype(taken.dtype))
            buffer = self._buffers.take((capacity * size, *array.shape[1:]), dtype)
            buffers.append(buffer)
            if dense and array.dtype == dtype:
                np.take(array, picks, axis=0, out=buffer[: len(picks)], mode="clip")
            else:
                buffer[: len(picks)] = array[picks] if dense else taken
            return buffer.reshape(capacity, size, *array.shape[1:])

        return _to_device(jax.tree.map(gather, self._arrays.inputs))


def make_feed(adapter: DataAdapter, steps: int | None, model: Any, stacks: bool) -> Feed:
    """The feed for an adapter: as it comes, or stacked for a model's compiled program, what runs on the host done."""
    if not stacks:
        return Feed(adapter, steps)
    if getattr(model, "_host_part", None) is None:
        return ArrayFeed(adapter, steps) if isinstance(adapter, ArrayAdapter) else StackingFeed(adapter, steps)
    whole = prepared_whole(model, adapter) if isinstance(adapter, ArrayAdapter) else None
    return StackingFeed(adapter, steps, partial(prepared, model)) if whole is None else ArrayFeed(whole, steps)


def _stays_on_device(arrays: ArrayAdapter) -> bool:
    """Whether the device is an accelerator with room for the arrays; a CPU reads them where they are."""
    if jax.default_backend() == "cpu" or not arrays.is_dense:
        return False
    limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit", 0)
    return arrays.row_bytes * arrays.num_samples <= _RESIDENT_SHARE * limit


def _to_device(arrays: Any) -> Any:
    """The arrays on their way to an accelerator; a CPU's programs read aligned ones where they are."""
    return arrays if jax.default_backend() == "cpu" else jax.device_put(arrays)


def _spec(batch: Any, axes_left_out: int = 0) -> Any:
    arrays, structure = jax.tree.flatten(batch)
    return structure, [(array.shape[axes_left_out:], array.dtype) for array in arrays]


def as_stack(batch: Any) -> Any:
    """A batch of arrays as a stack of one."""
    return jax.tree.map(lambda array: _for_device(array)[None], batch)


def _for_device(array: Any) -> np.ndarray:
    array = np.asarray(array)
    return array.astype(jax.dtypes.canonicalize_dtype(array.dtype), copy=False)


@jax.jit
def _take(arrays: Any, picks: Any) -> Any:
    return jax.tree.map(lambda array: array.at[picks].get(mode="promise_in_bounds"), arrays)
