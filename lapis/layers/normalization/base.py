"""What normalization layers have in common: a learned scale `gamma` and a learned shift `beta`."""

from collections.abc import Sequence
from typing import Any

import lapis.constraints as constraints
import lapis.initializers as initializers
import lapis.regularizers as regularizers
from lapis.layers.layer import Layer


class ScaledAndShifted(Layer):
    """A layer that multiplies normalized values by `gamma` (with `scale`) and adds `beta` to them (with `center`)."""

    def __init__(
        self,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        beta_regularizer: Any,
        gamma_regularizer: Any,
        beta_constraint: Any,
        gamma_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True
        self.gamma = self.beta = None

    def _add_scale_and_shift(self, shape: tuple[int, ...]) -> None:
        # Kept in the variable type: statistics and scales lose too much in 16 bits.
        if self.scale:
            self.gamma = self.add_weight(
                name="gamma",
                shape=shape,
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                autocast=False,
            )
        if self.center:
            self.beta = self.add_weight(
                name="beta",
                shape=shape,
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                autocast=False,
            )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }


def read_axes(axis: Any) -> int | list[int]:
    """The argument `axis` of layers that normalize over one axis or several."""
    if isinstance(axis, (list, tuple)):
        return list(axis)
    if isinstance(axis, int):
        return axis
    raise TypeError(f"`axis` must be an integer or a list of integers; received axis={axis!r}.")


def check_axis(layer: Layer, axis: int, input_shape: Sequence[int | None]) -> None:
    """A `ValueError` where the inputs have no such axis."""
    if not -len(input_shape) <= axis < len(input_shape):
        raise ValueError(
            f"{type(layer).__name__} {layer.path!r} has axis={axis}, which is out of bounds for inputs of shape "
            f"{tuple(input_shape)}."
        )


def known_size(layer: Layer, axis: int, input_shape: Sequence[int | None]) -> int:
    """The size of an axis of the inputs; a `ValueError` where it is unknown or there is no such axis."""
    check_axis(layer, axis, input_shape)
    size = input_shape[axis]
    if size is None:
        raise ValueError(
            f"{type(layer).__name__} {layer.path!r} has one weight for each position on axis {axis}, so that axis "
            f"needs a known size; received inputs of shape {tuple(input_shape)}."
        )
    return size
