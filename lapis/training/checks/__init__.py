"""Checks of a model and its data before the first step."""

from collections.abc import Callable, Iterator

from lapis.core.findings import Finding
from lapis.training.checks.class_weight import check_class_weight
from lapis.training.checks.losses import check_losses, check_trained_outputs
from lapis.training.checks.names import check_inputs, check_outputs
from lapis.training.checks.subject import Subject as Subject
from lapis.training.checks.targets import check_targets
from lapis.training.checks.values import check_ids, check_labels

_Check = Callable[[Subject], Iterator[Finding]]

# What shapes, names and settings tell: looked at once for each kind of data.
_CHECKS: tuple[_Check, ...] = (
    check_inputs,
    check_outputs,
    check_targets,
    check_losses,
    check_trained_outputs,
    check_class_weight,
)
# What only the numbers tell: looked at in each run.
_VALUE_CHECKS: tuple[_Check, ...] = (check_labels, check_ids)


def findings(subject: Subject) -> list[Finding]:
    """What the model, its settings and the shapes and names of the data tell."""
    return [finding for check in _CHECKS for finding in check(subject)]


def value_findings(subject: Subject) -> list[Finding]:
    """What the numbers in the data tell."""
    return [finding for check in _VALUE_CHECKS for finding in check(subject)]
