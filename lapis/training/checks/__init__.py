"""Checks of a model and its data before the first step."""

from collections.abc import Callable, Iterator

from lapis.core.findings import Finding
from lapis.training.checks import frozen, gradients, masks, monitors, precision, sharing, steps, unused
from lapis.training.checks.class_weight import check_class_weight
from lapis.training.checks.losses import check_losses, check_trained_outputs
from lapis.training.checks.names import check_inputs, check_outputs
from lapis.training.checks.subject import Subject as Subject
from lapis.training.checks.targets import check_targets
from lapis.training.checks.values import check_ids, check_labels

_Check = Callable[[Subject], Iterator[Finding]]

# What shapes, names and settings tell: looked at once for each kind of data.
_DATA_CHECKS: tuple[_Check, ...] = (
    check_inputs,
    check_outputs,
    check_targets,
    check_losses,
    check_trained_outputs,
    check_class_weight,
)
# What the graph tells, and a trace of the model with data that fit it.
_GRAPH_CHECKS: tuple[_Check, ...] = (
    *(masks.lost_masks, monitors.unknown_monitors),
    *(steps.steps_beyond_data, steps.static_batches, steps.lonely_statistics),
    *(frozen.nothing_trains, frozen.frozen_after_compile),
    *(frozen.training_written_in, frozen.frozen_without_statistics),
    *(precision.ids_through_floats, precision.float64_cut, precision.half_precision),
    *(unused.unused_layers, unused.unused_branches, unused.unused_inputs),
    *(sharing.layers_on_their_own_output, sharing.layers_repeated_in_lists, sharing.shared_initializers),
    *(gradients.weights_without_gradient, gradients.weights_without_gradient_in_calls),
)
# What only the numbers tell: looked at in each run.
_VALUE_CHECKS: tuple[_Check, ...] = (check_labels, check_ids, precision.rounded_values)


def findings(subject: Subject) -> list[Finding]:
    """What the model, its settings and the shapes and names of the data tell; of data that do not fit, no more."""
    found = [finding for check in _DATA_CHECKS for finding in check(subject)]
    if not any(finding.severity == "error" for finding in found):
        found += [finding for check in _GRAPH_CHECKS for finding in check(subject)]
    return found


def value_findings(subject: Subject) -> list[Finding]:
    """What the numbers in the data tell."""
    return [finding for check in _VALUE_CHECKS for finding in check(subject)]
