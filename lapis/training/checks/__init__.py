"""Checks of a model and its data before the first step."""

from collections.abc import Callable, Iterator

from lapis.core.findings import Finding
from lapis.training.checks.names import check_inputs, check_outputs
from lapis.training.checks.subject import Subject as Subject

_Check = Callable[[Subject], Iterator[Finding]]

# What shapes, names and settings tell: looked at once for each kind of data.
_CHECKS: tuple[_Check, ...] = (check_inputs, check_outputs)
# What only the numbers tell: looked at in each run.
_VALUE_CHECKS: tuple[_Check, ...] = ()


def findings(subject: Subject) -> list[Finding]:
    """What the model, its settings and the shapes and names of the data tell."""
    return [finding for check in _CHECKS for finding in check(subject)]


def value_findings(subject: Subject) -> list[Finding]:
    """What the numbers in the data tell."""
    return [finding for check in _VALUE_CHECKS for finding in check(subject)]
