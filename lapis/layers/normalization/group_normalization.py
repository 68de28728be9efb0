"""Group normalization."""

from typing import Any, Unpack

import lapis.ops as ops
from lapis.core.dtypes import result_type
from lapis.core.serialization import builtin
from lapis.layers.batch_axis import is_batch_axis
from lapis.layers.input_spec import InputSpec
from lapis.layers.normalization.base import ScaledAndShifted, known_size
from lapis.layers.options import LayerOptions


@builtin("keras.layers")
class GroupNormalization(ScaledAndShifted):
    """Subtract the mean and divide by the standard deviation of each sample over groups of channels.

    `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with the moments over all positions and the channels of a
    group, and `gamma` and `beta` for each channel. Input and output have the same shape. From
    [Wu and He, 2018](https://arxiv.org/abs/1803.08494).

    Args:
        groups: into how many groups the channels are split; must divide them. `-1` puts each channel by itself.
        axis: the axis of the channels, not the batch axis.
        epsilon: added to the variance.
        center, scale: whether to add `beta`, and to multiply by `gamma`.
        beta_initializer, gamma_initializer: the first values.
        beta_regularizer, gamma_regularizer: penalties on the weights.
        beta_constraint, gamma_constraint: what the weights are put through after each update.

    A `ValueError` where `groups` does not divide the channels, or their number is unknown.

    >>> import numpy as np
    >>> GroupNormalization(groups=2)(np.ones((2, 4, 6))).shape
    (2, 4, 6)
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        if not isinstance(groups, int) or (groups < 1 and groups != -1):
            raise ValueError(f"`groups` must be a positive integer, or -1 for one per channel; received {groups!r}.")
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
        self.groups = groups
        self.axis = axis
        self.autocast = False

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = known_size(self, self.axis, input_shape)
        if self.groups == -1:
            self.groups = channels
        if channels % self.groups:
            raise ValueError(
                f"`groups` must divide the number of channels; {self.path!r} has groups={self.groups} and received "
                f"inputs of shape {tuple(input_shape)} with {channels} channels on axis {self.axis}."
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        self._add_scale_and_shift((channels,))

    def call(self, inputs: Any) -> Any:
        axis = self.axis % inputs.ndim
        parts = (self.groups, inputs.shape[axis] // self.groups)
        split = (*inputs.shape[:axis], *parts, *inputs.shape[axis + 1 :])
        x = ops.cast(ops.reshape(inputs, split), result_type(inputs.dtype, "float32"))  # sums overflow in 16 bits
        mean, variance = ops.moments(x, [i for i in range(1, x.ndim) if i != axis], keepdims=True)

        def spread(weight: Any) -> Any:
            return ops.reshape(ops.cast(weight, x.dtype), (*parts, *(1,) * (x.ndim - axis - 2)))

        factor = ops.rsqrt(variance + self.epsilon)
        if self.gamma is not None:
            factor = factor * spread(self.gamma)
        shift = -mean * factor
        if self.beta is not None:
            shift = shift + spread(self.beta)
        return ops.cast(ops.reshape(x * factor + shift, inputs.shape), self.compute_dtype)

    def _mixes_rows(self, ranks: list[int], training: bool) -> bool:
        return is_batch_axis(self.axis, ranks)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups, "axis": self.axis}
