"""What is checked before the first step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Subject:
    """A model and what it is about to be given.

    Attributes:
        model: the model, compiled or not.
        method: what is about to run, `"fit"`, `"evaluate"` or `"check"`.
        batch: the first batch `(x, y, sample_weight)` in the user's structure, `None` where there are no data.
        validation_batch: likewise of the validation data.
        class_weight: as it was given.
        callbacks: the callbacks that were given.
        num_batches: batches in an epoch of the data, `None` where nobody knows.
        batch_size, steps_per_epoch, validation_steps, epochs: as they were given.
    """

    model: Any
    method: str = "check"
    batch: tuple[Any, Any, Any] | None = None
    validation_batch: tuple[Any, Any, Any] | None = None
    class_weight: Any = None
    callbacks: Sequence[Any] = field(default_factory=tuple)
    num_batches: int | None = None
    batch_size: int | None = None
    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    epochs: int | None = None
