"""Metrics from the device as Python floats."""

import sys
from typing import Any


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
        try:
            plain[key] = float(value)
        except (TypeError, ValueError):  # not a scalar: kept as it is
            plain[key] = value
    return plain


def print_line(text: str) -> None:
    """Print a message of a callback."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
