"""A count of changes to layers and variables, which tells whether what was worked out from them still holds."""

import itertools

_numbers = itertools.count(1)
_last = 0


def changed() -> None:
    """Note that an attribute of a layer or a variable has changed (not a variable's value)."""
    global _last
    _last = next(_numbers)


def last_change() -> int:
    """A number that differs from an earlier one if anything has changed in between.

    >>> before = last_change()
    >>> changed()
    >>> last_change() == before
    False
    """
    return _last
