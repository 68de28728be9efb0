"""A model that trains a student on targets and on what a teacher says."""

import warnings
from typing import Any

import lapis.ops as ops
from lapis.core import nest
from lapis.core.serialization import builtin, deserialize_keras_object, serialize_keras_object
from lapis.distillation.losses import DistillationLoss
from lapis.metrics import Mean
from lapis.models import Model
from lapis.training import compiling

_NO_LOSS = "Distiller needs a loss for the student: compile(optimizer, loss)."


@builtin("keras.distillation")
class Distiller(Model):
    """Trains `student` on `student_loss_weight * loss + (1 - student_loss_weight) * distillation losses`.

    The teacher is frozen. What the distiller computes are the student's outputs; after training, take
    `distiller.student`. The logs hold `student_loss`, `distillation_loss` and `total_loss` besides compiled metrics.

    Args:
        teacher: a trained model.
        student: a model with inputs and outputs of the same shapes and types.
        distillation_losses: a `DistillationLoss` or a list of them.
        distillation_loss_weights: a number for each loss of a list; 1 for each when not given.
        student_loss_weight: from 0 to 1.
        name: a name.

    A `ValueError` where models, losses and weights do not fit.

    >>> import lapis
    >>> def classifier(units):
    ...     layers = [lapis.Input((4,)), lapis.layers.Dense(units, activation="relu"), lapis.layers.Dense(3)]
    ...     return lapis.Sequential(layers)
    >>> distiller = Distiller(classifier(64), classifier(8), lapis.distillation.LogitsDistillation(temperature=4.0))
    >>> distiller.compile("adam", lapis.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    >>> len(distiller.trainable_variables)
    4
    """

    _teacher_features: Any
    _student_features: Any

    def __init__(
        self,
        teacher: Any,
        student: Any,
        distillation_losses: Any,
        distillation_loss_weights: Any = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        _check_models(teacher, student)
        self.teacher = teacher
        self.student = student
        number = isinstance(student_loss_weight, (int, float)) and not isinstance(student_loss_weight, bool)
        if not number or not 0.0 <= student_loss_weight <= 1.0:
            raise ValueError(
                f"Distiller got student_loss_weight={student_loss_weight!r}; expected a number from 0 to 1."
            )
        self.student_loss_weight = student_loss_weight
        if isinstance(distillation_losses, (list, tuple)):
            weights = (
                [1.0] * len(distillation_losses) if distillation_loss_weights is None else distillation_loss_weights
            )
        else:
            distillation_losses, weights = [distillation_losses], [1.0]
        if not distillation_losses or not all(hasattr(loss, "compute_loss") for loss in distillation_losses):
            raise ValueError(
                f"Distiller got distillation_losses={distillation_losses!r}; expected one or several DistillationLoss "
                "objects, such as LogitsDistillation()."
            )
        if len(weights) != len(distillation_losses):
            raise ValueError(
                f"Distiller got {len(weights)} distillation_loss_weights for {len(distillation_losses)} "
                "distillation_losses; expected one for each."
            )
        self.distillation_losses = distillation_losses
        self.distillation_loss_weights = weights
        for loss in distillation_losses:
            loss.validate_model_compatibility(teacher, student)
        # Past the tracking: they hold no more than the two models.
        self.__dict__["_teacher_features"] = _features(teacher, [_layers_of(loss)[0] for loss in distillation_losses])
        self.__dict__["_student_features"] = _features(student, [_layers_of(loss)[1] for loss in distillation_losses])
        teacher.trainable = False
        self.student_loss_tracker = Mean(name="student_loss")
        self.distillation_loss_tracker = Mean(name="distillation_loss")
        self.total_loss_tracker = Mean(name="total_loss")

    def compile(self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **kwargs: Any) -> None:
        """Say how the student is trained and measured; the arguments are those of `Model.compile`.

        A `ValueError` without a loss, or with metrics that are in no list.
        """
        if loss is None:
            raise ValueError(_NO_LOSS)
        if metrics is not None and not isinstance(metrics, (list, tuple)):
            raise ValueError(f"Distiller got metrics={metrics!r}; expected a list.")
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, **kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as `get_compile_config` of another distiller says; Keras's own files do not know the loss."""
        if config.get("loss") is None:
            warnings.warn(f"The file does not say which loss the distiller had. {_NO_LOSS}", stacklevel=2)
            return
        compiling.compile_from_config(self, config)

    def call(self, inputs: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """The student's outputs."""
        return self.student(inputs, training=training, **kwargs)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The weighted sum of the student's loss and the distillation losses."""
        if y_pred is None:
            y_pred = self(x, training=training)
        own, distilled, share = ops.zeros(()), ops.zeros(()), self.student_loss_weight
        if share > 0.0 and y is not None:
            own = super().compute_loss(x, y, y_pred, sample_weight, training=training)
        if share < 1.0:
            distilled = self._distillation_loss(x, y_pred, training)
        total = share * own + (1.0 - share) * distilled
        self.student_loss_tracker.update_state(own)
        self.distillation_loss_tracker.update_state(distilled)
        self.total_loss_tracker.update_state(total)
        return total

    def _distillation_loss(self, x: Any, y_pred: Any, training: bool) -> Any:
        teacher: dict[str | None, Any]
        student: dict[str | None, Any] = {}
        if self._teacher_features is None:
            teacher = {None: self.teacher(x, training=False)}
        else:
            teacher = _by_layer(self._teacher_features(x, training=False))
        if self._student_features is not None:
            student = _by_layer(self._student_features(x, training=training))
        student[None] = y_pred
        total: Any = 0.0
        for loss, weight in zip(self.distillation_losses, self.distillation_loss_weights):
            of_teacher, of_student = _layers_of(loss)
            outputs = teacher[of_teacher], student[of_student]
            loss.validate_outputs(*outputs)
            value = loss.compute_loss(*outputs)
            if getattr(value, "shape", ()) != ():
                raise ValueError(
                    f"{type(loss).__name__}.compute_loss returned a loss of shape {value.shape}; expected a scalar."
                )
            total = total + weight * value
        return total

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {
            **super().get_config(),
            "teacher": serialize_keras_object(self.teacher),
            "student": serialize_keras_object(self.student),
            "distillation_losses": [serialize_keras_object(loss) for loss in self.distillation_losses],
            "distillation_loss_weights": list(self.distillation_loss_weights),
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict | None = None) -> Any:
        """The distiller that `get_config()` describes, with fresh weights."""
        names = ("teacher", "student", "distillation_losses")
        made = {name: deserialize_keras_object(config[name], custom_objects) for name in names}
        return super().from_config({**config, **made}, custom_objects)


def _layers_of(loss: DistillationLoss) -> tuple[str | None, str | None]:
    """The layers of teacher and student that a loss compares, `None` for the models' outputs."""
    return getattr(loss, "teacher_layer_name", None) or None, getattr(loss, "student_layer_name", None) or None


def _features(model: Any, names: list[str | None]) -> Any:
    """A model of the outputs of the named layers and, last, of the model itself; `None` where no layer is named."""
    wanted = list(dict.fromkeys(name for name in names if name is not None))
    if not wanted:
        return None
    outputs = {f"layer:{name}": model.get_layer(name=name).output for name in wanted}
    return Model(model.inputs, {**outputs, "model": model.output}, name=f"{model.name}_features")


def _by_layer(features: dict) -> dict[str | None, Any]:
    return {None if key == "model" else key.removeprefix("layer:"): value for key, value in features.items()}


def _check_models(teacher: Any, student: Any) -> None:
    """A `ValueError` unless both are models that take and give the like, as far as their graphs tell."""
    for role, model in (("teacher", teacher), ("student", student)):
        if not isinstance(model, Model):
            raise ValueError(f"Distiller got a {role} of type {type(model).__name__}; expected a model.")
    for kind in ("inputs", "outputs"):
        of_teacher, of_student = getattr(teacher, kind, None), getattr(student, kind, None)
        if of_teacher is None or of_student is None:
            continue
        specs = [[(x.shape, x.dtype) for x in nest.flatten(tensors)] for tensors in (of_teacher, of_student)]
        if len(specs[0]) != len(specs[1]) or not all(map(_alike, *specs)):
            raise ValueError(
                f"Distiller needs a teacher and a student whose {kind} have the same shapes and dtypes; those of the "
                f"teacher are {specs[0]}, those of the student {specs[1]}."
            )


def _alike(a: tuple, b: tuple) -> bool:
    (shape, dtype), (other, other_dtype) = a, b
    sizes = all(m is None or n is None or m == n for m, n in zip(shape, other))
    return dtype == other_dtype and len(shape) == len(other) and sizes
