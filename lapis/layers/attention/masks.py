"""The masks of attention, all as booleans that broadcast to `(batch, time, source time)`."""

from typing import Any

import lapis.ops as ops


def merge_masks(
    query_mask: Any,
    value_mask: Any,
    key_mask: Any,
    attention_mask: Any,
    lengths: tuple,
    causal: bool,
    window: int | None,
) -> Any:
    """Where a query may look at a source, every mask agreeing; `None` if there is none.

    `query_mask` is `(batch, time)`, `value_mask` and `key_mask` are `(batch, source time)`, `lengths` both times.
    `causal` hides what is later than the query, `window` what is `window` steps away or more.
    """
    masks = []
    if query_mask is not None:
        masks.append(ops.expand_dims(ops.cast(query_mask, "bool"), -1))
    masks += [ops.expand_dims(ops.cast(mask, "bool"), -2) for mask in (value_mask, key_mask) if mask is not None]
    if causal or window is not None:
        rows = ops.expand_dims(ops.arange(lengths[0], dtype="int32"), (0, 2))
        columns = ops.expand_dims(ops.arange(lengths[1], dtype="int32"), (0, 1))
        if causal:
            masks.append(rows >= columns)
        if window is not None:
            masks.append(ops.abs(rows - columns) < window)
    if attention_mask is not None:
        masks.append(ops.cast(attention_mask, "bool"))
    merged = None
    for mask in masks:
        merged = mask if merged is None else ops.logical_and(merged, mask)
    return merged
