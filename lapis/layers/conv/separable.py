"""Depthwise separable convolution layers over one and two spatial axes."""

from collections.abc import Sequence
from typing import Any

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.conv.base import KernelLayer
from lapis.layers.options import Activation
from lapis.layers.windows import default_arguments
from lapis.ops.convolution import conv_affine


class SeparableConv(KernelLayer):
    """`activation(separable_conv(x, depthwise, pointwise) + bias)`; the arguments stand at `SeparableConv2D`."""

    _weight_kinds = ("depthwise", "pointwise", "bias")

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        depth_multiplier: int = 1,
        activation: Activation = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.filters = filters
        self.depth_multiplier = depth_multiplier
        self._set_weight_arguments("depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        self._set_weight_arguments("pointwise", pointwise_initializer, pointwise_regularizer, pointwise_constraint)
        self._set_weight_arguments("bias", bias_initializer, bias_regularizer, bias_constraint)
        self._check_positive(filters=filters, depth_multiplier=depth_multiplier)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = self._read_channels(input_shape)
        self._check_fit(input_shape)
        depthwise_shape = (*self.kernel_size, channels, self.depth_multiplier)
        pointwise_shape = (*(1,) * self.rank, channels * self.depth_multiplier, self.filters)
        self.depthwise_kernel = self._add_kernel("depthwise_kernel", depthwise_shape, "depthwise")
        self.pointwise_kernel = self._add_kernel("pointwise_kernel", pointwise_shape, "pointwise")
        self.bias = self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        apart = ops.depthwise_conv(inputs, self.depthwise_kernel, **self._geometry())
        return self._affine(conv_affine, apart, self.pointwise_kernel, data_format=self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters, "depth_multiplier": self.depth_multiplier}


@builtin("keras.layers")
class SeparableConv1D(SeparableConv):
    """Convolution along one axis of each channel by itself, then a mixing of the channels at each position.

    Input `(batch, steps, channels)`, output `(batch, new_steps, filters)`; with `data_format="channels_first"` channels
    and filters stand at axis 1. The arguments are those of `SeparableConv2D`.

    >>> import numpy as np
    >>> SeparableConv1D(4, 3)(np.ones((2, 10, 3))).shape
    (2, 8, 4)
    """

    rank = 1


@builtin("keras.layers")
@default_arguments(strides=(1, 1), dilation_rate=(1, 1))
class SeparableConv2D(SeparableConv):
    """Convolution over an image of each channel by itself, then a mixing of the channels at each position.

    Input `(batch, height, width, channels)`, output `(batch, new_height, new_width, filters)`; with
    `data_format="channels_first"` channels and filters stand at axis 1. The kernels are
    `(*kernel_size, channels, depth_multiplier)` and `(1, 1, channels * depth_multiplier, filters)`.

    Args:
        filters: how many outputs per position, at least 1.
        kernel_size: the window's size, an integer or one per spatial axis.
        strides: how far the window moves.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`; the global `image_data_format()` by default.
        dilation_rate: the distance between the positions that the window covers.
        depth_multiplier: how many values each channel has between the two steps, at least 1.
        activation: function or name; none by default.
        use_bias: whether to add a bias `(filters,)`.
        depthwise_initializer, pointwise_initializer, bias_initializer: the first values.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer: penalties.
        depthwise_constraint, pointwise_constraint, bias_constraint: what weights are put through after each update.

    A `ValueError` for arguments out of range, and where the output would be empty.

    >>> import numpy as np
    >>> SeparableConv2D(8, 3, strides=2, padding="same")(np.ones((2, 9, 9, 3))).shape
    (2, 5, 5, 8)
    """

    rank = 2
