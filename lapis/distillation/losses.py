"""How far a student is from its teacher."""

from typing import Any

import lapis.losses as losses
import lapis.ops as ops
from lapis.core import nest
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object


@builtin("keras.distillation")
class DistillationLoss:
    """The base of distillation losses; a subclass defines `compute_loss`.

    >>> class Gap(DistillationLoss):
    ...     def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
    ...         return ops.mean(ops.abs(teacher_outputs - student_outputs))
    >>> float(Gap().compute_loss(ops.ones((2, 3)), ops.zeros((2, 3))))
    1.0
    """

    # The layers whose outputs are compared; the models' own outputs where there are none.
    teacher_layer_name: str | None = None
    student_layer_name: str | None = None

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """The loss as a scalar, from the outputs of both, which have one structure."""
        raise NotImplementedError(f"{type(self).__name__} does not define `compute_loss`.")

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """A `ValueError` where the outputs differ in structure."""
        nest.assert_same_structure(teacher_outputs, student_outputs)

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """A `ValueError` where the models do not suit the loss; by default they do."""


class _OfLosses(DistillationLoss):
    """A loss for each output, `None` where one is left out."""

    def _set_loss(self, loss: Any) -> None:
        self.loss = nest.map_structure(losses.get, loss)
        if all(one is None for one in nest.flatten(self.loss)):
            raise ValueError(f"{type(self).__name__} got loss={loss!r}; expected at least one that is not None.")

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """A `ValueError` where the outputs and `loss` differ in structure."""
        super().validate_outputs(teacher_outputs, student_outputs)
        try:
            nest.assert_same_structure(self.loss, teacher_outputs)
        except ValueError as error:
            raise ValueError(f"The loss of {type(self).__name__} needs the structure of the outputs. {error}") from None

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """The sum over the outputs of each loss's mean."""
        values = [
            self._compared(loss, teacher, student)
            for loss, teacher, student in zip(
                nest.flatten(self.loss), nest.flatten(teacher_outputs), nest.flatten(student_outputs), strict=True
            )
            if loss is not None
        ]
        return sum(values[1:], values[0])

    def _compared(self, loss: Any, teacher: Any, student: Any) -> Any:
        return ops.mean(loss(teacher, student))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {"loss": serialize_keras_object(self.loss)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The loss that `get_config()` describes."""
        return cls(**{**config, "loss": deserialize_keras_object(config["loss"])})


@builtin("keras.distillation")
class FeatureDistillation(_OfLosses):
    """What lies between the outputs of a layer of the teacher and those of one of the student.

    Args:
        loss: a name or a loss; for several outputs a structure of them, `None` where one is left out.
        teacher_layer_name, student_layer_name: the layers; the models' own outputs when not given.

    A `ValueError` where every loss is `None`, where a model has no such layer, or no graph to find it in.

    >>> FeatureDistillation("mae", "encoder", "small_encoder").student_layer_name
    'small_encoder'
    """

    def __init__(
        self, loss: Any = "mse", teacher_layer_name: str | None = None, student_layer_name: str | None = None
    ) -> None:
        self._set_loss(loss)
        self.teacher_layer_name = teacher_layer_name
        self.student_layer_name = student_layer_name

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """A `ValueError` where a model has no layer of the name, or no graph."""
        for role, model, name in (
            ("teacher", teacher, self.teacher_layer_name),
            ("student", student, self.student_layer_name),
        ):
            if name is None:
                continue
            if getattr(model, "inputs", None) is None:
                raise ValueError(
                    f"FeatureDistillation takes the output of a layer from a functional or Sequential model only; the "
                    f"{role} {model.name!r} is neither, or not built. Leave the layer names out to compare the models' "
                    "outputs."
                )
            try:
                model.get_layer(name=name)
            except ValueError as error:
                raise ValueError(f"In the {role}: {error}") from None

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            **super().get_config(),
            "teacher_layer_name": self.teacher_layer_name,
            "student_layer_name": self.student_layer_name,
        }


@builtin("keras.distillation")
class LogitsDistillation(_OfLosses):
    """What lies between the outputs of both models, which are logits, softened by a temperature.

    Logits are divided by `temperature`. The Kullback-Leibler divergence compares their softmax, times the temperature
    squared ([Hinton et al., 2015](https://arxiv.org/abs/1503.02531)); any other loss gets the divided logits.

    Args:
        temperature: above 0; 3 to 5 is usual.
        loss: a name or a loss; for several outputs a structure of them, `None` where one is left out.

    A `ValueError` where the temperature is no number above 0 or every loss is `None`.

    >>> float(LogitsDistillation(loss="mse").compute_loss(ops.zeros((1, 2)), ops.full((1, 2), 6.0)))
    4.0
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence") -> None:
        if not isinstance(temperature, (int, float)) or isinstance(temperature, bool) or not temperature > 0:
            raise ValueError(f"LogitsDistillation got temperature={temperature!r}; expected a number above 0.")
        self._set_loss(loss)
        self.temperature = temperature

    def _compared(self, loss: Any, teacher: Any, student: Any) -> Any:
        teacher, student = teacher / self.temperature, student / self.temperature
        if loss is losses.kl_divergence or isinstance(loss, losses.KLDivergence):
            teacher, student = ops.softmax(teacher), ops.softmax(student)
            return super()._compared(loss, teacher, student) * self.temperature**2
        return super()._compared(loss, teacher, student)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {"temperature": self.temperature, **super().get_config()}
