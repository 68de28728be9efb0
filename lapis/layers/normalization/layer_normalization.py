"""Layer normalization."""

import warnings
from collections.abc import Sequence
from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.batch_axis import is_batch_axis
from lapis.layers.normalization.base import ScaledAndShifted, known_size, read_axes
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class LayerNormalization(ScaledAndShifted):
    """Subtract the mean and divide by the standard deviation of each sample over `axis`.

    `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, where `gamma` and `beta` have the sizes of the input along
    `axis`. Input and output have the same shape. From [Lei Ba et al., 2016](https://arxiv.org/abs/1607.06450).

    Args:
        axis: the axis or axes to normalize over.
        epsilon: added to the variance.
        center, scale: whether to add `beta`, and to multiply by `gamma`.
        beta_initializer, gamma_initializer: the first values.
        beta_regularizer, gamma_regularizer: penalties on the weights.
        beta_constraint, gamma_constraint: what the weights are put through after each update.

    A `TypeError` for an `axis` of another kind; a `ValueError` where the inputs have no such axis or its size is
    unknown.

    >>> import numpy as np
    >>> LayerNormalization()(np.array([[1.0, 3.0], [5.0, 5.0]])).round(2).tolist()
    [[-1.0, 1.0], [0.0, 0.0]]
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        rms_scaling: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        if rms_scaling:
            warnings.warn(
                "LayerNormalization(rms_scaling=True) divides by the standard deviation; RMSNormalization divides by "
                "the root mean square.",
                stacklevel=2,
            )
        super().__init__(
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        self.axis = read_axes(axis)
        self.rms_scaling = rms_scaling
        self.autocast = False

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.axis = sorted([self.axis] if isinstance(self.axis, int) else self.axis)
        for axis in self.axis:
            known_size(self, axis, input_shape)
        places = sorted(axis % len(input_shape) for axis in self.axis)
        self._add_scale_and_shift(tuple(known_size(self, place, input_shape) for place in places))

    def call(self, inputs: Any) -> Any:
        outputs = ops.layer_normalization(
            inputs, self.gamma, self.beta, self.axis, self.epsilon, rms_scaling=self.rms_scaling
        )
        return ops.cast(outputs, self.compute_dtype)

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        return is_batch_axis(self.axis, ranks)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis, "rms_scaling": self.rms_scaling}
