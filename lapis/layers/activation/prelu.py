"""The rectified linear unit whose slope is learned."""

from collections.abc import Sequence
from typing import Any, Unpack

import lapis.constraints as constraints
import lapis.initializers as initializers
import lapis.ops as ops
import lapis.regularizers as regularizers
from lapis.core.serialization import builtin
from lapis.layers.input_spec import InputSpec
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class PReLU(Layer):
    """`x` where it is positive, `alpha * x` elsewhere; `alpha` has an entry for each value of a sample.

    `shared_axes` names axes along which one entry serves: `[1, 2]` for images `(batch, height, width, channels)`.
    From [He et al., 2015](https://arxiv.org/abs/1502.01852).

    >>> import numpy as np
    >>> PReLU(alpha_initializer="ones")(np.array([[-2.0, 2.0]], "float32")).tolist()
    [[-2.0, 2.0]]
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        if isinstance(shared_axes, int):
            shared_axes = [shared_axes]
        self.shared_axes = None if shared_axes is None else list(shared_axes)

    def build(self, input_shape: tuple) -> None:
        shared = self.shared_axes or []
        if any(not 0 < axis < len(input_shape) for axis in shared):
            raise ValueError(
                f"{self.path!r} has shared_axes={shared}; expected axes from 1 to {len(input_shape) - 1} "
                f"for an input of shape {tuple(input_shape)}."
            )
        shape = list(input_shape[1:])
        for axis in shared:
            shape[axis - 1] = 1
        self.alpha = self.add_weight(
            name="alpha",
            shape=shape,
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )
        kept = {axis: input_shape[axis] for axis in range(1, len(input_shape)) if shared and axis not in shared}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=kept)

    def call(self, inputs: Any) -> Any:
        return ops.relu(inputs) - self.alpha * ops.relu(-inputs)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": regularizers.serialize(self.alpha_regularizer),
            "alpha_constraint": constraints.serialize(self.alpha_constraint),
            "shared_axes": self.shared_axes,
        }
