"""What is checked before the first step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lapis.training.building import is_own


@dataclass(frozen=True)
class Subject:
    """A model and what it is about to be given.

    Attributes:
        model: the model, compiled or not.
        method: what is about to run, `"fit"`, `"evaluate"`, `"train_on_batch"`, `"test_on_batch"` or `"check"`.
        given: `(x, y, sample_weight)` as the user gave them, `None` for data that come batch by batch.
        batch: the first batch `(x, y, sample_weight)` in the user's structure, `None` where there are no data.
        whole: all of the data likewise where they are held in arrays; leaves may be `SparseRows`.
        validation_given, validation_batch, validation_whole: likewise of the validation data.
        outputs: what the model gives for the batch, as symbolic tensors or shapes and types; `None` where nobody knows.
        class_weight: as it was given.
        callbacks: the callbacks that were given.
        num_batches: batches in an epoch of the data, `None` where nobody knows.
        batch_size, steps_per_epoch, validation_steps, epochs, shuffle: as they were given.
        validates: whether there are validation data, `None` where nobody knows.
    """

    model: Any
    method: str = "check"
    given: tuple[Any, Any, Any] | None = None
    batch: tuple[Any, Any, Any] | None = None
    whole: tuple[Any, Any, Any] | None = None
    validation_given: tuple[Any, Any, Any] | None = None
    validation_batch: tuple[Any, Any, Any] | None = None
    validation_whole: tuple[Any, Any, Any] | None = None
    outputs: Any = None
    class_weight: Any = None
    callbacks: Sequence[Any] = field(default_factory=tuple)
    num_batches: int | None = None
    batch_size: int | None = None
    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    epochs: int | None = None
    shuffle: bool | str | None = None
    validates: bool | None = None

    @property
    def trains(self) -> bool:
        """Whether what is about to run changes weights."""
        return self.method in ("fit", "train_on_batch", "check")


def has_own_steps(model: Any) -> bool:
    """Whether targets and losses are matched by the model's own methods in place of Lapis's."""
    names = ("train_step", "test_step", "compute_loss", "compute_loss_and_updates", "stateless_compute_loss", "compile")
    return any(is_own(model, name) for name in names)
