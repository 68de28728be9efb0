"""Checks of a model and its data before the first step."""

from collections.abc import Callable, Iterator

from lapis.core.findings import Finding
from lapis.training.checks import frozen, gradients, masks, monitors, precision, sharing, steps, unused
from lapis.training.checks.subject import Subject as Subject

_CHECKS: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    masks.lost_masks,
    *(monitors.unknown_monitors, steps.steps_beyond_data, steps.static_batches, steps.lonely_statistics),
    *(frozen.nothing_trains, frozen.frozen_after_compile, frozen.training_written_in, frozen.frozen_without_statistics),
    *(precision.ids_through_floats, precision.rounded_values, precision.float64_cut, precision.half_precision),
    *(unused.unused_layers, unused.unused_branches, unused.unused_inputs),
    *(sharing.layers_on_their_own_output, sharing.layers_repeated_in_lists, sharing.shared_initializers),
    *(gradients.weights_without_gradient, gradients.weights_without_gradient_in_calls),
)


def findings(subject: Subject) -> list[Finding]:
    """Everything that the checks find, in their order."""
    return [finding for check in _CHECKS for finding in check(subject)]
