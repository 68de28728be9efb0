"""Convolution layers over one, two and three spatial axes."""

from collections.abc import Sequence
from typing import Any

import lapis.ops as ops
from lapis.core.serialization import builtin
from lapis.layers.conv.base import KernelLayer
from lapis.layers.core.lora import LowRankAdapted
from lapis.layers.options import Activation
from lapis.layers.windows import default_arguments
from lapis.ops.convolution import conv_affine


class Conv(LowRankAdapted, KernelLayer):
    """`activation(conv(x, kernel) + bias)`, with a kernel `(*kernel_size, channels // groups, filters)`.

    The arguments stand at `Conv2D`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        groups: int = 1,
        activation: Activation = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
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
        self.groups = groups
        self._set_weight_arguments("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._set_weight_arguments("bias", bias_initializer, bias_regularizer, bias_constraint)
        self._set_lora(lora_rank, lora_alpha)
        self._check_positive(filters=filters, groups=groups)
        self._check_one_of_strides_and_dilation()
        if filters is not None and filters % groups:
            raise ValueError(f"`groups` must divide `filters`; received filters={filters} and groups={groups}.")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = self._read_channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                f"`groups` must divide the number of input channels; {type(self).__name__} {self.path!r} has "
                f"groups={self.groups} and received inputs of shape {tuple(input_shape)} with {channels} channels."
            )
        self._check_fit(input_shape)
        self._kernel = self._add_kernel("kernel", (*self.kernel_size, channels // self.groups, self.filters), "kernel")
        self.bias = self._add_bias(self.filters)
        if self.lora_rank:
            self._start_lora()

    @property
    def kernel(self) -> Any:
        """The kernel, with the low-rank change where there is one."""
        return self._adapted()

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """The convolution by itself, for subclasses that change the kernel or the operation."""
        return ops.conv(inputs, kernel, **self._geometry())

    def call(self, inputs: Any) -> Any:
        if type(self).convolution_op is not Conv.convolution_op:
            return self._finish(self.convolution_op(inputs, self.kernel))
        return self._affine(conv_affine, inputs, self.kernel, **self._geometry())

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters, "groups": self.groups, **self._lora_config()}


@builtin("keras.layers")
class Conv1D(Conv):
    """Convolution along one axis, such as time: `activation(conv(x, kernel) + bias)`.

    Input `(batch, steps, channels)`, output `(batch, new_steps, filters)`; with `data_format="channels_first"` input
    `(batch, channels, steps)` and output `(batch, filters, new_steps)`. The arguments are those of `Conv2D`, and
    `padding` may also be `"causal"`: no output depends on a later input.

    >>> import numpy as np
    >>> Conv1D(4, 3, padding="causal", activation="relu")(np.ones((2, 10, 3))).shape
    (2, 10, 4)
    """

    rank = 1
    _paddings = ("valid", "same", "causal")


@builtin("keras.layers")
@default_arguments(strides=(1, 1), dilation_rate=(1, 1))
class Conv2D(Conv):
    """Convolution over the two axes of an image: `activation(conv(x, kernel) + bias)`.

    Input `(batch, height, width, channels)`, output `(batch, new_height, new_width, filters)`; with
    `data_format="channels_first"` input `(batch, channels, height, width)` and output
    `(batch, filters, new_height, new_width)`. The kernel is `(*kernel_size, channels // groups, filters)`.

    Args:
        filters: how many outputs per position, at least 1.
        kernel_size: the window's size, an integer or one per spatial axis.
        strides: how far the window moves; not above 1 together with `dilation_rate`.
        padding: `"valid"` (none), or `"same"` (an axis of `n` inputs has `n / stride` outputs, rounded up).
        data_format: `"channels_last"` or `"channels_first"`; the global `image_data_format()` by default.
        dilation_rate: the distance between the positions that the window covers.
        groups: into how many parts channels and filters are split, each convolved by itself; must divide both.
        activation: function or name; none by default.
        use_bias: whether to add a bias `(filters,)`.
        kernel_initializer, bias_initializer: the first values.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties on weights and output.
        kernel_constraint, bias_constraint: what weights are put through after each update.
        lora_rank, lora_alpha: freeze the kernel and train a low-rank change of it (see `enable_lora`).

    A `ValueError` for arguments out of range, and where the output would be empty.

    >>> import numpy as np
    >>> Conv2D(8, (3, 5), strides=2)(np.ones((2, 9, 9, 3))).shape
    (2, 4, 3, 8)
    """

    rank = 2


@builtin("keras.layers")
@default_arguments(strides=(1, 1, 1), dilation_rate=(1, 1, 1))
class Conv3D(Conv):
    """Convolution over three axes, of a volume or a film: `activation(conv(x, kernel) + bias)`.

    Input `(batch, depth, height, width, channels)`, output `(batch, new_depth, new_height, new_width, filters)`; with
    `data_format="channels_first"` the channels and filters stand at axis 1. The arguments are those of `Conv2D`.

    >>> import numpy as np
    >>> Conv3D(4, 2, groups=2)(np.ones((1, 5, 5, 5, 2))).shape
    (1, 4, 4, 4, 4)
    """

    rank = 3
