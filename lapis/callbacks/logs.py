"""Metrics from the device as Python floats."""

import sys
from typing import Any

import numpy as np

import lapis.core.nest as nest
from lapis.core.logging import write


def to_python(logs: dict | None) -> dict[str, Any]:
    """The logs with Python floats for scalars, nested dicts merged in, keys in sorted order.

    >>> to_python({"loss": 1, "extra": {"accuracy": True}})
    {'accuracy': 1.0, 'loss': 1.0}
    """
    plain: dict[str, Any] = {}
    for key, value in sorted((logs or {}).items()):
        if isinstance(value, dict):
            plain.update(to_python(value))
            continue
        value = to_host(value)
        try:
            plain[key] = float(value)
        except (TypeError, ValueError):  # not a scalar: kept as it is
            plain[key] = value
    return plain


def to_host(value: Any) -> Any:
    """Arrays of any nesting as NumPy arrays.

    >>> to_host([np.zeros(2), "text"])
    [array([0., 0.]), 'text']
    """
    return nest.map_structure(lambda leaf: np.asarray(leaf) if hasattr(leaf, "__array__") else leaf, value)


def print_line(text: str) -> None:
    """Put a line where running text goes, at once."""
    write(text)
    sys.stdout.flush()
