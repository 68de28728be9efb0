"""Losses by name."""

from typing import Any

from lapis.core.serialization import builtin_functions, deserialize_keras_object, resolve, serialize_keras_object
from lapis.losses import circle_loss, crossentropy, ctc_loss, hinges, probabilistic, regression, segmentation
from lapis.losses.loss import Loss

CLASSES: dict[str, Any] = {
    cls.__name__: cls
    for cls in (
        crossentropy.BinaryCrossentropy,
        crossentropy.BinaryFocalCrossentropy,
        crossentropy.CategoricalCrossentropy,
        crossentropy.CategoricalFocalCrossentropy,
        crossentropy.SparseCategoricalCrossentropy,
        crossentropy.CategoricalGeneralizedCrossEntropy,
        probabilistic.KLDivergence,
        probabilistic.Poisson,
        regression.MeanSquaredError,
        regression.MeanAbsoluteError,
        regression.MeanAbsolutePercentageError,
        regression.MeanSquaredLogarithmicError,
        regression.Huber,
        regression.LogCosh,
        regression.CosineSimilarity,
        hinges.Hinge,
        hinges.SquaredHinge,
        hinges.CategoricalHinge,
        segmentation.Dice,
        segmentation.Tversky,
        circle_loss.Circle,
        ctc_loss.CTC,
    )
}

FUNCTIONS: dict[str, Any] = {
    fn.__name__: fn
    for fn in (
        crossentropy.binary_crossentropy,
        crossentropy.binary_focal_crossentropy,
        crossentropy.categorical_crossentropy,
        crossentropy.categorical_focal_crossentropy,
        crossentropy.sparse_categorical_crossentropy,
        crossentropy.categorical_generalized_cross_entropy,
        probabilistic.kl_divergence,
        probabilistic.poisson,
        regression.mean_squared_error,
        regression.mean_absolute_error,
        regression.mean_absolute_percentage_error,
        regression.mean_squared_logarithmic_error,
        regression.huber,
        regression.log_cosh,
        regression.cosine_similarity,
        hinges.hinge,
        hinges.squared_hinge,
        hinges.categorical_hinge,
        segmentation.dice,
        segmentation.tversky,
        circle_loss.circle,
        ctc_loss.ctc,
    )
}

ALIASES: dict[str, Any] = {
    "bce": crossentropy.binary_crossentropy,
    "kld": probabilistic.kl_divergence,
    "mae": regression.mean_absolute_error,
    "mse": regression.mean_squared_error,
    "mape": regression.mean_absolute_percentage_error,
    "msle": regression.mean_squared_logarithmic_error,
}
ALIASES |= {name.upper(): fn for name, fn in ALIASES.items()}

TABLE: dict[str, Any] = {**CLASSES, **FUNCTIONS, **ALIASES}
builtin_functions({**FUNCTIONS, **ALIASES})


def get(identifier: Any) -> Any:
    """A loss from its name, config, class or itself; `None` gives `None`.

    The names of functions (`"mse"`, `"mean_squared_error"`) give the function, those of classes an instance.
    An unknown name is a `ValueError` that lists close ones.

    >>> get("mse").__name__, get("MeanSquaredError").name
    ('mean_squared_error', 'mean_squared_error')
    """
    return resolve(identifier, "loss", TABLE, Loss)


def serialize(loss: Any) -> dict[str, Any]:
    """The loss as plain data.

    >>> serialize(get("MeanSquaredError"))["config"]
    {'name': 'mean_squared_error', 'reduction': 'sum_over_batch_size'}
    """
    return serialize_keras_object(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The loss that plain data, or a name, describes."""
    if isinstance(name, str):
        found = (custom_objects or {}).get(name)
        return found if found is not None else get(name)
    return deserialize_keras_object(name, custom_objects)
