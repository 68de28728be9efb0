"""Checks of class weights."""

from collections.abc import Iterator

from lapis.core.findings import CheckError, Finding
from lapis.data import OutputClassWeights, class_weight_to_sample_weight
from lapis.training.checks.pairs import pairs
from lapis.training.checks.subject import Subject
from lapis.training.class_weights import class_weights_for


def check_class_weight(subject: Subject) -> Iterator[Finding]:
    """Outputs and classes that do not exist."""
    try:
        by_class = class_weights_for(subject.model, subject.class_weight)
        if by_class is not None and subject.batch is not None and subject.batch[1] is not None:
            class_weight_to_sample_weight(subject.batch[1], by_class)
    except CheckError as error:
        yield from error.findings
        return
    if by_class is None:
        return
    for pair in pairs(subject):
        per_output = isinstance(by_class, OutputClassWeights)
        weights = by_class.weights.get(pair.output, {}) if per_output else by_class
        width = pair.prediction.shape[-1] if pair.prediction.shape else None
        if pair.kind not in ("sparse", "categorical", "binary") or not isinstance(width, int):
            continue
        count = max(width, 2)
        ignored = pair.options.get("ignore_class")
        beyond = sorted(key for key in weights if not 0 <= key < count and key != ignored)
        if beyond:
            yield Finding(
                "class-weight-range",
                "warning",
                f"class_weight names the classes {beyond}, but {pair.name} knows those from 0 to {count - 1} only.",
                "Number the classes from 0.",
                *pair.place,
            )
