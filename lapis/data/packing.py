"""The shapes a batch comes in: `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`."""

from dataclasses import dataclass
from typing import Any

import numpy as np

import lapis.core.nest as nest
from lapis.core.config import floatx
from lapis.core.findings import refuse


@dataclass(frozen=True)
class OutputClassWeights:
    """Class weights per output.

    Attributes:
        names: the outputs' names in order, none where only the targets' keys tell.
        weights: for each output that has some, by name, a dict from class numbers to weights.
    """

    names: tuple[str, ...]
    weights: dict[str, dict]


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """The inputs, targets and sample weights of a batch, with `None` for what it does not have.

    Raises `ValueError` for a tuple or list of more than three parts.

    >>> unpack_x_y_sample_weight(("x", "y"))
    ('x', 'y', None)
    """
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            f"A batch is x, (x,), (x, y) or (x, y, sample_weight); got a {type(data).__name__} of {len(data)} parts. "
            "Several inputs or targets of one batch belong together in a tuple, list or dict of their own: "
            "((x1, x2), y)."
        )
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """A batch in the shape that `train_step` and its kin receive: as few parts as the arguments need.

    >>> pack_x_y_sample_weight("x", "y")
    ('x', 'y')
    """
    if y is None and sample_weight is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    if sample_weight is None:
        return x, y
    return x, y, sample_weight


def class_weight_to_sample_weight(y: Any, class_weight: dict | OutputClassWeights) -> Any:
    """One weight per sample, by the class of its target `(batch,)`, `(batch, 1)` or one-hot `(batch, classes)`.

    Classes that `class_weight` does not name weigh 1. For several outputs, weights in the structure of the targets,
    `None` for outputs without class weights.

    >>> class_weight_to_sample_weight(np.array([0, 2, 1]), {0: 0.5, 2: 3.0})
    array([0.5, 3. , 1. ], dtype=float32)
    """
    if y is None:
        raise ValueError("class_weight needs targets: pass y, or batches of (x, y).")
    if isinstance(class_weight, OutputClassWeights):
        return _per_output(y, class_weight)
    if nest.is_nested(y):
        refuse(
            "class-weight",
            f"class_weight works for models with one output, but y is a {type(y).__name__} of {len(nest.flatten(y))} "
            "arrays.",
            "Give a dict of such dicts by output name.",
        )
    labels = np.asarray(y)
    if labels.ndim > 1:
        labels = labels[..., 0] if labels.shape[-1] == 1 else labels.argmax(-1)
    if labels.ndim != 1:
        refuse(
            "class-weight",
            f"class_weight needs one class per sample, but y has shape {np.shape(y)}.",
            "Give sample_weight instead.",
        )
    labels = np.round(labels).astype(np.int64)
    classes, where = np.unique(labels, return_inverse=True)
    by_class = np.array([class_weight.get(int(label), 1.0) for label in classes], dtype=floatx())
    return by_class[where]


def _per_output(y: Any, class_weight: OutputClassWeights) -> Any:
    names, weights = class_weight.names, class_weight.weights

    def of(name: str, target: Any) -> Any:
        return class_weight_to_sample_weight(target, weights[name]) if name in weights else None

    if isinstance(y, dict):
        unknown = [name for name in weights if name not in y]
        if unknown:
            refuse(
                "class-weight",
                f"class_weight names the outputs {unknown}, but y has only {list(y)}.",
                "Give targets for these outputs, or leave out their class weights.",
            )
        return {name: of(name, target) for name, target in y.items()}
    targets = list(y) if nest.is_nested(y) else [y]
    if len(targets) != len(names):
        refuse(
            "class-weight",
            f"class_weight is given per output, but y holds {len(targets)} arrays for the outputs {list(names)}.",
            "Give y in a dict by output name.",
        )
    found = [of(name, target) for name, target in zip(names, targets)]
    return found if nest.is_nested(y) else found[0]


def with_class_weight(batch: Any, class_weight: dict | OutputClassWeights | None) -> Any:
    """The batch with sample weights made from `class_weight`."""
    if class_weight is None:
        return batch
    x, y, sample_weight = unpack_x_y_sample_weight(batch)
    if sample_weight is not None:
        raise ValueError(
            "The data carry sample weights already, so class_weight cannot be given too. Multiply the class weights "
            "into the sample weights instead."
        )
    return x, y, class_weight_to_sample_weight(y, class_weight)
