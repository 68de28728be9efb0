"""What a model's part on the host means for its training: what can be compiled, and what is done to data first."""

import copy
from typing import Any

import numpy as np

from lapis.core.changes import last_change
from lapis.data import ArrayAdapter, pack_x_y_sample_weight, unpack_x_y_sample_weight
from lapis.graph import HostOutputs

_MOST_BYTES = 512 << 20  # that samples may take once they are prepared, to be so all at once
_SLICE = 4096  # samples that are prepared together


def can_compile(model: Any) -> bool:
    """Whether all that does not run on the host before everything else can be compiled."""
    part = getattr(model, "_host_part", None)
    outer = [layer for layer in model._layers if part is None or id(layer) not in part.operations]
    inner = [layer for one in outer for layer in one._flatten_layers()]
    return all(getattr(layer, "supports_jit", True) for layer in (model, *inner))


def takes_strings(model: Any) -> bool:
    """Whether data may hold strings: whether a layer runs on the host, or an input is declared so."""
    kept = model.__dict__.get("_takes_strings")
    if kept is None or kept[0] != last_change():
        layers = list(model._flatten_layers())
        found = any(not getattr(layer, "supports_jit", True) or _is_string_input(layer) for layer in layers)
        kept = model.__dict__["_takes_strings"] = last_change(), found
    return kept[1]


def _is_string_input(layer: Any) -> bool:
    return layer.type_name == "InputLayer" and layer.dtype == "string"


def prepared(model: Any, batch: Any) -> Any:
    """The batch with what the host's part gives in place of the inputs."""
    if getattr(model, "_host_part", None) is None:
        return batch
    x, y, sample_weight = unpack_x_y_sample_weight(batch)
    return pack_x_y_sample_weight(model.host_outputs(x), y, sample_weight)


def prepared_whole(model: Any, arrays: ArrayAdapter) -> ArrayAdapter | None:
    """The arrays with all samples prepared, `None` where they are to be prepared batch by batch.

    They are where a sample may not always give the same, where sizes depend on the batch, or for want of memory.
    """
    part = model._host_part
    if not part.by_sample:
        return None

    def prepare(rows: slice) -> list[np.ndarray]:
        x, _, _ = unpack_x_y_sample_weight(arrays.take(rows))
        return model.host_outputs(x).values

    samples = arrays.num_samples
    first = prepare(slice(0, min(_SLICE, samples)))
    if sum(array.nbytes for array in first) / len(first[0]) * samples > _MOST_BYTES:
        return None
    parts = [first, *(prepare(slice(start, start + _SLICE)) for start in range(_SLICE, samples, _SLICE))]
    _, y, sample_weight = unpack_x_y_sample_weight(arrays.inputs)
    whole = copy.copy(arrays)
    values = [column[0] if len(column) == 1 else np.concatenate(column) for column in zip(*parts)]
    whole.inputs = pack_x_y_sample_weight(HostOutputs(values), y, sample_weight)
    return whole
