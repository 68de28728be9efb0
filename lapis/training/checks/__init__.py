"""Checks of a model and its data before the first step."""

from collections.abc import Callable, Iterator

from lapis.core.findings import Finding
from lapis.training.checks.subject import Subject as Subject

_CHECKS: tuple[Callable[[Subject], Iterator[Finding]], ...] = ()


def findings(subject: Subject) -> list[Finding]:
    """Everything that the checks find, in their order."""
    return [finding for check in _CHECKS for finding in check(subject)]
