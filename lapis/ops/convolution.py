"""Convolution, its transpose, and its depthwise and separable kinds, over any number of spatial axes.

What is computed is the cross-correlation that neural networks call convolution:
`y[n, p, o] = sum over q, i of x[n, p * stride + q * dilation, i] * kernel[q, i, o]`.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from lapis.graph import op
from lapis.kernels import convolution as kernels
from lapis.kernels.choice import native_dtype
from lapis.kernels.geometry import Geometry
from lapis.ops.arrays import Tensor
from lapis.ops.windows import check_fit, check_padding, check_rank, find_axes, per_axis


@op
def conv(
    inputs: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Tensor:
    """Convolution of `inputs` with `kernel`, in the kernel's dtype.

    `inputs` is `(batch, ..., channels)`, or `(batch, channels, ...)` for `data_format="channels_first"`; `kernel` is
    `(..., channels // groups, filters)`, the number of groups following from its channels. `padding` is `"valid"`,
    `"same"`, or for one spatial axis `"causal"`, where no output depends on a later input. A `ValueError` where the
    output would be empty or the channels do not agree.

    >>> conv(jnp.ones((1, 5, 1)), jnp.ones((3, 1, 1))).ravel().tolist()
    [3.0, 3.0, 3.0]
    """
    return conv_affine(inputs, kernel, None, False, strides, padding, data_format, dilation_rate)


@op
def conv_affine(
    inputs: Any,
    kernel: Any,
    bias: Any,
    relu: bool = False,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Tensor:
    """`conv` plus a bias `(filters,)` (or `None`), and with `relu` the positive part of that; natively all in one.

    >>> conv_affine(jnp.ones((1, 5, 1)), jnp.ones((3, 1, 1)), jnp.array([-4.0]), relu=True).ravel().tolist()
    [0.0, 0.0, 0.0]
    """
    inputs, kernel = _arrays(inputs, kernel)
    channels, per_group = inputs.shape[_channel_axis(inputs, data_format)], kernel.shape[-2]
    groups, left = divmod(channels, per_group)
    if left or not groups or kernel.shape[-1] % groups:
        raise ValueError(
            f"conv got inputs with {channels} channels and a kernel of shape {kernel.shape} with {per_group} input "
            f"channels and {kernel.shape[-1]} filters. The inputs' channels must be a multiple of the kernel's, and "
            "that multiple, the number of groups, must divide the filters."
        )
    place = (strides, padding, data_format, dilation_rate)
    return _convolve(inputs, kernel, bias, relu, *place, groups, "conv")


@op
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Tensor:
    """Convolution of each channel by itself, each with `multiplier` filters of its own.

    `kernel` is `(..., channels, multiplier)`; the output has `channels * multiplier` channels, those of one input
    channel beside each other. The other arguments are those of `conv`.

    >>> depthwise_conv(jnp.ones((1, 3, 2)), jnp.array([[[1.0], [2.0]]])).tolist()
    [[[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]]
    """
    return depthwise_conv_affine(inputs, kernel, None, False, strides, padding, data_format, dilation_rate)


@op
def depthwise_conv_affine(
    inputs: Any,
    kernel: Any,
    bias: Any,
    relu: bool = False,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Tensor:
    """`depthwise_conv` plus a bias `(channels * multiplier,)` (or `None`), and with `relu` the positive part of that.

    >>> depthwise_conv_affine(jnp.ones((1, 3, 1)), jnp.ones((1, 1, 1)), jnp.array([2.0])).ravel().tolist()
    [3.0, 3.0, 3.0]
    """
    inputs, kernel = _arrays(inputs, kernel)
    *window, channels, multiplier = kernel.shape
    _check_channels(inputs, channels, kernel, data_format, "depthwise_conv")
    kernel = kernel.reshape(*window, 1, channels * multiplier)
    place = (strides, padding, data_format, dilation_rate)
    return _convolve(inputs, kernel, bias, relu, *place, channels, "depthwise_conv")


@op
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Tensor:
    """`depthwise_conv`, then a `conv` with a window of one that mixes the channels.

    `depthwise_kernel` is `(..., channels, multiplier)`, `pointwise_kernel` `(1, ..., channels * multiplier, filters)`.
    The other arguments are those of `conv` and concern the first step.

    >>> separable_conv(jnp.ones((1, 4, 2)), jnp.ones((3, 2, 1)), jnp.ones((1, 2, 1))).ravel().tolist()
    [6.0, 6.0]
    """
    outputs = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(outputs, pointwise_kernel, data_format=data_format)


@op
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    output_padding: int | Sequence[int] | None = None,
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Tensor:
    """The transpose of a convolution: each input spreads over a window of outputs, `strides` apart.

    `kernel` is `(..., filters, channels)`. With `window = (kernel size - 1) * dilation + 1`, an axis of `n` inputs has
    - `"valid"`: `(n - 1) * stride + max(window, stride)` outputs, or with `output_padding`
      `(n - 1) * stride + window + output_padding`;
    - `"same"`: `n * stride` outputs, or with `output_padding` `(n - 1) * stride + window % 2 + output_padding`.

    >>> conv_transpose(jnp.ones((1, 2, 1)), jnp.ones((2, 1, 1)), strides=2).ravel().tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    inputs, kernel = _arrays(inputs, kernel)
    rank = check_rank(inputs, "conv_transpose")
    _check_channels(inputs, kernel.shape[-1], kernel, data_format, "conv_transpose")
    steps, dilation = per_axis(strides, rank, "strides"), per_axis(dilation_rate, rank, "dilation_rate")
    extra = (None,) * rank if output_padding is None else per_axis(output_padding, rank, "output_padding")
    padding = check_padding(padding, "conv_transpose")
    windows = _windows(kernel, dilation)
    pads = [_transpose_pads(*geometry, padding) for geometry in zip(windows, steps, extra)]
    return _transpose(inputs, kernel, steps, pads, dilation, windows, data_format)


def _transpose(
    inputs: Any, kernel: Any, steps: Any, pads: Any, dilation: Any, windows: Any, data_format: str | None
) -> Any:
    rank = len(steps)
    spatial, channel = find_axes(rank, data_format)
    # The gradient of a convolution with these pads, for inputs of these sizes.
    opposite = tuple((window - 1 - before, window - 1 - after) for window, (before, after) in zip(windows, pads))
    geometry = Geometry(steps, opposite, dilation)
    counts = [inputs.shape[axis] for axis in spatial]
    sizes = tuple(
        (count - 1) * step + 1 + sum(pad) - (window - 1)
        for count, step, pad, window in zip(counts, steps, pads, windows)
    )
    outputs = (inputs.shape[0], *sizes, kernel.shape[-2])
    computed = native_dtype(outputs, kernel.shape, kernel.dtype, geometry)
    if computed:
        x, w = _to_last(inputs, channel).astype(computed), kernel.astype(computed)
        return _from_last(kernels.transpose(x, w, geometry, sizes).astype(kernel.dtype), channel)
    # Inputs `stride` apart with zeros between, convolved with the window turned around.
    return lax.conv_general_dilated(
        inputs,
        jnp.flip(kernel, range(rank)),
        window_strides=(1,) * rank,
        padding=pads,
        lhs_dilation=steps,
        rhs_dilation=dilation,
        dimension_numbers=_dimension_numbers(rank, data_format, transpose=True),
    )


def _transpose_pads(window: int, stride: int, extra: int | None, padding: str) -> tuple[int, int]:
    """Zeros before and after the spread inputs that give the documented number of outputs."""
    if padding == "valid":
        return window - 1, window - 1 + (max(stride - window, 0) if extra is None else extra)
    total = window - 2 + (stride if extra is None else window % 2 + extra)
    before = min(-(-total // 2), window - 1)
    return before, total - before


def _convolve(
    inputs: Any,
    kernel: Any,
    bias: Any,
    relu: bool,
    strides: int | Sequence[int],
    padding: str,
    data_format: str | None,
    dilation_rate: int | Sequence[int],
    groups: Any,
    name: str,
) -> Any:
    rank = check_rank(inputs, name)
    steps, dilation = per_axis(strides, rank, "strides"), per_axis(dilation_rate, rank, "dilation_rate")
    padding = check_padding(padding, name, ("valid", "same", "causal") if rank == 1 else ("valid", "same"))
    windows = _windows(kernel, dilation)
    spatial, channel = find_axes(rank, data_format)
    sizes = [inputs.shape[axis] for axis in spatial]
    if padding == "valid":
        check_fit(sizes, windows, name)
    causal = [(windows[0] - 1, 0)]
    pads = causal if padding == "causal" else lax.padtype_to_pads(sizes, windows, steps, padding.upper())
    geometry = Geometry(steps, tuple(pads), dilation, groups)
    shape = (inputs.shape[0], *sizes, inputs.shape[channel])
    computed = native_dtype(shape, kernel.shape, kernel.dtype, geometry)
    if computed:
        x, w = _to_last(inputs, channel).astype(computed), kernel.astype(computed)
        b = None if bias is None else jnp.asarray(bias, computed)
        return _from_last(_native(x, w, b, relu, geometry).astype(kernel.dtype), channel)
    outputs = lax.conv_general_dilated(
        inputs,
        kernel,
        window_strides=steps,
        padding=pads,
        rhs_dilation=dilation,
        dimension_numbers=_dimension_numbers(rank, data_format),
        feature_group_count=groups,
    )
    if bias is not None:
        bias = jnp.asarray(bias)
        outputs = outputs + (bias if channel == rank + 1 else bias.reshape(-1, *(1,) * rank))
    return jax.nn.relu(outputs) if relu else outputs


def _native(x: Any, w: Any, b: Any, relu: bool, geometry: Geometry) -> Any:
    if w.shape[-2] == 1 and 1 < geometry.groups < w.shape[-1]:
        # Several filters to a channel of its own: copies of the channel with one filter each are faster.
        x = jnp.repeat(x, w.shape[-1] // geometry.groups, axis=-1)
        geometry = geometry._replace(groups=w.shape[-1])
    if b is None:
        y = kernels.convolve(x, w, geometry)
        return jax.nn.relu(y) if relu else y
    return kernels.convolve_affine(x, w, b, geometry, relu)


def _to_last(x: Any, channel: int) -> Any:
    return jnp.moveaxis(x, 1, -1) if channel == 1 else x


def _from_last(x: Any, channel: int) -> Any:
    return jnp.moveaxis(x, -1, 1) if channel == 1 else x


def _arrays(inputs: Any, kernel: Any) -> tuple[Any, Any]:
    kernel = jnp.asarray(kernel)
    inputs = jnp.asarray(inputs, kernel.dtype)
    if inputs.ndim != kernel.ndim:
        raise ValueError(
            f"The inputs have shape {inputs.shape} and the kernel {kernel.shape}; they must have equally many axes."
        )
    return inputs, kernel


def _windows(kernel: Any, dilation: Sequence[int]) -> list[int]:
    """How many positions the dilated kernel spans along each spatial axis."""
    return [(size - 1) * rate + 1 for size, rate in zip(kernel.shape, dilation)]


def _channel_axis(inputs: Any, data_format: str | None) -> int:
    return find_axes(inputs.ndim - 2, data_format)[1]


def _check_channels(inputs: Any, expected: int, kernel: Any, data_format: str | None, name: str) -> None:
    channels = inputs.shape[_channel_axis(inputs, data_format)]
    if channels != expected:
        raise ValueError(
            f"{name} got inputs of shape {inputs.shape} with {channels} channels, and a kernel of shape {kernel.shape} "
            f"for {expected}."
        )


def _dimension_numbers(rank: int, data_format: str | None, transpose: bool = False) -> lax.ConvDimensionNumbers:
    spatial, channel = find_axes(rank, data_format)
    outputs, inputs = (rank, rank + 1) if transpose else (rank + 1, rank)
    layout = (0, channel, *spatial)
    return lax.ConvDimensionNumbers(layout, (outputs, inputs, *range(rank)), layout)
