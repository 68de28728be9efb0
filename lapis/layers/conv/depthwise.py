"""Depthwise convolution layers over one and two spatial axes."""

from collections.abc import Sequence
from typing import Any

from lapis.core.serialization import builtin
from lapis.layers.conv.base import KernelLayer
from lapis.layers.options import Activation
from lapis.layers.windows import default_arguments
from lapis.ops.convolution import depthwise_conv_affine


class DepthwiseConv(KernelLayer):
    """`activation(depthwise_conv(x, kernel) + bias)`; the arguments stand at `DepthwiseConv2D`."""

    _weight_kinds = ("depthwise", "bias")

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: Activation = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
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
        self.depth_multiplier = depth_multiplier
        self._set_weight_arguments("depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        self._set_weight_arguments("bias", bias_initializer, bias_regularizer, bias_constraint)
        self._check_positive(depth_multiplier=depth_multiplier)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = self._read_channels(input_shape)
        self._check_fit(input_shape)
        self.kernel = self._add_kernel("kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise")
        self.bias = self._add_bias(channels * self.depth_multiplier)

    def call(self, inputs: Any) -> Any:
        return self._affine(depthwise_conv_affine, inputs, self.kernel, **self._geometry())

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "depth_multiplier": self.depth_multiplier}


@builtin("keras.layers")
class DepthwiseConv1D(DepthwiseConv):
    """Convolution along one axis of each channel by itself: `activation(depthwise_conv(x, kernel) + bias)`.

    Input `(batch, steps, channels)`, output `(batch, new_steps, channels * depth_multiplier)`; with
    `data_format="channels_first"` the channels stand at axis 1. The arguments are those of `DepthwiseConv2D`.

    >>> import numpy as np
    >>> DepthwiseConv1D(3, depth_multiplier=2)(np.ones((2, 10, 3))).shape
    (2, 8, 6)
    """

    rank = 1


@builtin("keras.layers")
@default_arguments(strides=(1, 1), dilation_rate=(1, 1))
class DepthwiseConv2D(DepthwiseConv):
    """Convolution over an image of each channel by itself: `activation(depthwise_conv(x, kernel) + bias)`.

    Input `(batch, height, width, channels)`, output `(batch, new_height, new_width, channels * depth_multiplier)`; with
    `data_format="channels_first"` the channels stand at axis 1. The kernel is
    `(*kernel_size, channels, depth_multiplier)`.

    Args:
        kernel_size: the window's size, an integer or one per spatial axis.
        strides: how far the window moves.
        padding: `"valid"` or `"same"`.
        depth_multiplier: how many outputs each channel has, at least 1.
        data_format: `"channels_last"` or `"channels_first"`; the global `image_data_format()` by default.
        dilation_rate: the distance between the positions that the window covers.
        activation: function or name; none by default.
        use_bias: whether to add a bias `(channels * depth_multiplier,)`.
        depthwise_initializer, bias_initializer: the first values.
        depthwise_regularizer, bias_regularizer, activity_regularizer: penalties on weights and output.
        depthwise_constraint, bias_constraint: what weights are put through after each update.

    A `ValueError` for arguments out of range, and where the output would be empty.

    >>> import numpy as np
    >>> DepthwiseConv2D(3, padding="same")(np.ones((2, 9, 9, 3))).shape
    (2, 9, 9, 3)
    """

    rank = 2
