"""The outputs of many batches, from the device to the host."""

from typing import Any

import jax
import numpy as np

import lapis.core.nest as nest
from lapis.training.stacks import Stack


class Collected:
    """Outputs on the host; those of one run are fetched while the next one is at work."""

    def __init__(self) -> None:
        self._fetched: list[Any] = []
        self._on_device: list[tuple[Any, list[Any]]] = []

    def add(self, results: list[tuple[Any, list[Any]]]) -> None:
        """Take in stacks of batches, each with the outputs of the calls that ran on it."""
        for array in jax.tree.leaves([outputs for _, outputs in results]):
            if isinstance(array, jax.Array):
                array.copy_to_host_async()
        self._fetch()
        self._on_device = results

    def _fetch(self) -> None:
        results, self._on_device = self._on_device, []
        self._fetched += [one for part, outputs in results for one in _to_host(part, outputs)]

    def joined(self) -> Any:
        """All outputs, joined along the first axis, as NumPy arrays of their own, free to be changed."""
        self._fetch()
        if not self._fetched:
            raise ValueError(
                "The data hold no batches, so there is nothing to predict. A generator can be read only once."
            )
        return _join(self._fetched)


def as_batch(results: list[tuple[Any, list[Any]]]) -> Any:
    """The outputs for all stacks as those of one batch, on the host."""
    return _join([one for part, outputs in results for one in _to_host(part, outputs)])


def _to_host(part: Any, outputs: list[Any]) -> list[Any]:
    """The outputs `(steps, batch, ...)` as batches, without what a stack was not filled with and without padding."""
    if not isinstance(part, Stack):
        return [nest.map_structure(lambda array: None if array is None else np.asarray(array)[0], outputs[0])]
    rows = None if part.sizes is None else int(part.sizes[: part.count].sum())

    def flat(array: Any) -> Any:
        if array is None:
            return None
        array = np.asarray(array)[: part.count]
        return array.reshape(-1, *array.shape[2:])[:rows]

    per_call = [nest.map_structure(flat, output) for output in outputs]
    if rows is None or len(per_call) == 1:
        return per_call
    return [nest.map_structure(lambda array: None if array is None else array[:rows], _join(per_call))]


def _join(outputs: list[Any]) -> Any:
    return nest.map_structure(lambda *leaves: None if leaves[0] is None else np.concatenate(leaves), *outputs)
