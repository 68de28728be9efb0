"""A layer applied to each time step by itself."""

from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.calling import signature_of
from lapis.layers.core.wrapper import Wrapper
from lapis.layers.layer import Layer
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class TimeDistributed(Wrapper):
    """Applies `layer` to each time step of `(batch, time, ...)`, with the same weights.

    A mask `(batch, time, ...)` is handed to a layer that takes one, step by step. A `ValueError` where `layer` is no
    layer, the input has fewer than three axes, or the mask does not fit it.

    >>> import numpy as np
    >>> from lapis.layers.core.dense import Dense
    >>> TimeDistributed(Dense(4))(np.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    def __init__(self, layer: Layer, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        if not isinstance(input_shape, (tuple, list)) or len(input_shape) < 3:
            raise ValueError(
                f"TimeDistributed needs inputs (batch, time, ...) with three axes or more; got {input_shape}."
            )
        super().build((input_shape[0], *input_shape[2:]))

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        signature = signature_of(type(self.layer).call)
        extra = {"training": training} if signature.takes_training else {}
        steps = ops.swapaxes(inputs, 0, 1)
        if mask is not None:
            _check_mask(mask.shape, inputs.shape)
        masks = ops.swapaxes(mask, 0, 1) if mask is not None and signature.takes_mask else None

        def apply(step: Any) -> Any:
            x, step_mask = step if masks is not None else (step, None)
            return self.layer.call(x, **extra, **({} if step_mask is None else {"mask": step_mask}))

        if self._changes_state(training) and isinstance(steps.shape[0], int):
            slices = [steps[i] if masks is None else (steps[i], masks[i]) for i in range(steps.shape[0])]
            outputs = ops.stack([apply(step) for step in slices])
        else:
            outputs = ops.vectorized_map(apply, steps if masks is None else (steps, masks))
        return ops.swapaxes(outputs, 0, 1)

    def _changes_state(self, training: bool | None) -> bool:
        """Whether the steps must go one after the other, since each may draw random numbers or update variables."""
        return bool(training) and bool(self.layer.non_trainable_variables)


def _check_mask(mask: tuple, inputs: tuple) -> None:
    if len(mask) < 2 or any(m != i for m, i in zip(mask[:2], inputs[:2]) if isinstance(m, int) and isinstance(i, int)):
        raise ValueError(
            f"TimeDistributed got a mask of shape {tuple(mask)} for inputs of shape {tuple(inputs)}; expected "
            "(batch, time, ...) with the inputs' batch and time."
        )
