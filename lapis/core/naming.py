"""Names for layers and operations that the user did not name."""

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable

_counts: defaultdict[str, int] = defaultdict(int)
_BOUNDARY = re.compile(r"(.)([A-Z][a-z]+)")
_LOWER_UPPER = re.compile(r"([a-z])([A-Z])")


def to_snake_case(name: str) -> str:
    """`"Conv2DTranspose"` becomes `"conv2d_transpose"`."""
    name = re.sub(r"\W+", "", name)
    return _LOWER_UPPER.sub(r"\1_\2", _BOUNDARY.sub(r"\1_\2", name)).lower()


def unique_name(prefix: str) -> str:
    """`prefix` the first time, then `prefix_1`, `prefix_2`, …"""
    count = _counts[prefix]
    _counts[prefix] = count + 1
    return f"{prefix}_{count}" if count else prefix


def get_uid(prefix: str = "") -> int:
    """The next number of a prefix, from 1; names made up from the prefix count along.

    >>> get_uid("a_prefix"), get_uid("a_prefix"), unique_name("a_prefix")
    (1, 2, 'a_prefix_3')
    """
    number = max(_counts[prefix], 1)
    _counts[prefix] = number + 1
    return number


def auto_name(class_name: str) -> str:
    """A fresh name for an object of the class: `"Dense"` gives `"dense"`, then `"dense_1"`."""
    return unique_name(to_snake_case(class_name))


def is_made_up(name: str, class_name: str) -> bool:
    """Whether a name is one that `auto_name` could have made for the class, or `Bidirectional` from such a name.

    >>> is_made_up("dense_12", "Dense"), is_made_up("head", "Dense")
    (True, False)
    """
    return re.fullmatch(rf"(forward_|backward_)?{re.escape(to_snake_case(class_name))}(_\d+)?", name) is not None


def reset() -> None:
    """Start counting afresh, as a new session would."""
    _counts.clear()


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that names the close ones among the known names, preceded by a space; empty where there are none.

    >>> did_you_mean("titel", ["title", "body"])
    " Did you mean 'title'?"
    """
    close = difflib.get_close_matches(name, list(known), n=3)
    return f" Did you mean {', '.join(map(repr, close))}?" if close else ""
