"""Moments, and what subtracts and divides by them."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

import lapis.core.config as config
from lapis.core.dtypes import result_type
from lapis.graph import op
from lapis.kernels import columns, layer_norm
from lapis.ops.arrays import Tensor, axis_tuple


def _mean_and_variance(x: Any, axes: Any) -> tuple[Any, Any]:
    mean = jnp.mean(x, axis=axes, keepdims=True)
    return mean, jnp.mean(jnp.square(x - mean), axis=axes, keepdims=True)


@op
def moments(
    x: Any, axes: int | Sequence[int] | None, keepdims: bool = False, synchronized: bool = False
) -> tuple[Tensor, Tensor]:
    """The mean and the variance over `axes`, computed in 32 bits for 16-bit floats.

    In a program that runs over several devices, statistics always cover the whole batch, so `synchronized` must be
    left false.

    >>> mean, variance = moments([1.0, 3.0], axes=0)
    >>> float(mean), float(variance)
    (2.0, 1.0)
    """
    if synchronized:
        raise NotImplementedError("moments covers the whole batch as it is; leave synchronized=False.")
    x = jnp.asarray(x)
    axes = axis_tuple(axes)
    short = x.dtype in ("float16", "bfloat16")
    wide = x.astype("float32") if short else x
    if columns.serves(wide, axes):
        shape = (*[1] * (x.ndim - 1), -1)
        mean, variance = (jnp.reshape(v, shape) for v in columns.moments(wide))
    else:
        mean, variance = _mean_and_variance(wide, axes)
    if not keepdims:
        mean, variance = jnp.squeeze(mean, axes), jnp.squeeze(variance, axes)
    if short:
        largest = jnp.finfo("float16").max
        mean, variance = (jnp.clip(v, -largest, largest).astype(x.dtype) for v in (mean, variance))
    return mean, variance


def _scale_and_shift(x: Any, mean: Any, variance: Any, scale: Any, shift: Any, epsilon: float) -> Any:
    """`scale * (x - mean) / sqrt(variance + epsilon) + shift`, as one product and one sum over `x`."""
    factor = jax.lax.rsqrt(variance + epsilon)
    if scale is not None:
        factor = factor * scale
    offset = -mean * factor
    if shift is not None:
        offset = offset + shift
    return x * factor + offset


@op
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> Tensor:
    """`scale * (x - mean) / sqrt(variance + epsilon) + offset`, with one of each number for every place on `axis`.

    Source: https://arxiv.org/abs/1502.03167.

    >>> batch_normalization([[1.0], [3.0]], [2.0], [1.0], axis=-1, epsilon=0.0).tolist()
    [[-1.0], [1.0]]
    """
    x = jnp.asarray(x)
    if axis % x.ndim == x.ndim - 1 and columns.serves(x, tuple(range(x.ndim - 1))):
        factor = jax.lax.rsqrt(jnp.asarray(variance) + epsilon)
        factor = factor if scale is None else factor * scale
        return columns.scale(x, mean, factor, jnp.zeros_like(factor) if offset is None else offset)
    shape = [1] * x.ndim
    shape[axis] = -1
    mean, variance, scale, offset = (
        None if v is None else jnp.reshape(jnp.asarray(v), shape) for v in (mean, variance, scale, offset)
    )
    return _scale_and_shift(x, mean, variance, scale, offset, epsilon)


@op
def layer_normalization(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: int | Sequence[int] = -1,
    epsilon: float | None = None,
    rms_scaling: bool = False,
) -> Tensor:
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with the moments of each sample over `axis`.

    `gamma` and `beta` have the sizes of `x` along `axis`. `rms_scaling` leaves the mean and `beta` out (kept for old
    files; it divides by the standard deviation, unlike `rms_normalization`). Source: https://arxiv.org/abs/1607.06450.

    >>> layer_normalization([[1.0, 3.0]], epsilon=0.0).tolist()
    [[-1.0, 1.0]]
    """
    x = jnp.asarray(x)
    epsilon = config.epsilon() if epsilon is None else epsilon
    wide = x.astype(result_type(x.dtype, "float32"))
    axes = sorted(a % x.ndim for a in ([axis] if isinstance(axis, int) else axis))
    shape = [x.shape[i] if i in axes else 1 for i in range(x.ndim)]

    def spread(v: Any) -> Any:
        return v if v is None else jnp.reshape(jnp.asarray(v, wide.dtype), shape)

    if not rms_scaling and layer_norm.serves(wide, axes, epsilon):
        return layer_norm.normalize(wide, gamma, beta, axes, epsilon).astype(x.dtype)
    mean, variance = _mean_and_variance(wide, tuple(axes))
    if rms_scaling:
        return _scale_and_shift(wide, jnp.zeros_like(mean), variance, spread(gamma), None, epsilon).astype(x.dtype)
    return _scale_and_shift(wide, mean, variance, spread(gamma), spread(beta), epsilon).astype(x.dtype)


@op
def rms_normalization(
    x: Any, scale: Any = None, axis: int | Sequence[int] = -1, epsilon: float | None = None
) -> Tensor:
    """`scale * x / sqrt(mean(x**2) + epsilon)`, with the mean of each sample over `axis`.

    Source: https://arxiv.org/abs/1910.07467.

    >>> rms_normalization([[3.0, 3.0]], epsilon=0.0).tolist()
    [[1.0, 1.0]]
    """
    x = jnp.atleast_1d(jnp.asarray(x))
    epsilon = config.epsilon() if epsilon is None else epsilon
    wide = x.astype(result_type(x.dtype, "float32"))
    axes = axis_tuple(sorted(axis) if isinstance(axis, (list, tuple)) else axis)
    result = wide * jax.lax.rsqrt(jnp.mean(jnp.square(wide), axis=axes, keepdims=True) + epsilon)
    return (result if scale is None else result * jnp.asarray(scale, wide.dtype)).astype(x.dtype)


@op
def normalize(x: Any, axis: int | Sequence[int] | None = -1, order: int = 2, epsilon: float | None = None) -> Tensor:
    """`x` divided by its norm of the given order over `axis`, or by `epsilon` where the norm is smaller.

    >>> [round(v, 4) for v in normalize([3.0, 4.0]).tolist()]
    [0.6, 0.8]
    """
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"normalize takes a whole number order from 1 up, and got {order!r}.")
    x = jnp.atleast_1d(jnp.asarray(x))
    axis = axis_tuple(axis)
    epsilon = config.epsilon() if epsilon is None else epsilon
    if order == 2:
        factor = jax.lax.rsqrt(jnp.sum(jnp.square(x), axis=axis, keepdims=True))
        return x * jnp.minimum(factor, min(1.0 / epsilon, float(jnp.finfo(factor.dtype).max)))
    return x / jnp.maximum(jnp.linalg.norm(x, ord=order, axis=axis, keepdims=True), epsilon)
