"""Transposed convolution layers over one, two and three spatial axes."""

from collections.abc import Sequence
from typing import Any

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.conv.base import KernelLayer
from lapis.layers.options import Activation
from lapis.layers.windows import default_arguments, int_tuple


class ConvTranspose(KernelLayer):
    """`activation(conv_transpose(x, kernel) + bias)`; the arguments stand at `Conv2DTranspose`."""

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        output_padding: int | Sequence[int] | None = None,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: Activation = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
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
        self.output_padding = None
        if output_padding is not None:
            self.output_padding = int_tuple(output_padding, self.rank, "output_padding", least=0)
        self._set_weight_arguments("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._set_weight_arguments("bias", bias_initializer, bias_regularizer, bias_constraint)
        self._check_positive(filters=filters)
        self._check_one_of_strides_and_dilation()
        if any(extra >= stride for extra, stride in zip(self.output_padding or (), self.strides)):
            raise ValueError(
                "`output_padding` must be smaller than `strides` along every axis; received "
                f"output_padding={self.output_padding} and strides={self.strides}."
            )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = self._read_channels(input_shape)
        self.kernel = self._add_kernel("kernel", (*self.kernel_size, self.filters, channels), "kernel")
        self.bias = self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        outputs = ops.conv_transpose(inputs, self.kernel, output_padding=self.output_padding, **self._geometry())
        return self._finish(outputs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters, "output_padding": self.output_padding}


@builtin("keras.layers")
class Conv1DTranspose(ConvTranspose):
    """Transposed convolution along one axis, the way back from the output sizes of a `Conv1D` to its input sizes.

    Input `(batch, steps, channels)`, output `(batch, new_steps, filters)`; with `data_format="channels_first"` input
    `(batch, channels, steps)` and output `(batch, filters, new_steps)`. The arguments are those of `Conv2DTranspose`.

    >>> import numpy as np
    >>> Conv1DTranspose(4, 3, strides=2, padding="same")(np.ones((2, 5, 3))).shape
    (2, 10, 4)
    """

    rank = 1


@builtin("keras.layers")
@default_arguments(strides=(1, 1), dilation_rate=(1, 1))
class Conv2DTranspose(ConvTranspose):
    """Transposed convolution over an image, the way back from the output sizes of a `Conv2D` to its input sizes.

    Input `(batch, height, width, channels)`, output `(batch, new_height, new_width, filters)`; with
    `data_format="channels_first"` input `(batch, channels, height, width)` and output
    `(batch, filters, new_height, new_width)`. The kernel is `(*kernel_size, filters, channels)`. With
    `window = (kernel_size - 1) * dilation_rate + 1`, an axis of `n` inputs has these outputs:

    - `"valid"`: `(n - 1) * stride + max(window, stride)`, or with `output_padding`
      `(n - 1) * stride + window + output_padding`;
    - `"same"`: `n * stride`, or with `output_padding` `(n - 1) * stride + window % 2 + output_padding`.

    Args:
        filters: how many outputs per position, at least 1.
        kernel_size: the window's size, an integer or one per spatial axis.
        strides: how far apart the inputs lie among the outputs; not above 1 together with `dilation_rate`.
        padding: `"valid"` or `"same"`.
        output_padding: further outputs at the end of each axis, fewer than the stride; `None` for the rule above.
        data_format: `"channels_last"` or `"channels_first"`; the global `image_data_format()` by default.
        dilation_rate: the distance between the positions that the window covers.
        activation: function or name; none by default.
        use_bias: whether to add a bias `(filters,)`.
        kernel_initializer, bias_initializer: the first values.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties on weights and output.
        kernel_constraint, bias_constraint: what weights are put through after each update.

    A `ValueError` for arguments out of range.

    >>> import numpy as np
    >>> Conv2DTranspose(8, 3, strides=2)(np.ones((2, 4, 4, 3))).shape
    (2, 9, 9, 8)
    """

    rank = 2


@builtin("keras.layers")
@default_arguments(strides=(1, 1, 1), dilation_rate=(1, 1, 1))
class Conv3DTranspose(ConvTranspose):
    """Transposed convolution over a volume, the way back from the output sizes of a `Conv3D` to its input sizes.

    Input `(batch, depth, height, width, channels)`, output `(batch, new_depth, new_height, new_width, filters)`; with
    `data_format="channels_first"` the channels and filters stand at axis 1. The arguments are those of
    `Conv2DTranspose`.

    >>> import numpy as np
    >>> Conv3DTranspose(4, 2, strides=2)(np.ones((1, 3, 3, 3, 2))).shape
    (1, 6, 6, 6, 4)
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: int | Sequence[int] | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        # Keras has these two the other way around here.
        super().__init__(filters, kernel_size, strides, padding, output_padding, data_format, *args, **kwargs)
