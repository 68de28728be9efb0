"""Reading a config as data: JSON of bounded size, depth and count, before anything is built from it."""

import json
from typing import Any

from lapis.saving import limits

MAX_BYTES = limits.Limits().config_bytes


def parse(text: bytes | str, what: str = "The config") -> Any:
    """The JSON value in `text`; too large, too deep or malformed text raises `ValueError`.

    >>> parse(b'{"units": 3}')
    {'units': 3}
    """
    most = limits.current()
    if len(text) > most.config_bytes:
        raise ValueError(f"{what} has {len(text):,} bytes; at most {most.config_bytes:,} are read.")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError(f"{what} is not UTF-8 text.") from None
    # Commas and brackets are counted first: a value in memory can take 30 times its place in the file.
    values = text.count(",") + text.count("[") + text.count("{")
    if values > most.config_values:
        raise ValueError(f"{what} holds about {values:,} values; at most {most.config_values:,} are read.")
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError(f"{what} is nested deeper than {most.config_depth} levels.") from None
    except ValueError as error:
        raise ValueError(f"{what} is not valid JSON: {error}.") from None
    _check_depth(value, what, most.config_depth)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict:
    made = dict(pairs)
    if len(made) != len(pairs):  # readers disagree which of two counts
        raise ValueError("a name stands twice in an object")
    return made


def parse_object(text: bytes | str, what: str = "The config") -> dict:
    """As `parse`, for text that must hold a JSON object."""
    value = parse(text, what)
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be a JSON object; got a {type(value).__name__}.")
    return value


def _check_depth(value: Any, what: str, most: int) -> None:
    level = [value]
    for _ in range(most):
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise ValueError(f"{what} is nested deeper than {most} levels.")


def _children(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
